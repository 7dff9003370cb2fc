"""`make_separable`: one call for every family."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from tunebound._ground.arrays import Integers
from tunebound._ground.checks import real_array, real_number, require, whole_number
from tunebound.synthetic.dataset import SeparableDataset
from tunebound.synthetic.planting import even_labels
from tunebound.synthetic.registry import Family, Planted, Refused, Request, find_family
from tunebound.synthetic.truth import certified_margin, row_norms

# Samples are rounded at 1e-16 of the radius, so a margin below this share of it would not be known
# to 7 digits.
SMALLEST_RATIO = 1e-9
# Squares and their inverses stay inside the range of float64.
SMALLEST, LARGEST = 1e-100, 1e100
PLANTED_TOLERANCE = 1e-12


def make_separable(
    family: str | Family = "gaussian",
    *,
    n: int = 100,
    d: int = 20,
    margin: float = 0.5,
    radius: float = 4.0,
    seed: int = 0,
    **options: Any,
) -> SeparableDataset:
    """Linearly separable data whose margin, separator, radius, dual and support are known exactly.

    The same arguments give the same data on any machine, up to rounding. The random numbers depend
    on family, n, d and seed only, so that two margins or radii of the same seed are the same cloud,
    parted and stretched differently.

    Parameters
    ----------
    family : str or Family
        A name in `families()`, or a family itself, registered or not.
    n : int
        Number of samples, at least 4 (two of each class).
    d : int
        Number of features, at least 2.
    margin : float
        Planted margin, below ``radius`` and at least 1e-9 of it.
    radius : float
        Largest norm of a sample.
    seed : int
        At least 0.
    **options
        Options of the family; `families()[family].options` lists them.

    Returns
    -------
    SeparableDataset
        Samples in random order; the planted truth agrees with the data to rounding
        (1e-16·radius/margin relative).

    Raises
    ------
    TypeError
        If an argument has the wrong kind (a bool for a number, a number for the family).
    ValueError
        If the family or an option is unknown, a value is out of range, or the family cannot honour
        the request; the message says why and what to change.

    Examples
    --------
    >>> data = make_separable("gaussian", n=50, d=5, margin=0.5, radius=4.0, seed=1)
    >>> data.name, data.X.shape
    ('gaussian-n50-d5-m0.5-r4-s1', (50, 5))
    >>> round(float((data.y * (data.X @ data.separator)).min()), 12)
    0.5
    """
    chosen = find_family(family)
    request = _checked_request(chosen, n, d, margin, radius, options)
    seed = whole_number("seed", seed, low=0, remedy="choose a seed of 0, 1, 2, …")
    rng = np.random.default_rng(
        np.random.SeedSequence([_number_of(chosen.name), request.n, request.d, seed])
    )
    planted = chosen.draw(request, rng)
    _check_arrays(planted, request)
    order = rng.permutation(request.n)
    labels = planted.labels if planted.labels is not None else _equal_classes(planted, rng)
    labels = np.asarray(labels, dtype=np.int64)[order]
    X, dual = labels[:, None] * planted.Z[order], planted.dual[order]
    data = SeparableDataset(
        X=X,
        y=labels,
        radius=request.radius,
        margin=request.margin,
        separator=planted.separator,
        dual=dual,
        support=np.flatnonzero(dual > 0).astype(np.int64),
        family=chosen.name,
        seed=seed,
        options={name: request.options[name] for name in options},
    )
    _check_planting(data)
    return data


def _checked_request(
    family: Family, n: int, d: int, margin: float, radius: float, options: dict[str, Any]
) -> Request:
    n = whole_number(
        "n", n, low=4, remedy="each class needs two samples, so that one can be left out"
    )
    d = whole_number(
        "d", d, low=2, remedy="support vectors need a direction orthogonal to the separator"
    )
    units = "choose other units"
    radius = real_number("radius", radius, low=SMALLEST, high=LARGEST, remedy=units)
    margin = real_number("margin", margin, low=SMALLEST, high=LARGEST, remedy=units)
    if margin > radius:
        raise Refused(
            f"margin={margin:g} exceeds radius={radius:g}: no sample is farther from the separating"
            " plane than its norm; lower the margin or raise the radius"
        )
    if margin == radius:
        raise Refused(
            f"margin={margin:g} equals the radius: then every sample is ±radius·separator and no"
            " two differ; lower the margin or raise the radius"
        )
    if margin < SMALLEST_RATIO * radius:
        raise Refused(
            f"margin={margin:g} is below {SMALLEST_RATIO:g} of radius={radius:g}: rounding of the"
            " samples would hide it; raise the margin or lower the radius"
        )
    return Request(
        family=family.name,
        n=n,
        d=d,
        margin=margin,
        radius=radius,
        options=family.checked_options(options),
    )


def _number_of(name: str) -> int:
    # Not hash(): that differs from process to process.
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")


def _equal_classes(planted: Planted, rng: np.random.Generator) -> Integers:
    """Labels (n,), half of them +1, with both classes among two or more support vectors."""
    labels = even_labels(np.empty(0, dtype=np.int64), planted.Z.shape[0], rng)
    support = np.flatnonzero(planted.dual > 0)
    if support.size >= 2 and np.unique(labels[support]).size == 1:
        other = int(np.flatnonzero(labels != labels[support[0]])[0])
        labels[[support[0], other]] = labels[[other, support[0]]]
    return labels


def _check_arrays(planted: Planted, request: Request) -> None:
    """Hold the family to shapes, finite numbers and labels ±1."""
    parts = {
        "Z": (planted.Z, (request.n, request.d)),
        "separator": (planted.separator, (request.d,)),
        "dual": (planted.dual, (request.n,)),
        "labels": (np.ones(request.n) if planted.labels is None else planted.labels, (request.n,)),
    }
    try:
        for name, (value, shape) in parts.items():
            array = real_array(name, value)
            if array.shape != shape:
                raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
            if name == "labels":
                require(name, array, np.abs(array) == 1, "must be -1 or +1")
    except (TypeError, ValueError) as error:
        raise _wrong_planting(request.family, error) from error


def _wrong_planting(family: str, problem: object) -> ValueError:
    return ValueError(
        f"family {family!r} returned a wrong planting: {problem}; correct the family's function"
    )


def _check_planting(data: SeparableDataset) -> None:
    """Hold the family to its promise: the truth is checked on the finished samples, whatever file
    it came from.
    """
    assert data.separator is not None
    assert data.dual is not None
    assert data.margin is not None
    try:
        if min(int((data.y == 1).sum()), int((data.y == -1).sum())) < 2:
            raise ValueError("a class has fewer than two samples")
        margin = certified_margin(
            data.X, data.y, data.separator, data.dual, tolerance=PLANTED_TOLERANCE
        )
        radius = float(row_norms(data.X).max())
        if abs(margin - data.margin) > PLANTED_TOLERANCE * data.radius:
            raise ValueError(f"its margin is {margin!r} where {data.margin!r} was asked for")
        if abs(radius - data.radius) > PLANTED_TOLERANCE * data.radius:
            raise ValueError(f"its radius is {radius!r} where {data.radius!r} was asked for")
    except ValueError as error:
        raise _wrong_planting(data.family, error) from error
