"""Rodas5P against problems with a known solution."""

import math
import warnings
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from tests.tuning.flow_answers import change_of, solution
from tunebound.tuning.heads.flow import rosenbrock
from tunebound.tuning.heads.flow import systems as rosenbrock_systems
from tunebound.tuning.heads.flow.rosenbrock import WRITTEN, Linearisation, Stages, step
from tunebound.tuning.heads.flow.systems import of_matrices, of_samples


class Pursuit:
    """dy/du = −A(y − cos u) − sin u with symmetric A: y = cos u solves it, whatever the stiffness.
    q = Σ y² + sin 3u.
    """

    def __init__(self, stiffness):
        self.A = torch.diag(torch.tensor([stiffness, 1.0], dtype=torch.float64)) + 0.5

    def near(self, u, y):
        target = torch.cos(u)[..., None]
        return (
            -(y - target) @ self.A - torch.sin(u)[..., None],
            (y**2).sum(dim=(1, 2))[:, None] + torch.sin(3 * u),
        )

    def later(self, u, y, change):
        rate, integrand = self.near(u, y + change.whole)
        return change_of(rate), integrand

    def linearise(self, u, y):
        value, integrand = self.near(u, y)
        in_time = (-torch.sin(u)[..., None]) * self.A.sum(dim=0) - torch.cos(u)[..., None]
        matrices = self.A.expand(*y.shape[:2], 2, 2).clone()
        scratch = y.new_empty((2, *matrices.shape))
        return Linearisation(
            stages=Stages(y.new_full((WRITTEN, *y.shape), torch.nan), change_of),
            value=value,
            integrand=integrand,
            value_in_time=in_time,
            integrand_change=lambda direction: (2 * y * direction).sum(dim=(1, 2))[:, None],
            system=of_matrices(matrices, scratch, y.new_zeros((len(y), 1, 1))),
            near=lambda times: [partial(self.later, time, y) for time in times],
            lift=lambda change: change,
            left_out=torch.ones_like(y),
        )


def errors(stiffness, steps):
    field, h = Pursuit(stiffness), 1.0 / steps
    u = torch.tensor([[0.3], [0.7]], dtype=torch.float64)
    y = torch.cos(u)[..., None].repeat(1, 3, 2)
    integral, estimate = 0.0, 0.0
    for _ in range(steps):
        taken = step(field.linearise(u, y), u, y, torch.full_like(u, h))
        assert taken.solved.all()
        y, integral, u = taken.y, integral + taken.integral, u + h
        estimate = max(estimate, float(taken.error.abs().max()))
    start = u.new_tensor([[0.3], [0.7]])
    exact = (
        6 * ((u - start) / 2 + (torch.sin(2 * u) - torch.sin(2 * start)) / 4)
        + (torch.cos(3 * start) - torch.cos(3 * u)) / 3
    )
    return (
        float((y - torch.cos(u)[..., None]).abs().max()),
        float((integral - exact).abs().max()),
        estimate,
    )


def test_order_five_in_the_state_and_in_the_integral_and_an_estimate_of_order_four():
    coarse, fine = errors(3.0, 8), errors(3.0, 16)
    assert math.log2(coarse[0] / fine[0]) == pytest.approx(5, abs=0.4)
    assert math.log2(coarse[1] / fine[1]) > 4.6
    assert math.log2(coarse[2] / fine[2]) == pytest.approx(5, abs=0.4)  # of one step, so h⁵


def test_weights_of_an_integral_are_those_of_an_unknown_that_feeds_nothing_back():
    # the last unknown of an identical system without damping: (I/γ − C) U = q, weights (a, 1) U
    couplings = np.zeros((8, 8))
    for stage, row in enumerate(rosenbrock.COUPLINGS):
        couplings[stage, : len(row)] = row
    solved = np.linalg.inv(np.eye(8) / rosenbrock.GAMMA - couplings)
    expected = [*rosenbrock.POSITIONS[-1], 1.0] @ solved
    np.testing.assert_allclose(rosenbrock._integral_weights(), expected, rtol=1e-11)
    np.testing.assert_allclose(rosenbrock.INTEGRAL_WEIGHTS, expected, rtol=1e-11)
    # the derivative of the integrand in time has no weight
    assert abs(expected @ rosenbrock.TIME_WEIGHTS) < 1e-14


