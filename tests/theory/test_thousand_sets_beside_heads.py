"""Several classes, regularised heads and full tuning, each on a thousand small random problems, by
active sets, Newton's method and plain steps.
"""

import numpy as np
import pytest

from tests.oracles.class_samples import separable_classes
from tests.oracles.many_sets import Largest, separators, unit
from tests.oracles.samples import separable
from tunebound.bounds import churn, full, multi_class, regularised

# n, d, classes, sets
CLASSES = ((4, 2, 2, 330), (5, 3, 2, 330), (6, 3, 3, 400))
RECORDS = (1, 2, 5, 15, 40)
PENALTIES = (1e-4, 1e-3, 1e-2, 0.1, 1.0)


def show(largest, family, sets):
    for name, each in largest.items():
        print(f"{name:20} {family:16} {sets:5} {each.ratio:.6f} {each.attained:6}")
        assert each.violations == 0, name
        assert each.ratio > 0.1, name  # the problems are no easy ones


def softmax_runs(X, y, classes, rates, others):
    """Heads (D, n + 1, K, d) after each step from zero, of all samples first."""
    D, n, d = X.shape
    kept = np.vstack([np.ones(n), others * (1 - np.eye(n))]) / n
    own = np.eye(classes)[y][:, None]
    W = np.zeros((D, n + 1, classes, d))
    for _ in range(RECORDS[-1]):
        scores = np.einsum("dnj,dgkj->dgnk", X, W)
        powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
        missing = own - powers / powers.sum(axis=-1, keepdims=True)
        moves = np.einsum("gn,dgnk,dnj->dgkj", kept, missing, X)
        W = W + rates[:, None, None, None] * moves
        yield W.reshape(D, n + 1, -1)


@pytest.mark.slow
def test_several_classes():
    largest = {name: Largest() for name in ("K-deletion", "K-limit", "K-anytime", "K 1/(n−1)")}
    total = 0
    for n, d, classes, sets in CLASSES:
        rng = np.random.default_rng([n, d, classes])
        drawn = [
            separable_classes(rng, n, d, classes, gap=10 ** rng.uniform(-1.5, 1))
            for _ in range(sets)
        ]
        X, y = np.stack([x for x, _ in drawn]), np.stack([labels for _, labels in drawn])
        # heads whose rows sum to 0, in an orthonormal basis: fewer dimensions, fewer active sets
        basis = np.linalg.svd(np.eye(classes) - 1 / classes)[0][:, : classes - 1]
        rivals = np.array([[k for k in range(classes) if k != label] for label in range(classes)])
        away = basis[y][:, :, None] - basis[rivals[y]]
        Z = np.einsum("dnrc,dnj->dnrcj", away, X).reshape(sets, n * (classes - 1), -1)
        groups = np.arange(n * (classes - 1)).reshape(n, -1)
        weights, duals, found = separators(Z, [(), *map(tuple, groups)])
        X, y, weights, duals = X[found], y[found], weights[:, found], duals[0, found]
        total += len(X)
        distance = np.linalg.norm(unit(weights[1:]) - unit(weights[0]), axis=2).T
        norms = np.linalg.norm(X, axis=2)
        margin = 1 / np.linalg.norm(weights[0], axis=1)
        dual = np.zeros((len(X), n, classes))
        np.put_along_axis(dual, rivals[y], duals.reshape(len(X), n, -1), axis=2)
        size = {"n": n, "margin": margin, "radius": norms.max(axis=1)}
        bound = multi_class.deletion(margin=margin, dual=dual, norms=norms)
        largest["K-deletion"].add(distance, bound)
        largest["K-limit"].add(distance.mean(axis=1), multi_class.limit(**size))
        curvature = np.linalg.eigvalsh(X.transpose(0, 2, 1) @ X / n)[:, -1]
        share = rng.choice([0.03, 0.3, 1.0], size=len(X))
        for weighting, name, others in (
            ("1/n", "K-anytime", 1.0),
            ("1/(n-1)", "K 1/(n−1)", n / (n - 1)),
        ):
            bound = multi_class.anytime(**size, weighting=weighting)
            runs = softmax_runs(X, y, classes, share * 4 / curvature / others, others)
            for step, W in enumerate(runs, start=1):
                if step in RECORDS:
                    moved = np.linalg.norm(unit(W[:, 1:]) - unit(W[:, :1]), axis=2)
                    largest[name].add(moved.mean(axis=1), bound)
    assert total >= 1000
    show(largest, "several classes", total)


