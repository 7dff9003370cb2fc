"""Log-cosh losses: constants against dense Hessians at many points, derivatives against
autograd.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from tunebound._ground.storage import write_arrays
from tunebound.synthetic.largest_gradient import log_cosh, sech_squared
from tunebound.synthetic.smooth_losses import SmoothProblem, make_smooth_losses
from tunebound.synthetic.spectra import SPECTRA

GOOD = dict(n=6, d=4, mu=0.05, beta=1.2, distance=1.5)


@pytest.mark.parametrize("spectrum", sorted(SPECTRA))
@pytest.mark.parametrize("rotated", [False, True])
def test_the_constants_bound_every_hessian_and_are_attained_at_the_minimiser(spectrum, rotated):
    problem = make_smooth_losses(**GOOD, seed=2, spectrum=spectrum, rotated=rotated, width=0.7)
    at_minimiser = np.linalg.eigvalsh(problem.hessians(problem.minimiser))
    assert at_minimiser.min() == pytest.approx(0.05, abs=1e-14)
    assert at_minimiser.max() == pytest.approx(1.2, abs=1e-14)
    rng = np.random.default_rng(0)
    for scale in (1e-3, 0.3, 1.0, 30.0):
        eigenvalues = np.linalg.eigvalsh(
            problem.hessians(problem.minimiser + scale * rng.normal(size=4))
        )
        assert eigenvalues.min() >= 0.05 - 1e-14
        assert eigenvalues.max() <= 1.2 + 1e-14
    assert problem.distance == pytest.approx(1.5, rel=1e-14)
    assert (problem.losses(problem.minimiser) == 0).all()
    assert (problem.gradients(problem.minimiser) == 0).all()


def test_derivatives_agree_with_autograd():
    problem = make_smooth_losses(**GOOD, seed=3, width=0.5)
    A, c = torch.tensor(problem.directions), torch.tensor(problem.curvatures)
    centre = torch.tensor(problem.minimiser)

    def loss(w, i):
        v = w - centre
        return 0.025 * v @ v + (c[i] * 0.25 * torch.log(torch.cosh(A[i] @ v / 0.5))).sum()

    points = problem.minimiser + np.random.default_rng(1).normal(size=(2, 4))
    for k, point in enumerate(points):
        hessians = problem.hessians(point)
        for i in range(6):
            w = torch.tensor(point, requires_grad=True)
            value = loss(w, i)
            (slope,) = torch.autograd.grad(value, w)
            assert problem.losses(points)[k, i] == pytest.approx(value.item(), rel=1e-12)
            assert np.allclose(problem.gradients(points)[k, i], slope, rtol=0, atol=1e-13)
            dense = torch.autograd.functional.hessian(lambda u, i=i: loss(u, i), w)
            assert np.allclose(hessians[i], dense, rtol=0, atol=1e-12)


def test_it_is_not_quadratic():
    problem = make_smooth_losses(**GOOD, seed=1, width=0.3)
    near, far = (
        np.linalg.eigvalsh(problem.hessians(w).mean(axis=0))
        for w in (problem.minimiser, problem.start)
    )
    assert far.max() < 0.7 * near.max()


@pytest.mark.parametrize("width", [0.05, 1.0, 50.0])
def test_lipschitz_is_attained_and_never_exceeded(width):
    problem = make_smooth_losses(3, 3, mu=0.1, beta=1.0, distance=1.0, seed=4, width=width)

    def norm(v, i):
        return np.linalg.norm(
            problem.gradients(problem.minimiser + v / max(1.0, np.linalg.norm(v)))[i]
        )

    rng = np.random.default_rng(0)
    found = max(
        -minimize(lambda v, i=i: -norm(v, i), rng.normal(size=3), tol=1e-14).fun
        for i in range(3)
        for _ in range(6)
    )
    assert found == pytest.approx(problem.lipschitz, rel=1e-7)
    assert problem.lipschitz <= problem.beta * problem.distance * (1 + 1e-12)
    points = rng.normal(size=(1000, 3))
    inside = problem.minimiser + points / np.linalg.norm(points, axis=1, keepdims=True)
    assert np.linalg.norm(problem.gradients(inside), axis=-1).max() <= problem.lipschitz


def test_descent_on_any_part_of_the_samples_stays_in_the_ball():
    problem = make_smooth_losses(**GOOD, seed=6, width=0.4)
    for left_out in range(6):
        kept = np.arange(6) != left_out
        w = problem.start
        for _ in range(40):
            w = w - problem.gradients(w)[kept].sum(axis=0) / 6 / problem.beta
            assert np.linalg.norm(w - problem.minimiser) <= problem.distance


@pytest.mark.parametrize("x", [0.0, 1e-12, 1e-5, 0.3, 0.999999, 1.0, 2.0, 20.0, 800.0, 1e300])
def test_the_special_functions_agree_with_fifty_digits(x):
    with mpmath.workdps(50):
        point = mpmath.mpf(x)
        bowl = (
            point - mpmath.log(2) + mpmath.log1p(mpmath.exp(-2 * point))
            if x > 50
            else mpmath.log(mpmath.cosh(point))
        )
        decay = 4 * mpmath.exp(-2 * point) / (1 + mpmath.exp(-2 * point)) ** 2
        for sign in (1, -1):
            assert abs(float(log_cosh(np.array(sign * x)) - bowl)) <= 1e-15 * float(bowl)
            assert abs(float(sech_squared(np.array(sign * x)) - decay)) <= 1e-15


def test_files_come_back_bit_for_bit(tmp_path):
    problem = make_smooth_losses(**GOOD, seed=7)
    path = problem.to_npz(tmp_path / "losses.npz")
    again = SmoothProblem.from_npz(path)
    names = ("directions", "curvatures", "minimiser", "start", "width", "mu", "beta", "lipschitz")
    for name in names:
        assert np.array_equal(getattr(problem, name), getattr(again, name)), name
    entries = {"format": "tunebound-smooth-losses-1"} | {
        name: getattr(problem, name) for name in names
    }
    for change, message in [
        ({"directions": 2 * problem.directions}, "directions are not orthonormal"),
        ({"curvatures": problem.curvatures[:, :2]}, "the shapes of directions"),
        ({"beta": 2.0}, "curvatures do not attain 0 and beta - mu"),
        ({"lipschitz": 9.0}, "lipschitz=9.0 is not the largest gradient"),
        ({"mu": -1.0}, "mu must be finite and at least 1e-100, got -1.0"),
    ]:
        write_arrays(path, entries | change)
        with pytest.raises(ValueError, match=f"contradicts itself: {message}"):
            SmoothProblem.from_npz(path)


def test_the_seed_decides():
    first, again, other = (make_smooth_losses(**GOOD, seed=seed) for seed in (7, 7, 8))
    assert np.array_equal(first.directions, again.directions)
    assert not np.array_equal(first.directions, other.directions)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (dict(n=1), ValueError, "n must be at least 2"),
        (dict(d=0), ValueError, "d must be at least 1"),
        (dict(mu=2.0), ValueError, "mu must be finite and in"),
        (dict(beta=None), TypeError, "beta must be a real number"),
        (dict(distance=-1.0), ValueError, "distance must be finite and in"),
        (dict(width=0.0), ValueError, "width must be finite and in .* millionth"),
        (dict(width=1e9), ValueError, "width must be finite and in"),
        (dict(seed="a"), TypeError, "seed must be an integer"),
        (dict(spectrum="flat"), ValueError, "no spectrum is named 'flat'"),
        (dict(rotated=None), TypeError, "rotated must be True or False"),
        (dict(mu=1e-13), ValueError, "pass rotated=False"),
    ],
)
def test_bad_requests_are_refused(change, kind, message):
    with pytest.raises(kind, match=message):
        make_smooth_losses(**(GOOD | change))


def test_bad_points_are_refused():
    problem = make_smooth_losses(**GOOD)
    with pytest.raises(ValueError, match=r"w must have shape \(..., 4\), got \(3,\)"):
        problem.gradients(np.ones(3))
    with pytest.raises(
        ValueError, match=r"w must have shape \(4,\) for the Hessians, got \(2, 4\)"
    ):
        problem.hessians(np.ones((2, 4)))
