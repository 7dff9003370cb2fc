"""Quadratics: planted constants against dense eigenvalues, solves, autograd and search on the
ball.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from tunebound._ground.storage import write_arrays
from tunebound.synthetic.largest_gradient import largest_quadratic_gradient
from tunebound.synthetic.quadratics import QuadraticProblem, make_quadratics
from tunebound.synthetic.spectra import SPECTRA


@pytest.mark.parametrize("spectrum", sorted(SPECTRA))
@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize("interpolate", [False, True])
def test_the_constants_are_the_ones_asked_for(spectrum, rotated, interpolate):
    problem = make_quadratics(
        12,
        5,
        mu=0.03,
        beta=2.5,
        distance=1.7,
        seed=4,
        spectrum=spectrum,
        rotated=rotated,
        interpolate=interpolate,
    )
    eigenvalues = np.linalg.eigvalsh(problem.hessians)
    assert (problem.mu, problem.beta) == (0.03, 2.5)
    assert abs(eigenvalues.min() - 0.03) <= 1e-15 * 2.5 * 10
    assert abs(eigenvalues.max() - 2.5) <= 1e-15 * 2.5 * 10
    assert abs(np.linalg.norm(problem.start - problem.minimiser) - 1.7) < 1e-14
    assert problem.distance == pytest.approx(1.7, rel=1e-14)
    assert problem.interpolates is interpolate
    H, m = problem.hessians, problem.minimisers
    solved = np.linalg.lstsq(H.sum(axis=0), np.einsum("nij,nj->i", H, m), rcond=None)[0]
    assert np.allclose(problem.minimiser, solved, rtol=0, atol=1e-12)
    if interpolate:
        assert (problem.losses(problem.minimiser) == 0).all()
    else:
        assert (problem.losses(problem.minimiser) > 0).all()
        assert np.sqrt(((m - problem.minimiser) ** 2).sum(axis=1).mean()) == pytest.approx(
            1.7, rel=1e-12
        )
    assert (problem.n, problem.d) == (12, 5)


def test_commuting_hessians_hit_the_constants_to_the_last_bit():
    problem = make_quadratics(
        6, 4, mu=1e-13, beta=0.3, distance=1.0, seed=1, spectrum="log-uniform"
    )
    diagonals = np.diagonal(problem.hessians, axis1=1, axis2=2)
    assert diagonals.min() == 1e-13
    assert diagonals.max() == 0.3
    first, second = problem.hessians[0], problem.hessians[1]
    assert np.array_equal(first @ second, second @ first)
    turned = make_quadratics(6, 4, mu=1e-3, beta=0.3, distance=1.0, seed=1, rotated=True).hessians
    assert np.abs(turned[0] @ turned[1] - turned[1] @ turned[0]).max() > 1e-3


def test_the_extremes_belong_to_different_samples_even_in_one_dimension():
    problem = make_quadratics(2, 1, mu=0.2, beta=0.9, distance=1.0)
    assert sorted(problem.hessians.ravel()) == [0.2, 0.9]


def test_the_spectra_have_their_shapes():
    def inner(spectrum):
        return np.diagonal(
            make_quadratics(400, 30, mu=1e-4, beta=1.0, distance=1.0, spectrum=spectrum).hessians,
            axis1=1,
            axis2=2,
        )

    assert inner("uniform").mean() == pytest.approx(0.5, abs=0.02)
    assert np.log(inner("log-uniform")).mean() == pytest.approx(np.log(1e-4) / 2, rel=0.02)
    two = inner("two-point")
    assert set(np.unique(two)) == {1e-4, 1.0}
    assert (two == 1.0).mean() == pytest.approx(0.5, abs=0.02)
    ranks = np.arange(1, 31)
    slope = np.polyfit(np.log(ranks), np.log(inner("power-law").mean(axis=0)), 1)[0]
    assert slope == pytest.approx(-1.5, abs=0.1)


def test_losses_and_gradients_agree_with_autograd():
    problem = make_quadratics(
        7, 4, mu=0.1, beta=2.0, distance=1.0, seed=2, rotated=True, interpolate=False
    )
    points = np.random.default_rng(0).normal(size=(3, 4))
    assert problem.losses(points).shape == (3, 7)
    assert problem.gradients(points).shape == (3, 7, 4)
    H, m = torch.tensor(problem.hessians), torch.tensor(problem.minimisers)
    for k, point in enumerate(points):
        for i in range(7):
            w = torch.tensor(point, requires_grad=True)
            loss = 0.5 * (w - m[i]) @ H[i] @ (w - m[i])
            loss.backward()
            assert problem.losses(points)[k, i] == pytest.approx(loss.item(), rel=1e-12)
            assert np.allclose(problem.gradients(point)[i], w.grad.numpy(), rtol=0, atol=1e-12)


def test_lipschitz_is_attained_and_never_exceeded_without_interpolation():
    problem = make_quadratics(
        5, 3, mu=0.1, beta=1.0, distance=0.8, seed=3, rotated=True, interpolate=False, scatter=0.5
    )

    def norm(v, i):
        w = problem.minimiser + 0.8 * v / np.linalg.norm(v)
        return np.linalg.norm(problem.hessians[i] @ (w - problem.minimisers[i]))

    rng = np.random.default_rng(0)
    found = max(
        -minimize(lambda v, i=i: -norm(v, i), rng.normal(size=3), tol=1e-14).fun
        for i in range(5)
        for _ in range(6)
    )
    assert found == pytest.approx(problem.lipschitz, rel=1e-8)
    inside = problem.minimiser + 0.8 * rng.uniform(size=(500, 1)) * _directions(rng, 500, 3)
    assert np.linalg.norm(problem.gradients(inside), axis=-1).max() <= problem.lipschitz


def test_lipschitz_with_interpolation_is_beta_times_distance():
    problem = make_quadratics(5, 3, mu=0.1, beta=1.3, distance=0.8, rotated=True)
    assert problem.lipschitz == 1.3 * 0.8
    values, bases = np.linalg.eigh(problem.hessians)
    i = values[:, -1].argmax()
    end = problem.minimiser + 0.8 * bases[i, :, -1]
    assert np.linalg.norm(problem.gradients(end)[i]) == pytest.approx(problem.lipschitz, rel=1e-14)


def test_the_largest_gradient_in_the_hard_case():
    # g has no component along the top eigenvector: the maximum needs one, of free sign.
    lam, g = np.array([[2.0, 1.0]]), np.array([[0.0, 0.3]])
    angles = np.linspace(0, 2 * np.pi, 200_001)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert largest_quadratic_gradient(lam, g, 1.0)[0] == pytest.approx(
        np.linalg.norm(circle * lam + g, axis=1).max(), rel=1e-9
    )
    assert largest_quadratic_gradient(lam, g, 0.0)[0] == 0.3


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(-30, 30), st.floats(-30, 30))
def test_the_largest_gradient_scales(seed, curvature_power, radius_power):
    rng = np.random.default_rng(seed)
    lam, g = rng.uniform(0.1, 1, (2, 3)), rng.normal(size=(2, 3))
    a, r = 10.0**curvature_power, 10.0**radius_power
    assert np.allclose(
        largest_quadratic_gradient(a * lam, a * r * g, r),
        a * r * largest_quadratic_gradient(lam, g, 1.0),
        rtol=1e-10,
        atol=0,
    )


def test_the_run_stays_in_the_ball():
    for interpolate in (True, False):
        problem = make_quadratics(
            8, 4, mu=0.05, beta=1.0, distance=2.0, seed=5, rotated=True, interpolate=interpolate
        )
        w = problem.start
        for _ in range(50):
            w = w - problem.gradients(w).mean(axis=0) / problem.beta
            assert np.linalg.norm(w - problem.minimiser) <= 2.0
            assert np.linalg.norm(problem.gradients(w), axis=1).max() <= problem.lipschitz


def test_the_seed_decides():
    first, again, other = (
        make_quadratics(4, 3, mu=0.1, beta=1, distance=1, seed=seed) for seed in (7, 7, 8)
    )
    assert np.array_equal(first.hessians, again.hessians)
    assert np.array_equal(first.start, again.start)
    assert not np.array_equal(first.start, other.start)


def test_one_condition_number_means_identities():
    assert np.array_equal(
        make_quadratics(3, 2, mu=1.0, beta=1.0, distance=1.0).hessians,
        np.broadcast_to(np.eye(2), (3, 2, 2)),
    )


@pytest.mark.parametrize("interpolate", [True, False])
def test_files_come_back_bit_for_bit(tmp_path, interpolate):
    problem = make_quadratics(
        4, 3, mu=1e-9, beta=1.0, distance=2.0, rotated=True, interpolate=interpolate, seed=9
    )
    again = QuadraticProblem.from_npz(problem.to_npz(tmp_path / "problem.npz"))
    for name in ("hessians", "minimisers", "minimiser", "start", "mu", "beta", "lipschitz"):
        assert np.array_equal(getattr(problem, name), getattr(again, name)), name
    assert [path.name for path in tmp_path.iterdir()] == ["problem.npz"]


def test_arrays_from_outside_get_their_constants():
    made = make_quadratics(
        6, 3, mu=0.2, beta=1.5, distance=1.0, rotated=True, interpolate=False, seed=3
    )
    taken = QuadraticProblem.from_arrays(made.hessians, made.minimisers, made.start)
    for name in ("mu", "beta", "lipschitz", "distance"):
        assert getattr(taken, name) == pytest.approx(getattr(made, name), rel=1e-12)
    assert np.allclose(taken.minimiser, made.minimiser, rtol=0, atol=1e-12)
    shared = QuadraticProblem.from_arrays(made.hessians, made.minimiser, made.start)
    assert shared.interpolates
    assert shared.lipschitz == pytest.approx(1.5, rel=1e-12)


GOOD = dict(n=4, d=3, mu=0.1, beta=1.0, distance=1.0)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (dict(n=1), ValueError, "n must be at least 2, got 1; leaving one out needs two samples"),
        (dict(n=2.0), TypeError, "n must be an integer"),
        (dict(n=True), TypeError, "n must be an integer, got True"),
        (dict(d=0), ValueError, "d must be at least 1"),
        (dict(mu=0.0), ValueError, "mu must be finite and in .* strong convexity lies above 0"),
        (dict(mu=2.0), ValueError, r"mu must be finite and in \[1e-100, 1\], got 2.0"),
        (dict(mu=float("nan")), ValueError, "mu must be finite"),
        (dict(beta=float("inf")), ValueError, "beta must be finite"),
        (dict(beta="1"), TypeError, "beta must be a real number"),
        (dict(distance=0), ValueError, "distance must be finite and in"),
        (dict(distance=True), TypeError, "distance must be a real number"),
        (dict(seed=-1), ValueError, "seed must be at least 0"),
        (
            dict(spectrum="unifrom"),
            ValueError,
            "no spectrum is named 'unifrom'; did you mean 'uniform'",
        ),
        (dict(rotated=1), TypeError, "rotated must be True or False, got 1"),
        (dict(interpolate="no"), TypeError, "interpolate must be True or False, got 'no'"),
        (
            dict(mu=1e-13, rotated=True),
            ValueError,
            "mu must be at least 1e-12 . beta when rotated=True.*pass rotated=False",
        ),
        (
            dict(scatter=1.0),
            ValueError,
            "scatter=1.0 has no meaning when interpolate=True; leave it out",
        ),
        (dict(scatter=-1.0, interpolate=False), ValueError, "scatter must be finite and in"),
    ],
)
def test_bad_requests_are_refused(change, kind, message):
    with pytest.raises(kind, match=message):
        make_quadratics(**(GOOD | change))


IDENTITIES = np.broadcast_to(np.eye(2), (3, 2, 2))


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            (IDENTITIES[0], np.zeros(2), np.ones(2)),
            ValueError,
            r"hessians must have shape \(n, d, d\) with n >= 2, got \(2, 2\)",
        ),
        (
            (IDENTITIES, np.zeros((2, 2)), np.ones(2)),
            ValueError,
            r"minimisers must have shape \(3, 2\), or \(2,\)",
        ),
        (
            (IDENTITIES, np.zeros(2), np.ones(3)),
            ValueError,
            r"start must have shape \(2,\), got \(3,\)",
        ),
        (
            (IDENTITIES + np.triu(np.ones((2, 2)), 1), np.zeros(2), np.ones(2)),
            ValueError,
            "hessians must be symmetric; replace H",
        ),
        (
            (IDENTITIES * [[1], [-1]], np.zeros(2), np.ones(2)),
            ValueError,
            "hessians must be positive definite, got the eigenvalue -1",
        ),
        (
            (IDENTITIES, [0, float("nan")], np.ones(2)),
            ValueError,
            r"minimisers\[1\] = nan: minimisers must be finite",
        ),
        (
            (IDENTITIES, ["a", "b"], np.ones(2)),
            TypeError,
            "minimisers must be made of real numbers",
        ),
        (
            (IDENTITIES, [[0.0], [0.0, 1.0]], np.ones(2)),
            ValueError,
            "minimisers is ragged: rows must have equal lengths",
        ),
    ],
)
def test_bad_arrays_are_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        QuadraticProblem.from_arrays(*arguments)


def test_bad_points_are_refused():
    problem = make_quadratics(**GOOD)
    with pytest.raises(ValueError, match=r"w must have shape \(..., 3\), got \(2,\)"):
        problem.losses([1.0, 2.0])
    with pytest.raises(ValueError, match=r"w\[2\] = inf: w must be finite"):
        problem.gradients([1.0, 2.0, np.inf])


def test_bad_files_are_refused(tmp_path):
    path = tmp_path / "problem.npz"
    problem = make_quadratics(**GOOD, interpolate=False)
    with pytest.raises(FileNotFoundError):
        QuadraticProblem.from_npz(path)
    path.write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(ValueError, match="cannot be read"):
        QuadraticProblem.from_npz(path)
    np.savez(path, a=np.array([{}], dtype=object), format="x")
    with pytest.raises(ValueError, match="cannot be read"):
        QuadraticProblem.from_npz(path)
    np.savez(path, format="tunebound-quadratics-1")
    with pytest.raises(ValueError, match="lacks the entries hessians, minimisers"):
        QuadraticProblem.from_npz(path)
    with path.open("wb") as stream:
        np.save(stream, np.ones(3))
    with pytest.raises(ValueError, match="it holds a single array"):
        QuadraticProblem.from_npz(path)
    names = ("hessians", "minimisers", "minimiser", "start", "mu", "beta", "lipschitz")
    entries = {"format": "tunebound-quadratics-1"} | {
        name: getattr(problem, name) for name in names
    }
    np.savez(path, **(entries | {"format": "other"}))
    with pytest.raises(
        ValueError, match="has format 'other', expected 'tunebound-quadratics-1'; write it again"
    ):
        QuadraticProblem.from_npz(path)
    for change, message in [
        ({"mu": 0.2}, "mu=0.2 does not fit the Hessians"),
        ({"lipschitz": 1.0}, "lipschitz=1.0 does not fit"),
        ({"minimiser": problem.minimiser + 0.1}, "minimiser does not minimise the mean loss"),
        ({"minimiser": np.ones(2)}, r"minimiser must have shape \(3,\)"),
    ]:
        write_arrays(path, entries | change)
        with pytest.raises(ValueError, match=f"contradicts itself: {message}"):
            QuadraticProblem.from_npz(path)


def _directions(rng, count, d):
    points = rng.normal(size=(count, d))
    return points / np.linalg.norm(points, axis=1, keepdims=True)