def test_a_stiff_problem_needs_no_small_steps():
    state, _, _ = errors(1e8, 8)
    assert state < 1e-4


def test_a_step_that_is_too_large_for_a_growing_mode_is_reported():
    class Growing(Pursuit):
        def __init__(self):
            self.A = -10 * torch.eye(2, dtype=torch.float64)

    u, y = torch.zeros(2, 1, dtype=torch.float64), torch.ones(2, 1, 2, dtype=torch.float64)
    h = torch.tensor([[0.1], [1.0]], dtype=torch.float64)
    assert step(Growing().linearise(u, y), u, y, h).solved.tolist() == [[True], [False]]


def test_what_a_field_leaves_out_is_damped_where_it_is_stiff():
    field = Pursuit(1e6)
    field.A = torch.diag(torch.tensor([1e6, 0.0], dtype=torch.float64))
    u, y = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1, 2, dtype=torch.float64)
    left_out = step(field.linearise(u, y), u, y, torch.full_like(u, 0.1)).left_out[0, 0]
    assert left_out[1] == pytest.approx(0.1, rel=1e-12)
    assert 1e-6 < left_out[0] < 1e-5


def test_heads_take_steps_of_their_own_and_the_integral_those_of_the_first():
    field = Pursuit(3.0)
    u = torch.tensor([[0.3, 0.5]], dtype=torch.float64)
    y, h = torch.cos(u)[..., None].repeat(1, 1, 2), torch.tensor([[0.1, 0.2]], dtype=torch.float64)
    asked = []

    def near(time, change):
        states = y[:, : change.whole.shape[1]] + change.whole
        asked.append(states)
        rate, _ = field.near(time[:, :1], states[:, :1])
        return change_of(rate.expand_as(states).clone()), states[:, 0, :1]

    def of(heads):
        here = field.linearise(u[:, heads], y[:, heads])
        return replace(
            here,
            near=lambda times: [partial(near, time) for time in times],
            integrand=y[:, 0, :1],
        )

    one = replace(of(slice(0, 1)), integrand_change=lambda along: along[:, 0, :1])
    both = replace(of(slice(0, 2)), integrand_change=lambda along: along[:, 0, :1])
    alone, taken = step(one, u[:, :1], y[:, :1], h[:, :1]), step(both, u, y, h)
    torch.testing.assert_close(taken.integral, alone.integral, rtol=1e-14, atol=0)
    torch.testing.assert_close(taken.y[:, :1], alone.y, rtol=1e-14, atol=0)
    # the embedded method's state is the one at which the last stage asks for the field
    torch.testing.assert_close(taken.y - taken.error, asked[-1], rtol=1e-14, atol=0)


def systems(n, kappas):
    """Weighted samples, their curvature matrices, and both ways of solving."""
    torch.manual_seed(0)
    Z = torch.randn(2, n, 9, dtype=torch.float64)
    weights = torch.rand(2, 3, n, dtype=torch.float64) * torch.logspace(-14, 2, n).double()
    weights[0, 1, 2] = 0.0
    matrices = torch.einsum("bmj,bji,bjk->bmik", weights, Z, Z)
    scratch = Z.new_empty((2, *matrices.shape))
    in_heads = of_matrices(matrices.clone(), scratch, kappas)
    return Z, matrices, in_heads, of_samples(Z @ Z.mT, weights, kappas, room(Z, weights))


def room(Z, weights):
    return Z.new_full((1, weights.numel() * weights.shape[-1]), torch.nan)


