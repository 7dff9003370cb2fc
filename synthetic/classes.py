"""Separable data of several classes whose margin, separator and dual are planted.

Why it is exact. Let ω_ck = ω_kc > 0 with Σ_{c<k} ω_ck = ½ and L = Σ_{c<k} ω_ck (e_c − e_k)(e_c −
e_k)ᵀ. L is positive semidefinite of trace 1, its kernel is spanned by (1, …, 1), and it has a root
U (K, d) with UUᵀ = L for every d ≥ K − 1: ‖U‖ = 1, the rows sum to 0, and u_cᵀu_k = −ω_ck. With the
pseudo-inverse U⁺, U U⁺s = s for every s with sum 0: a sample U⁺s + v, Uv = 0, has the scores s.

*Rivals "all".* A support sample of class c has the scores m(e_c − 1/K): it leads over every rival
by m. The dual ω_ck/m² against rival k, shared among the support samples of the class, gives
Σ α_ik (e_c − e_k)x_iᵀ = (L/m²)(m(I − 11ᵀ/K)U⁺ᵀ) = UUᵀU⁺ᵀ/m = U/m, where the v have the same
weighted mean in every class (the kernel of L).

*Rivals "one".* For every two classes c < k there are support samples p + m (u_c − u_k)/δ² + v of
class c and p − m (u_c − u_k)/δ² − v of class k, δ = ‖u_c − u_k‖, with (u_c − u_k)ᵀp = 0 and p so
far out that every other class is beaten by more than m. With duals of sum δ²/(2Km²) in either
class, weighted by which the v of both together have the sum 0, they contribute
(e_c − e_k)(u_c − u_k)ᵀ/(Km) whatever p is; over all c < k the sum is U/m, as the rows sum to 0.

The v are as many as leave the rows (e_y − e_k)x_iᵀ on the margin linearly independent: the dual is
the only one, and every support sample moves the separator.

All other samples lead by more than m. In both cases Σ α = 1/m², and complementary slackness holds:
these are the optimality conditions. No solver is involved.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from tunebound._ground.arrays import Floats, Integers
from tunebound._ground.checks import choice, real_number, whole_number
from tunebound.synthetic.class_dataset import ClassDataset, certified_class_margin
from tunebound.synthetic.planting import centre, dual_weights, random_frame
from tunebound.synthetic.truth import row_norms

RIVALS = ("one", "all")
SMALLEST_RATIO = 1e-9
PLANTED_TOLERANCE = 1e-12
GAP = 0.1  # by which the leads off the margin exceed it, relative


def make_classes(
    *,
    n: int = 60,
    d: int = 8,
    classes: int = 3,
    margin: float = 0.5,
    radius: float = 4.0,
    rivals: str = "one",
    seed: int = 0,
) -> ClassDataset:
    """Linearly separable data of several classes whose margin, separator, radius and dual are known
    exactly.

    Parameters
    ----------
    n : int
        Number of samples, at least 2 a class, and K(K − 1) with rivals "one".
    d : int
        Number of features, at least K.
    classes : int
        Number K of classes, at least 2.
    margin : float
        Planted margin over matrices of Frobenius norm 1, at least 1e-9 of the radius.
    radius : float
        Largest norm of a sample.
    rivals : {"one", "all"}
        Whether a support sample is held against one other class or against all of them.
    seed : int
        At least 0.

    Returns
    -------
    ClassDataset
        Samples in random order; the planted truth agrees with the data to rounding.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong kind or is out of range, or the margin is too large for the
        radius; the message says what to change.

    Examples
    --------
    >>> data = make_classes(n=30, d=5, classes=4, rivals="all", seed=1)
    >>> data.name
    'classes4-all-n30-d5-m0.5-r4-s1'
    """
    K = whole_number("classes", classes, low=2, remedy="a margin lies between two classes")
    choice("rivals", rivals, RIVALS)
    fewest = max(2 * K, K * (K - 1)) if rivals == "one" else 2 * K
    n = whole_number("n", n, low=fewest, remedy=f"{K} classes with rivals={rivals!r} need so many")
    d = whole_number("d", d, low=K, remedy="scores of K classes and something beside them need it")
    radius = real_number("radius", radius, low=1e-100, high=1e100, remedy="choose other units")
    margin = real_number(
        "margin",
        margin,
        low=SMALLEST_RATIO * radius,
        below=radius * np.sqrt(2),
        remedy="no lead exceeds √2 radius, and rounding hides a margin below 1e-9 of it",
    )
    seed = whole_number("seed", seed, low=0, remedy="choose a seed of 0, 1, 2, …")
    rng = np.random.default_rng([n, d, K, RIVALS.index(rivals), seed])
    draw = _held_by_one if rivals == "one" else _held_by_all
    separator = _root(K, d, rng)
    labels, base, lateral, dual = draw(separator, margin, n, rng)
    others = n - len(labels)
    missing = np.bincount(labels, minlength=K)
    rest = np.repeat(np.arange(K), np.maximum(2 - missing, 0))
    rest = np.append(rest, rng.integers(K, size=max(0, others - len(rest))))[:others]
    beyond, outward = _beyond_the_margin(separator, margin, rest, rng)
    X = _stretched(np.vstack([base, beyond]), np.vstack([lateral, outward]), radius, margin)
    order = rng.permutation(n)
    y = np.append(labels, rest)[order]
    data = ClassDataset(
        X=X[order],
        y=y,
        radius=radius,
        margin=margin,
        separator=separator,
        dual=np.vstack([dual, np.zeros((others, K))])[order],
        rivals=rivals,
        seed=seed,
    )
    _check(data)
    return data


def _root(classes: int, d: int, rng: np.random.Generator) -> Floats:
    """U with UUᵀ = Σ_{c<k} ω_ck (e_c − e_k)(e_c − e_k)ᵀ, no two ω more than a factor 3 apart."""
    laplacian = np.zeros((classes, classes))
    for (c, k), weight in zip(
        combinations(range(classes), 2),
        dual_weights(classes * (classes - 1) // 2, rng) / 2,
        strict=True,
    ):
        edge = np.zeros(classes)
        edge[[c, k]] = 1.0, -1.0
        laplacian += weight * np.outer(edge, edge)
    values, vectors = np.linalg.eigh(laplacian)
    root = (vectors[:, 1:] * np.sqrt(values[1:])) @ random_frame(d, classes - 1, rng).T
    root -= root.mean(axis=0)
    return np.asarray(root / np.linalg.norm(root))


def _with_scores(separator: Floats, scores: Floats) -> Floats:
    """The shortest samples (k, d) whose scores are the rows (k, K), up to a constant of each."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    return np.asarray(np.linalg.lstsq(separator, centred.T, rcond=None)[0].T)


