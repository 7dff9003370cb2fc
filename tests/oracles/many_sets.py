"""Many small data sets at once, by routes that share nothing with the package: separators by trying
every active set, heads by plain steps. Z holds y_i x_i, shape (D, n, d).
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

INDEPENDENT = 1e-10  # of a Gram determinant, relative to orthogonal samples
FEASIBLE = 1e-9
ROUNDING = 1e-9  # of separators whose supports nearly depend on each other


@dataclass
class Largest:
    """Largest measured/bound of one statement on one family, and how often it is attained."""

    ratio: float = 0.0
    attained: int = 0
    violations: int = 0

    def add(self, measured, bound):
        measured, bound = np.broadcast_arrays(measured, bound)
        self.violations += int(np.sum(measured > bound + ROUNDING))
        seen = (measured > 1e-6) & (bound > 0)
        ratio = measured[seen] / bound[seen]
        self.ratio = max(self.ratio, float(ratio.max(initial=0.0)))
        self.attained += int(np.sum(np.abs(ratio - 1) <= 1e-10))


def separators(Z, left_out):
    """Weights (G, D, d), duals (G, D, n) and whether found (D,), for each tuple of left-out
    samples.

    Some linearly independent samples support every separator; where all of them nearly depend on
    each other, none is found.
    """
    D, n, d = Z.shape
    weights, duals = np.zeros((len(left_out), D, d)), np.zeros((len(left_out), D, n))
    found = np.zeros((len(left_out), D), dtype=bool)
    for size in range(1, min(n, d) + 1):
        for active in map(list, combinations(range(n), size)):
            rows = Z[:, active]
            gram = rows @ rows.transpose(0, 2, 1)
            diagonal = np.prod(np.diagonal(gram, axis1=1, axis2=2), axis=1)
            good = np.linalg.det(gram) > INDEPENDENT * diagonal
            gram[~good] = np.eye(size)
            alpha = np.linalg.solve(gram, np.ones((D, size, 1)))[..., 0]
            w = np.einsum("dk,dkj->dj", alpha, rows)
            products = np.einsum("dnj,dj->dn", Z, w)
            good &= alpha.min(axis=1) > 0
            for group, gone in enumerate(left_out):
                if set(gone) & set(active):
                    continue
                stays = [j for j in range(n) if j not in gone]
                take = good & ~found[group] & (products[:, stays].min(axis=1) > 1 - FEASIBLE)
                weights[group, take], found[group, take] = w[take], True
                duals[group, np.flatnonzero(take)[:, None], active] = alpha[take]
    return weights, duals, found.all(axis=0)


def descend(Z, rates, terms, *, others=1.0):
    """Heads (D, n + 1, d) after each step, of all samples first, and drifts (D, n) c_i |z_i|.

    terms: for each step the weights (D, n) of the samples' terms; a left-out sample's is 0 and the
    others are multiplied by `others`.
    """
    D, n, d = Z.shape
    kept = np.vstack([np.ones(n), others * (1 - np.eye(n))])
    heads, drift = np.zeros((D, n + 1, d)), np.zeros((D, n))
    norms = np.linalg.norm(Z, axis=2)
    for weight in terms:
        with np.errstate(over="ignore"):
            activity = 1 / (1 + np.exp(heads @ Z.transpose(0, 2, 1)))
        moves = rates[:, None, None] * activity * kept * weight[:, None]
        drift = drift + moves[:, 0] * norms
        heads = heads + moves @ Z
        yield heads, drift


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