def told(Z, shares):
    """Σ_j shares_j z_j as a system in the samples has it."""
    return torch.stack([shares, shares @ (Z @ Z.mT)])


def dense(matrices, kappas, shifts):
    shifted = matrices + kappas[..., None] * matrices @ matrices
    return shifted + shifts[..., None, None] * torch.eye(9, dtype=torch.float64)


@pytest.mark.parametrize("few", [4, 64])
@pytest.mark.parametrize("inverted", [0, 12])
@pytest.mark.parametrize("n", [5, 9])
def test_systems_in_the_samples_are_those_in_the_heads(monkeypatch, n, inverted, few):
    monkeypatch.setattr(rosenbrock_systems, "ACTIVE", 1e-10)
    monkeypatch.setattr(rosenbrock_systems, "INVERTED", inverted)
    monkeypatch.setattr(rosenbrock_systems, "FEW", few)
    none = torch.zeros((2, 1, 1), dtype=torch.float64)
    Z, matrices, in_heads, in_samples = systems(n, none)
    shifts, shares = torch.tensor([[0.7], [4.0]]).double(), torch.randn(2, 3, n).double()
    expected = torch.linalg.solve(dense(matrices, none, shifts), shares @ Z)
    solve, solved = in_heads(shifts)
    assert solved.all()
    torch.testing.assert_close(solution(solve, shares @ Z), expected, rtol=1e-8, atol=1e-9)
    solve, solved = in_samples(shifts)
    assert solved.all()
    # alone and as the second of two
    for others in ((), (told(Z, shares + 1.0),)):
        found, along = solution(solve, *others, told(Z, shares))
        torch.testing.assert_close(found @ Z, expected, rtol=1e-8, atol=1e-9)
        torch.testing.assert_close(along, expected @ Z.mT, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("n", [5, 9])
def test_squares_are_solved_in_the_heads_and_to_a_share_in_the_samples(monkeypatch, n):
    monkeypatch.setattr(rosenbrock_systems, "ACTIVE", 1e-10)
    Z, matrices, *_ = systems(n, torch.zeros((2, 1, 1), dtype=torch.float64))
    largest = torch.linalg.matrix_norm(matrices, ord=2).amax(dim=1)[:, None, None]
    # shares of the samples in a vector, and what is across all samples
    inverse_Z = torch.linalg.pinv(Z.mT)[:, None]
    across = torch.eye(9, dtype=torch.float64) - Z.mT[:, None] @ inverse_Z
    for size in (0.05, 0.1, 0.2, 0.3, 0.5):  # of κ‖M‖
        kappas, shifts = size / largest, torch.tensor([[0.7], [4.0]]).double()
        *_, in_heads, in_samples = systems(n, kappas)
        inverse = torch.linalg.inv(dense(matrices, kappas, shifts))
        solve, solved = in_heads(shifts)
        assert solved.all()
        b = torch.randn(2, 3, 9, dtype=torch.float64)
        expected = (inverse @ b[..., None])[..., 0]
        torch.testing.assert_close(solution(solve, b), expected, rtol=1e-8, atol=1e-9)
        torch.testing.assert_close(solution(solve, b + 1.0, b), expected, rtol=1e-8, atol=1e-9)
        solve, solved = in_samples(shifts)
        assert solved.all()
        units = torch.eye(n, dtype=torch.float64)
        told_units = [told(Z, unit.expand(2, 3, n)) for unit in units]
        answers = [solution(solve, unit) for unit in told_units]
        for shares, along in answers:
            torch.testing.assert_close(along, shares @ (Z @ Z.mT), rtol=1e-8, atol=1e-8)
        columns = [shares @ Z for shares, _ in answers]
        found = torch.stack(columns, dim=-1) @ inverse_Z + across / shifts[..., None, None]
        # in the eigenvectors of M, which are those of both
        _, vectors = torch.linalg.eigh(matrices)
        found, true = vectors.mT @ found @ vectors, vectors.mT @ inverse @ vectors
        ratio = found.diagonal(dim1=-2, dim2=-1) / true.diagonal(dim1=-2, dim2=-1)
        # with κc below 0.01 the square of κg is missing, to 5 % of it
        assert 1 - float(ratio.min()) == pytest.approx(size**2, rel=0.05)
        assert float(ratio.max()) < 1 + 1e-9
        rest = found - torch.diag_embed(found.diagonal(dim1=-2, dim2=-1))
        torch.testing.assert_close(rest, torch.zeros_like(rest), rtol=0, atol=1e-9)


def of_one_sample(weight, kappa, c, size=3.0):
    """x along the sample for b = 1 there, of systems in one sample z = (√size, 0), whose curvature
    is weight · size.
    """
    Z = torch.tensor([[[size**0.5, 0.0]]], dtype=torch.float64)
    filled = torch.full((1, 1, 1), 1.0, dtype=torch.float64)
    system = of_samples(Z @ Z.mT, weight * filled, kappa * filled, room(Z, filled))
    solve, solved = system(c * filled[..., 0])
    assert solved.all()
    share, product = solution(solve, told(Z, filled / size**0.5)).flatten().tolist()
    assert share * size**0.5 == pytest.approx(product / size**0.5, rel=1e-9)
    return share * size**0.5


@pytest.mark.parametrize("share", [0.0, 0.05, 3 / 16, 0.5])  # of κc
@pytest.mark.parametrize("c", [0.02, 30.0])
def test_a_system_in_one_sample_is_the_sum_of_fractions(share, c):
    # the documented one, in plain numbers: the roots of c + g + κg², and the fraction of the first
    kappa, curvature = min(share, 3 / 16) / c, 4.0
    along = of_one_sample(curvature / 3.0, share / c, c)
    if kappa == 0.0:
        assert along == pytest.approx(1 / (c + curvature), rel=1e-13)
        return
    b, a = sorted(-np.roots([kappa, 1.0, c]))[::-1]
    inverse = b / (curvature + a) / (b - a)
    assert along == pytest.approx((1 - curvature * inverse) / c, rel=1e-11, abs=1e-13 / c)


@pytest.mark.parametrize("c", [1e-6, 1e6])
def test_samples_count_a_share_of_the_shift_at_least_or_are_left_out(monkeypatch, c):
    # 1e-7 of c, on both sides
    for share in (-1.0, 0.0, 0.98e-7, 1e-7):
        assert 1 - of_one_sample(share * c / 3.0, 0.0, c) * c == pytest.approx(1e-7, rel=1e-5)
    assert 1 - of_one_sample(1.5e-7 * c / 3.0, 0.0, c) * c == pytest.approx(1.5e-7, rel=1e-5)
    monkeypatch.setattr(rosenbrock_systems, "FEW", 0)
    assert of_one_sample(1.02e-7 * c / 3.0, 0.0, c) * c != 1.0
    assert of_one_sample(0.98e-7 * c / 3.0, 0.0, c) * c == 1.0
    # of as many samples as are few none is left out
    monkeypatch.setattr(rosenbrock_systems, "FEW", 1)
    assert of_one_sample(0.98e-7 * c / 3.0, 0.0, c) * c != 1.0


def test_a_sample_at_the_origin_changes_nothing():
    Z = torch.tensor([[[2.0, 0.0], [0.0, 0.0]]], dtype=torch.float64)
    weights, none = torch.ones(1, 1, 2, dtype=torch.float64), torch.zeros(1, 1, 1).double()
    solve, solved = of_samples(Z @ Z.mT, weights, none, room(Z, weights))(weights[..., 0])
    assert solved.all()
    found = solution(solve, told(Z, torch.tensor([[[1.0, 0.0]]], dtype=torch.float64)))
    assert found.flatten().tolist() == pytest.approx([0.2, 0.0, 0.8, 0.0], rel=1e-14)


def test_squares_are_left_out_of_sets_in_which_they_are_small_in_every_head():
    sizes = torch.tensor([[0.5, 2.9], [1.0, 3.1]], dtype=torch.float64)
    matrices = torch.diag_embed(torch.stack([sizes, 0.0 * sizes], dim=-1))
    kappas = torch.full((2, 1, 1), 0.01, dtype=torch.float64)
    scratch = torch.empty((2, *matrices.shape), dtype=torch.float64)
    solve, _ = of_matrices(matrices.clone(), scratch, kappas)(torch.ones(2, 2).double())
    found = solution(solve, torch.ones(2, 2, 2, dtype=torch.float64))[..., 0]
    plain, bent = 1 / (1 + sizes[0]), 1 / (1 + sizes[1] + 0.01 * sizes[1] ** 2)
    torch.testing.assert_close(found, torch.stack([plain, bent]), rtol=1e-14, atol=0)
    # nowhere of use: the matrices alone
    assert rosenbrock_systems._bent(sizes[:1], kappas[:1]) is None


@pytest.mark.parametrize(("r", "inverted"), [(2, True), (3, False)])
@pytest.mark.parametrize("heads", [1, 5])
def test_matrices_of_few_unknowns_are_inverted_however_many_heads_there_are(
    monkeypatch, r, inverted, heads
):
    monkeypatch.setattr(rosenbrock_systems, "INVERTED", 2)
    matrices = torch.eye(r, dtype=torch.float64).repeat(1, heads, 1, 1)
    scratch = torch.empty((2, *matrices.shape), dtype=torch.float64)
    none, ones = torch.zeros(1, 1, 1).double(), torch.ones(1, heads).double()
    solve, _ = of_matrices(matrices, scratch, none)(ones)
    b = torch.ones(1, heads, r, dtype=torch.float64)
    found = solution(solve, b)
    torch.testing.assert_close(found, b / 2, rtol=1e-14, atol=0)
    # of a factor only the upper triangle is read, of an inverse everything
    matrices[..., 1, 0] = 2.0
    assert torch.equal(solution(solve, b), found) is not inverted


@pytest.mark.parametrize("inverted", [0, 12])
def test_a_vector_without_a_place_for_its_solution_is_refused(monkeypatch, inverted):
    monkeypatch.setattr(rosenbrock_systems, "INVERTED", inverted)
    Z, _, *both = systems(5, torch.zeros((2, 1, 1), dtype=torch.float64))
    shares = torch.ones(2, 3, 5, dtype=torch.float64)
    for system, b in zip(both, (shares @ Z, told(Z, shares)), strict=True):
        solve, _ = system(torch.ones(2, 3, dtype=torch.float64))
        with pytest.raises(ValueError, match="shorter"):
            solve([change_of(b), change_of(b)], [change_of(b.clone())])


def test_left_of_the_diagonal_entries_are_written_in_its_strips_only(monkeypatch):
    left = []

    def factor(matrices):
        left.append(matrices.isnan())
        return torch.ones(matrices.shape[:-2], dtype=torch.bool)

    monkeypatch.setattr(rosenbrock_systems, "STRIP", 4)
    *_, in_samples = systems(9, torch.zeros((2, 1, 1), dtype=torch.float64))
    monkeypatch.setattr(rosenbrock_systems, "factor", factor)
    in_samples(torch.ones(2, 3, dtype=torch.float64))
    number = torch.arange(9)
    before_the_strip = number < 4 * (number // 4)[:, None]
    assert torch.equal(left[0], before_the_strip.expand(2, 3, 9, 9))


def test_the_workspace_has_the_shape_of_what_is_written():
    # torch warns where it has to change the shape of what it writes into
    for kappa in (0.0, 0.1):
        _, _, *both = systems(5, torch.full((2, 1, 1), kappa).double())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for system in both:
                system(torch.ones(2, 3, dtype=torch.float64))
