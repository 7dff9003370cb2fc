"""Rodas4: a Rosenbrock method of order four for stiff equations, for many independent problems at
once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

# Hairer & Wanner, Solving Ordinary Differential Equations II, section VI.4 (code RODAS, first
# method), in the variables U_i = Σ_j γ_ij k_j that save a product with the Jacobian in every stage.
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
    (
        8.083246795921522,
        -7.981132988064893,
        -31.52159432874371,
        16.31930543123136,
        -6.058818238834054,
    ),
)
ORDER = 4


def _integral_weights() -> tuple[float, ...]:
    """Weights b of the stages in an integral taken along, ∫q ≈ h Σ b_i (q_i + ∂q/∂y k_i + …): its
    rows solved for the step.
    """
    couplings = np.zeros((len(TIMES), len(TIMES)))
    for stage, row in enumerate(COUPLINGS):
        couplings[stage, : len(row)] = row
    return tuple(
        GAMMA * np.linalg.solve(np.eye(len(TIMES)) - GAMMA * couplings.T, [*POSITIONS[-1], 1.0])
    )


INTEGRAL_WEIGHTS = _integral_weights()
INTEGRAL_TIME_WEIGHT = float(np.dot(INTEGRAL_WEIGHTS, TIME_WEIGHTS))


class Field(Protocol):
    """A vector field dy/du = f(u, y) whose Jacobian is symmetric, and an integral ∫q(u, y) du to be
    taken along with it.
    """

    def rate(self, u: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """f (B, m, r) and q (B, k) at times u (B,) and states y (B, m, r)."""

    def linearise(self, u: Tensor, y: Tensor, workspace: Tensor) -> Linearisation:
        """Values and derivatives at a point; −∂f/∂y is written into the first of three (B, m, r, r)
        arrays of the workspace.
        """


@dataclass(frozen=True, kw_only=True)
class Linearisation:
    """A field at a point.

    Attributes
    ----------
    rate, integrand : (B, m, r), (B, k)
        f and q.
    minus_jacobian : (B, m, r, r)
        −∂f/∂y.
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


def step(
    field: Field, u: Tensor, y: Tensor, h: Tensor, workspace: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One step of every problem.

    Parameters
    ----------
    field : Field
    u, h : (B,)
        Times and step sizes.
    y : (B, m, r)
        States.
    workspace : (3, B, m, r, r)
        Overwritten. Matrices in fresh memory at every step would cost more than the arithmetic on
        them.

    Returns
    -------
    y : (B, m, r)
        States at u + h.
    error : (B, m, r)
        Difference to the embedded method of order three.
    integral : (B, k)
        ∫ q over the step.
    solved : (B,) bool
        False where the system of equations of a step was not positive definite: the step is too
        large.
    """
    here = field.linearise(u, y, workspace)
    matrix, factor, root = workspace
    inverse_h = 1 / h
    matrix.diagonal(dim1=-2, dim2=-1).add_((inverse_h / GAMMA)[:, None, None])
    failed = torch.empty(y.shape[:2], dtype=torch.int32, device=y.device)
    # columns, as LAPACK has them, so that nothing is copied
    torch.linalg.cholesky_ex(matrix, out=(factor.mT, failed))
    # one inverse costs less than six solves, which copy the factor, and two products with the
    # factor's inverse less than a call
    identity = torch.eye(y.shape[-1], dtype=y.dtype, device=y.device).expand_as(factor)
    torch.linalg.solve_triangular(factor, identity, upper=True, out=root)
    inverse = torch.matmul(root, root.mT, out=matrix)
    steps, rates_of_change = h[:, None, None], inverse_h[:, None, None]
    weights = _weights(y.dtype, y.device)
    increments = y.new_empty((len(TIMES), *y.shape))
    integrand = here.integrand_in_time * (INTEGRAL_TIME_WEIGHT * h)[:, None]
    for stage, (time, time_weight) in enumerate(zip(TIMES, TIME_WEIGHTS, strict=True)):
        if stage:
            moved, coupled = torch.mm(weights[stage], increments[:stage].flatten(1)).view(
                2, *y.shape
            )
            right, stage_integrand = field.rate(u + time * h, moved.add_(y))
            right = torch.addcmul(right, coupled, rates_of_change)
        else:
            right, stage_integrand = here.rate.clone(), here.integrand
        integrand.add_(stage_integrand, alpha=INTEGRAL_WEIGHTS[stage])
        if time_weight:
            right.addcmul_(here.rate_in_time, steps, value=time_weight)
        torch.matmul(inverse, right[..., None], out=increments[stage, ..., None])
    # The integral does not feed back: its row of the system is solved by hand, for all stages
    # together.
    along, total = torch.mm(weights[-1], increments.flatten(1)).view(2, *y.shape)
    integral = (integrand + here.integrand_change(along)) * h[:, None]
    return total.add_(y), increments[-1], integral, (failed == 0).all(dim=1)


@cache
def _weights(dtype: torch.dtype, device: torch.device) -> list[Tensor]:
    """Of the increments so far, for every stage: those of the position and of the couplings; last
    those of integral and step.
    """
    rows: list[tuple[Sequence[float], Sequence[float]]] = [
        *zip(POSITIONS, COUPLINGS, strict=True),
        (INTEGRAL_WEIGHTS, (*POSITIONS[-1], 1.0)),
    ]
    return [torch.tensor(pair, dtype=dtype, device=device) for pair in rows]
