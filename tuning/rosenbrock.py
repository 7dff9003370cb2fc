"""Rodas4: a Rosenbrock method of order four for stiff equations, for many independent problems at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

# Hairer & Wanner, Solving Ordinary Differential Equations II, section VI.4 (code RODAS, first method), in the variables
# U_i = Σ_j γ_ij k_j that save a product with the Jacobian in every stage.
GAMMA = 0.25
TIMES = (0.0, 0.386, 0.21, 0.63, 1.0, 1.0)
TIME_WEIGHTS = (0.25, -0.1043, 0.1035, -0.03620000000000023, 0.0, 0.0)
POSITIONS = (
    (),
    (1.544,),
    (0.9466785280815826, 0.2557011698983284),
    (3.314825187068521, 2.896124015972201, 0.9986419139977817),
    (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950),
    (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1.0),
)
COUPLINGS = (
    (),
    (-5.6688,),
    (-2.430093356833875, -0.2063599157091915),
    (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
    (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
    (8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054),
)
ORDER = 4


class Field(Protocol):
    """A vector field dy/du = f(u, y) whose Jacobian is symmetric, and an integral ∫q(u, y) du to be taken along with it."""

    def rate(self, u: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """f (B, m, r) and q (B, k) at times u (B,) and states y (B, m, r)."""

    def linearise(self, u: Tensor, y: Tensor) -> Linearisation:
        """Values and derivatives at a point."""


@dataclass(frozen=True)
class Linearisation:
    """A field at a point.

    Attributes
    ----------
    rate, integrand : (B, m, r), (B, k)
        f and q.
    minus_jacobian : (B, m, r, r)
        −∂f/∂y; `step` overwrites it.
    rate_in_time, integrand_in_time : (B, m, r), (B, k)
        ∂f/∂u and ∂q/∂u.
    integrand_change : callable
        Derivative (B, k) of q along a direction (B, m, r).
    """

    rate: Tensor
    integrand: Tensor
    minus_jacobian: Tensor
    rate_in_time: Tensor
    integrand_in_time: Tensor
    integrand_change: Callable[[Tensor], Tensor]


def step(field: Field, u: Tensor, y: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One step of every problem.

    Parameters
    ----------
    field : Field
    u, h : (B,)
        Times and step sizes.
    y : (B, m, r)
        States.

    Returns
    -------
    y : (B, m, r)
        States at u + h.
    error : (B, m, r)
        Difference to the embedded method of order three.
    integral : (B, k)
        ∫ q over the step.
    solved : (B,) bool
        False where the system of equations of a step was not positive definite: the step is too large.
    """
    here = field.linearise(u, y)
    inverse_h = 1 / h
    here.minus_jacobian.diagonal(dim1=-2, dim2=-1).add_((inverse_h / GAMMA)[:, None, None])
    factor, failed = torch.linalg.cholesky_ex(here.minus_jacobian)
    # one inverse costs less than six solves, which copy the factor, and two products with the factor's inverse less than a call
    root = torch.linalg.solve_triangular(factor, torch.eye(y.shape[-1], dtype=y.dtype, device=y.device).expand_as(factor), upper=False)
    inverse = root.mT @ root
    increments: list[Tensor] = []
    integrals: list[Tensor] = []
    position, rate, integrand = y, here.rate, here.integrand
    for stage, (time, time_weight) in enumerate(zip(TIMES, TIME_WEIGHTS, strict=True)):
        if stage:
            position = _combination(y, POSITIONS[stage], increments)
            rate, integrand = field.rate(u + time * h, position)
        right, right_integral = rate.clone(), integrand.clone()
        for coupling, increment, integral in zip(COUPLINGS[stage], increments, integrals, strict=True):
            right.addcmul_(increment, (coupling * inverse_h)[:, None, None])
            right_integral.addcmul_(integral, (coupling * inverse_h)[:, None])
        if time_weight:
            right.addcmul_(here.rate_in_time, (time_weight * h)[:, None, None])
            right_integral.addcmul_(here.integrand_in_time, (time_weight * h)[:, None])
        increments.append((inverse @ right[..., None])[..., 0])
        # The integral does not feed back: its row of the system is solved by hand.
        integrals.append((right_integral + here.integrand_change(increments[-1])) * (GAMMA * h)[:, None])
    total = _combination(torch.zeros_like(integrals[0]), POSITIONS[-1], integrals) + integrals[-1]
    return position + increments[-1], increments[-1], total, (failed == 0).all(dim=1)


def _combination(start: Tensor, weights: tuple[float, ...], increments: list[Tensor]) -> Tensor:
    total = start.clone()
    for weight, increment in zip(weights, increments, strict=False):
        total.add_(increment, alpha=weight)
    return total