def minimisers(Z, lam):
    """Minimisers (D, n + 1, d) of the mean logistic loss plus (lam/2)|w|², weights 1/n."""
    D, n, d = Z.shape
    kept = np.vstack([np.ones(n), 1 - np.eye(n)]) / n
    heads = np.zeros((D, n + 1, d))
    for _ in range(200):
        wrong = 1 / (1 + np.exp(np.clip(heads @ Z.transpose(0, 2, 1), -700, 700)))
        gradient = lam[:, None, None] * heads - (kept * wrong) @ Z
        hessian = np.einsum("dgn,dni,dnj->dgij", kept * wrong * (1 - wrong), Z, Z)
        hessian += lam[:, None, None, None] * np.eye(d)
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        move = np.abs(step @ Z.transpose(0, 2, 1)).max(axis=2, keepdims=True)
        # the loss is self-concordant in this sense: damped, every step descends
        heads = heads - step * np.log1p(move) / np.maximum(move, 1e-300)
        if move.max() < 1e-13:
            return heads, wrong[:, 0]
    raise AssertionError(f"Newton's method left a move of {move.max():g}")


@pytest.mark.slow
@pytest.mark.parametrize("separated", [True, False])
def test_regularised_heads(separated):
    names = ["L-ball", "L-newton", "L-newton values", *(["L-path"] if separated else [])]
    largest = {name: Largest() for name in names}
    total = flips = 0
    for n, d in ((5, 2), (6, 3), (7, 8), (8, 2)):
        rng = np.random.default_rng([n, d, separated])
        sets = 260
        drawn = [separable(rng, n, d, gap=10 ** rng.uniform(-2, 0.5)) for _ in range(sets)]
        X, y = np.stack([x for x, _ in drawn]), np.stack([labels for _, labels in drawn])
        if not separated:
            X += rng.normal(size=X.shape)
            y = np.where(rng.random(y.shape) < 0.5, -1, 1)
            y[:, :2] = -1, 1
        lam = rng.choice(PENALTIES, size=sets)
        Z, norms = X * y[..., None], np.linalg.norm(X, axis=2)
        heads, wrong = minimisers(Z, lam)
        distance = np.linalg.norm(heads[:, 1:] - heads[:, :1], axis=2)
        bound = regularised.ball(n=n, lam=lam[:, None], residuals=wrong, norms=norms)
        largest["L-ball"].add(distance, bound)
        if separated:
            weights, _, found = separators(Z, [()])
            margin = 1 / np.linalg.norm(weights[0, found], axis=1)
            radius = norms[found].max(axis=1)
            turned = np.linalg.norm(unit(heads[found, 1:]) - unit(heads[found, :1]), axis=2)
            bound = regularised.path(n=n, margin=margin, radius=radius)
            largest["L-path"].add(turned.mean(axis=1), bound)
        points = rng.normal(size=(sets, 4, d))
        for k in range(sets):
            near = regularised.approximate_leave_one_out(X[k], y[k], heads[k, 0], lam=lam[k])
            certain = near.tau < 1
            error = np.linalg.norm(near.weights - heads[k, 1:], axis=1)
            largest["L-newton"].add(error[certain], near.distance[certain])
            values, off = near.predict(points[k])
            exact = points[k] @ heads[k, 1:].T
            largest["L-newton values"].add(np.abs(values - exact)[:, certain], off[:, certain])
            kept = churn.ball(
                points=points[k], weights=heads[k, 0], diameter=near.gradients / lam[k]
            )
            changed = exact * (points[k] @ heads[k, 0])[:, None] < 0
            flips += changed.sum()
            assert not (changed & kept).any()
        total += sets
    assert total >= 1000
    assert flips > 1000  # there was something to certify
    show(largest, "separable" if separated else "random labels", total)


@pytest.mark.slow
def test_full_tuning_of_quadratics():
    largest = {name: Largest() for name in ("F-contraction", "by the minimiser")}
    rng = np.random.default_rng(0)
    sets, d = 1000, 2
    for n in (2, 3, 5):
        kappa = 10 ** rng.uniform(-2, 0, sets)
        turns = np.linalg.qr(rng.normal(size=(sets, n, d, d)))[0]
        # curvatures at the ends of their range: where the worst cases are
        low = rng.random((sets, n, d)) < 0.5
        curvature = np.where(low, kappa[:, None, None], 1.0)
        hessians = np.einsum("snij,snj,snkj->snik", turns, curvature, turns)
        whole = hessians.mean(axis=1)
        left_out = whole[:, None] - hessians / n
        start = unit(rng.normal(size=(sets, d)))
        w, others = start[..., None], np.repeat(start[:, None, :, None], n, axis=1)
        for step in range(1, 41):
            w, others = w - whole @ w, others - left_out @ others
            if step not in RECORDS:
                continue
            distance = np.linalg.norm((others - w[:, None])[..., 0], axis=2).max(axis=1)
            data = {"n": n, "mu": kappa, "beta": 1.0, "distance": 1.0, "steps": step}
            largest["F-contraction"].add(distance, full.contraction(**data))
            c = (n - 1) / n
            cap = (1 - c * kappa) ** step + (1 - kappa) ** step
            largest["by the minimiser"].add(distance, cap)
    show(largest, "quadratics", 3 * sets)