def _lateral(separator: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Random vectors (count, d) with score 0 in every class, of norm about 1."""
    d = separator.shape[1]
    drawn = rng.standard_normal((count, d)) / np.sqrt(d)
    frame = np.linalg.svd(separator, full_matrices=False)[2][: len(separator) - 1]
    for _ in range(2):  # the first time leaves rounding of the size of what was removed
        drawn = drawn - drawn @ frame.T @ frame
    return drawn


def _held_by_all(
    separator: Floats, margin: float, n: int, rng: np.random.Generator
) -> tuple[Integers, Floats, Floats, Floats]:
    """Support samples that lead over every rival by the margin, as many in every class."""
    classes, d = separator.shape
    each = max(1, min(n // (3 * classes), d // classes))
    against = np.maximum(-separator @ separator.T, 0.0)
    np.fill_diagonal(against, 0.0)
    labels = np.repeat(np.arange(classes), each)
    base = _with_scores(separator, margin * np.eye(classes))[labels]
    lateral = np.tile(_lateral(separator, 1, rng), (len(labels), 1))
    dual = np.zeros((len(labels), classes))
    for label in range(classes):
        members = labels == label
        weights = dual_weights(each, rng)
        lateral[members] += centre(_lateral(separator, each, rng), weights)
        dual[members] = weights[:, None] * against[label] / margin**2
    return labels, base, lateral, dual


def _held_by_one(
    separator: Floats, margin: float, n: int, rng: np.random.Generator
) -> tuple[Integers, Floats, Floats, Floats]:
    """Support samples on the two sides of the margin between every two classes, as many of each."""
    classes, d = separator.shape
    borders = list(combinations(range(classes), 2))
    each = max(1, min(n // (6 * len(borders)), d // classes))
    labels, base, lateral, dual = [], [], [], []
    for c, k in borders:
        difference = separator[c] - separator[k]
        squared = float(difference @ difference)
        half = margin * difference / squared
        # how far the two samples' scores fall below those of a class that is neither
        lead = (1 + GAP) * margin + np.maximum(0.0, -_least_lead(separator, half, c, k))
        scores = np.zeros((1, classes))
        scores[0, [c, k]] = lead
        middle = _with_scores(separator, scores)[0]
        middle -= difference * float(difference @ middle) / squared
        weights = np.append(dual_weights(each, rng), dual_weights(each, rng)) / 2
        sideways = centre(_lateral(separator, 2 * each, rng), weights)
        weights *= squared / (classes * margin**2)
        for own, rival, sign, part in ((c, k, 1, slice(each)), (k, c, -1, slice(each, None))):
            labels += [own] * each
            base += [middle + sign * half] * each
            lateral += list(sign * sideways[part])
            held = np.zeros((each, classes))
            held[:, rival] = weights[part]
            dual += list(held)
    return np.array(labels), np.array(base), np.array(lateral), np.array(dual)


def _least_lead(separator: Floats, half: Floats, c: int, k: int) -> float:
    """By how much c leads at `half`, and k at its opposite, over the other classes at least."""
    rest = [label for label in range(len(separator)) if label not in (c, k)]
    if not rest:
        return 0.0
    scores = separator @ half
    return float(min(scores[c] - scores[rest].max(), scores[rest].min() - scores[k]))


def _beyond_the_margin(
    separator: Floats, margin: float, labels: Integers, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Samples that lead over every rival by (1 + gap) times the margin, and where each goes from
    there: further leads, and sideways.
    """
    classes = len(separator)
    own = np.eye(classes)[labels]
    base = _with_scores(separator, (1 + GAP) * margin * own)
    further = -rng.exponential(size=own.shape) * (1 - own) / classes
    outward = _with_scores(separator, further)
    return base, outward + 2 * _lateral(separator, len(labels), rng)


def _stretched(base: Floats, outward: Floats, radius: float, margin: float) -> Floats:
    """base + s·outward with the largest s ≥ 0 that keeps every sample within the radius."""
    start = row_norms(base)
    if start.max() >= radius:
        raise ValueError(
            f"margin={margin:g} is too large for radius={radius:g}: a sample that leads by it has"
            f" the norm {start.max():.4g} at least; lower the margin or raise the radius"
        )
    squared = (outward**2).sum(axis=1)
    along = (base * outward).sum(axis=1)
    room = (radius - start) * (radius + start)
    moving = squared > 0
    root = np.sqrt(along[moving] ** 2 + squared[moving] * room[moving])
    # of a s² + 2 b s = c the positive root, in the form that loses no digits
    b = along[moving]
    scale = np.where(b > 0, room[moving] / (b + root), (root - b) / squared[moving]).min()
    return np.asarray(base + scale * outward)


def _check(data: ClassDataset) -> None:
    """Hold the planting to its promise, on the finished samples."""
    assert data.separator is not None
    assert data.dual is not None
    assert data.margin is not None
    found = certified_class_margin(
        data.X, data.y, data.separator, data.dual, tolerance=PLANTED_TOLERANCE
    )
    longest = float(row_norms(data.X).max())
    if abs(found - data.margin) > PLANTED_TOLERANCE * data.radius:
        raise ValueError(f"the planted margin is {found!r}, asked for was {data.margin!r}")
    if abs(longest - data.radius) > PLANTED_TOLERANCE * data.radius:
        raise ValueError(f"the planted radius is {longest!r}, asked for was {data.radius!r}")
