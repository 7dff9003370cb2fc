"""Rodas4 against problems with a known solution."""

import math

import pytest
import torch

from tunebound.tuning.heads.flow.rosenbrock import Linearisation, step


class Pursuit:
    """dy/du = −A(y − cos u) − sin u with symmetric A: y = cos u solves it, whatever the stiffness.
    q = Σ y² + sin 3u.
    """

    def __init__(self, stiffness):
        self.A = torch.diag(torch.tensor([stiffness, 1.0], dtype=torch.float64)) + 0.5

    def rate(self, u, y):
        target = torch.cos(u)[:, None, None]
        return (
            -(y - target) @ self.A - torch.sin(u)[:, None, None],
            ((y**2).sum(dim=(1, 2)) + torch.sin(3 * u))[:, None],
        )

    def linearise(self, u, y, workspace):
        rate, integrand = self.rate(u, y)
        in_time = (-torch.sin(u)[:, None, None]) * self.A.sum(dim=0) - torch.cos(u)[:, None, None]
        workspace[0] = self.A
        integrand_in_time = 3 * torch.cos(3 * u)[:, None]
        return Linearisation(
            rate=rate,
            integrand=integrand,
            minus_jacobian=workspace[0],
            rate_in_time=in_time,
            integrand_in_time=integrand_in_time,
            integrand_change=lambda direction: (2 * y * direction).sum(dim=(1, 2))[:, None],
        )


def room_for(y):
    return y.new_empty((3, *y.shape, y.shape[-1]))


def errors(stiffness, steps):
    field, h = Pursuit(stiffness), 1.0 / steps
    u = torch.tensor([0.3, 0.7], dtype=torch.float64)
    y = torch.cos(u)[:, None, None].repeat(1, 3, 2)
    integral, estimate = 0.0, 0.0
    for _ in range(steps):
        y, error, part, solved = step(field, u, y, torch.full_like(u, h), room_for(y))
        assert solved.all()
        integral, estimate, u = integral + part, max(estimate, float(error.abs().max())), u + h
    start = u.new_tensor([0.3, 0.7])
    exact = (
        6 * ((u - start) / 2 + (torch.sin(2 * u) - torch.sin(2 * start)) / 4)
        + (torch.cos(3 * start) - torch.cos(3 * u)) / 3
    )
    return (
        float((y - torch.cos(u)[:, None, None]).abs().max()),
        float((integral[:, 0] - exact).abs().max()),
        estimate,
    )


def test_order_four_in_the_state_and_in_the_integral_and_an_estimate_of_order_three():
    coarse, fine = errors(3.0, 8), errors(3.0, 16)
    assert math.log2(coarse[0] / fine[0]) == pytest.approx(4, abs=0.3)
    assert math.log2(coarse[1] / fine[1]) > 3.7
    assert math.log2(coarse[2] / fine[2]) == pytest.approx(4, abs=0.4)  # of one step, so h⁴


def test_a_stiff_problem_needs_no_small_steps():
    state, _, _ = errors(1e8, 8)
    assert state < 1e-4


def test_a_step_that_is_too_large_for_a_growing_mode_is_reported():
    class Growing(Pursuit):
        def __init__(self):
            self.A = -10 * torch.eye(2, dtype=torch.float64)

    u, y = torch.zeros(2, dtype=torch.float64), torch.ones(2, 1, 2, dtype=torch.float64)
    *_, solved = step(Growing(), u, y, torch.tensor([0.1, 1.0], dtype=torch.float64), room_for(y))
    assert solved.tolist() == [True, False]
