"""The interior-point method, step by step against a plain loop that solves the whole linearised
system.
"""

import math

import numpy as np
import pytest

from tests.bars import recording
from tests.oracles.samples import separable
from tunebound.bounds.separators import interior_point

ENOUGH, SHARE, SHORTEST = 1e-11, 0.995, 1e-12


def rows(seed=0, n=9, d=3):
    X, y = separable(np.random.default_rng(seed), n, d)
    Z = X * y[:, None]
    return Z / np.linalg.norm(Z, axis=1).max()


def linearised(Z, w, dual, slack, target):
    """One step of w, dual and slack: w = Z^T dual, Z w - slack = 1, dual slack + target."""
    n, d = Z.shape
    matrix = np.block(
        [
            [np.eye(d), -Z.T, np.zeros((d, n))],
            [Z, np.zeros((n, n)), -np.eye(n)],
            [np.zeros((n, d)), np.diag(slack), np.diag(dual)],
        ]
    )
    right = np.concatenate([Z.T @ dual - w, 1.0 - Z @ w + slack, target])
    return np.split(np.linalg.solve(matrix, right), [d, d + n])


def ratio(values, step):
    return min([-v / s for v, s in zip(values, step, strict=True) if s < 0], default=np.inf)


def predictor_corrector(Z, steps):
    """Iterates (w, dual, slack) and what is open at each."""
    n, d = Z.shape
    w, dual, slack = np.zeros(d), np.ones(n), np.ones(n)
    iterates, openings = [(dual, slack)], []
    for _ in range(steps):
        mu = dual @ slack / n
        openings.append(dual @ slack / max(1, w @ w) + max(abs(Z @ w - slack - 1)))
        if openings[-1] < ENOUGH:
            break
        _, a, s = linearised(Z, w, dual, slack, -dual * slack)
        affine = min(ratio(dual, a), ratio(slack, s), 1)
        after = (dual + affine * a) @ (slack + affine * s) / n
        v, a, s = linearised(Z, w, dual, slack, after**3 / mu**2 - dual * slack - a * s)
        length = min(SHARE * ratio(dual, a), SHARE * ratio(slack, s), 1)
        w, dual, slack = w + length * v, dual + length * a, slack + length * s
        iterates.append((dual, slack))
    return iterates, openings


# of one row longer than 1 the predictor could go beyond the solution of the linearised system
@pytest.mark.parametrize("Z", [rows(9, 9, 3), rows(5, 5, 5), rows(30, 30, 2), np.array([[1.2]])])
def test_every_iterate_is_that_of_the_whole_system(monkeypatch, Z):
    iterates, openings = predictor_corrector(Z, 100)
    asked, right = [], interior_point._closed
    monkeypatch.setattr(
        interior_point, "_closed", lambda open_: asked.append(open_) or right(open_)
    )
    active, shares = interior_point.support_of(Z)
    assert openings[-1] < ENOUGH < openings[-2]
    # the bar's length comes first; some digits are lost in the normal equations at the end
    assert asked[0] == ENOUGH
    assert len(asked) == 1 + len(openings) < 20
    assert asked[1:-4] == pytest.approx(openings[:-4], rel=1e-6)
    dual, slack = iterates[-1]
    assert shares == pytest.approx(dual / dual.sum(), abs=1e-8)
    assert np.array_equal(active, np.flatnonzero(dual > slack))
    for steps, (dual, slack) in enumerate(iterates[:-4]):
        monkeypatch.setattr(interior_point, "_STEPS", steps)
        active, shares = interior_point.support_of(Z)
        assert shares == pytest.approx(dual / dual.sum(), rel=1e-6)
        # what is equal at the start is not active
        assert np.array_equal(active, np.flatnonzero(dual > slack))


def test_a_step_solves_the_linearised_conditions():
    rng = np.random.default_rng(4)
    Z, w, target = rng.normal(size=(6, 3)), rng.normal(size=3), rng.normal(size=6)
    dual, slack = rng.exponential(size=(2, 6))
    matrix = np.eye(3) + Z.T @ np.diag(dual / slack) @ Z
    system = interior_point._System(
        Z,
        dual,
        slack,
        w - Z.T @ dual,
        Z @ w - slack - 1,
        (np.linalg.cholesky(matrix), True),
    )
    for found, expected in zip(
        system.step(target), linearised(Z, w, dual, slack, target), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_a_step_ends_where_the_first_value_is_0():
    values = np.array([3.0, 1.0, 2.0, 0.5])
    assert interior_point._length(values, np.array([-1.0, -0.5, 1.0, 0.0])) == 2.0
    assert interior_point._length(values, np.array([-0.25, 0.5, 1.0, 0.0])) == 12.0
    assert interior_point._length(values, np.ones(4)) == np.inf
    assert isinstance(interior_point._length(values, -values), float)


@pytest.mark.parametrize(
    ("open_", "digits"),
    [(1e-13, 11), (1e-11, 11), (2e-11, 10), (0.5, 0), (2e-4, 3), (1.0, 0), (7.0, 0)],
)
def test_digits_that_are_closed(open_, digits):
    assert interior_point._closed(open_) == digits


def counted(monkeypatch):
    """Where every linear system that is factored is noted."""
    factored, right = [], interior_point.scipy.linalg.cho_factor

    def noted(matrix, **options):
        factored.append(matrix.copy())
        return right(matrix, **options)

    monkeypatch.setattr(interior_point.scipy.linalg, "cho_factor", noted)
    return factored


@pytest.mark.parametrize(
    ("length", "systems"),
    [(SHORTEST, 1), (np.nan, 1), (np.nextafter(SHORTEST, 1), 5)],
)
def test_a_step_of_no_length_is_the_last(monkeypatch, length, systems):
    factored = counted(monkeypatch)
    monkeypatch.setattr(interior_point, "_SHARE", 1.0)
    monkeypatch.setattr(interior_point, "_STEPS", 5)
    monkeypatch.setattr(interior_point, "_length", lambda *_: length)
    _, shares = interior_point.support_of(rows())
    assert len(factored) == systems
    assert shares == pytest.approx(np.full(9, 1 / 9), rel=1e-10)


@pytest.mark.parametrize(("enough", "systems"), [(11.0, 1), (np.nextafter(11.0, 12), 0)])
def test_1_a_row_and_2_beside_are_open_at_the_start(monkeypatch, enough, systems):
    factored = counted(monkeypatch)
    Z = rows()
    monkeypatch.setattr(interior_point, "_STEPS", 1)
    monkeypatch.setattr(interior_point, "_ENOUGH", enough)
    interior_point.support_of(Z)
    assert len(factored) == systems
    if systems:
        np.testing.assert_allclose(factored[0], np.eye(3) + Z.T @ Z, rtol=1e-14)


def test_a_system_that_cannot_be_factored_ends_the_method(monkeypatch):
    calls, right = [], interior_point.scipy.linalg.cho_factor

    def fails_the_third_time(matrix, **options):
        calls.append(matrix)
        if len(calls) == 3:
            raise np.linalg.LinAlgError
        return right(matrix, **options)

    Z = rows()
    dual, slack = predictor_corrector(Z, 2)[0][-1]
    monkeypatch.setattr(interior_point.scipy.linalg, "cho_factor", fails_the_third_time)
    active, shares = interior_point.support_of(Z)
    assert len(calls) == 3
    assert shares == pytest.approx(dual / dual.sum(), rel=1e-10)
    assert np.array_equal(active, np.flatnonzero(dual > slack))


def test_products_that_vanish_end_the_method(monkeypatch):
    """Duals of 0 after a step: nothing is left to follow, however much is open."""
    factored = counted(monkeypatch)

    def to_the_boundary(self, target):
        return np.zeros(3), -0.5 * self.dual, -1.0 * self.slack

    monkeypatch.setattr(interior_point._System, "step", to_the_boundary)
    monkeypatch.setattr(interior_point, "_SHARE", 1.0)
    monkeypatch.setattr(interior_point, "_STEPS", 4)
    interior_point.support_of(rows())
    assert len(factored) == 1


def test_the_bar_counts_digits_and_waits_two_seconds(monkeypatch):
    seen = []

    monkeypatch.setattr(interior_point, "tqdm", recording(seen))
    Z = rows()
    interior_point.support_of(Z)
    assert seen[0] == {
        "total": 11,
        "desc": "separator",
        "unit": "digit",
        "miniters": 0,
        "disable": None,
        "delay": 2,
        "leave": False,
    }
    expected = [
        min(11, max(0, math.floor(-math.log10(open_)))) for open_ in predictor_corrector(Z, 100)[1]
    ]
    assert seen[1:] == expected
