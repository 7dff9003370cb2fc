"""Rodas5P: a Rosenbrock method of order five for stiff equations, for many independent problems at
once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from tunebound.tuning.heads.flow.changes import Change
from tunebound.tuning.heads.flow.systems import System

# Steinebach, Construction of Rosenbrock-Wanner method Rodas5P, BIT Numerical Mathematics 63 (2023),
# in the variables U_i = Σ_j γ_ij k_j that save a product with the Jacobian in every stage.
GAMMA = 0.21193756319429014
TIMES = (
    0.0,
    0.6358126895828704,
    0.4095798393397535,
    0.9769306725060716,
    0.4288403609558664,
    1.0,
    1.0,
    1.0,
)
TIME_WEIGHTS = (
    0.21193756319429014,
    -0.42387512638858027,
    -0.3384627126235924,
    1.8046452872882734,
    2.325825639765069,
    0.0,
    0.0,
    0.0,
)
_LAST = (
    -7.502846399306121,
    2.561846144803919,
    -11.627539656261098,
    -0.18268767659942256,
    0.030198172008377946,
)
POSITIONS = (
    (),
    (3.0,),
    (2.849394379747939, 0.45842242204463923),
    (-6.954028509809101, 2.489845061869568, -10.358996098473584),
    (2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641),
    _LAST,
    (*_LAST, 1.0),
    (*_LAST, 1.0, 1.0),
)
COUPLINGS = (
    (),
    (-14.155112264123755,),
    (-17.97296035885952, -2.859693295451294),
    (147.12150275711716, -1.41221402718213, 71.68940251302358),
    (165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306),
    (
        24.854864614690072,
        -3.0009227002832186,
        47.4931110020768,
        5.5814197821558125,
        -0.6610691825249471,
    ),
    (
        30.91273214028599,
        -3.1208243349937974,
        77.79954646070892,
        34.28646028294783,
        -19.097331116725623,
        -28.087943162872662,
    ),
    (
        37.80277123390563,
        -3.2571969029072276,
        112.26918849496327,
        66.9347231244047,
        -40.06618937091002,
        -54.66780262877968,
        -9.48861652309627,
    ),
)
ORDER = 5


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
WRITTEN = len(TIMES) + 3  # changes that a step writes


class Stages:
    """Where a step writes.

    Parameters
    ----------
    changes : (WRITTEN, …)
        Overwritten.
    told : callable
        A change of the states, by its tensor.

    Attributes
    ----------
    increments : list of Change
        Of the stages.
    left_out : Change
        What the field leaves out, solved like them.
    moved, coupled : Change
        Two sums over increments.
    """

    def __init__(self, changes: Tensor, told: Callable[[Tensor], Change]) -> None:
        *self.increments, self.left_out, self.moved, self.coupled = map(told, changes.unbind())
        flat = changes.flatten(1)
        self._earlier = [flat[:stage] for stage in range(len(TIMES) + 1)]
        self._sums = flat[-2:]

    def add_up(self, weights: Tensor, stage: int) -> None:
        """Write `moved` and `coupled`: the increments before a stage by weights (2, stage)."""
        torch.mm(weights, self._earlier[stage], out=self._sums)


Near = Callable[[Change], tuple[Change, Tensor]]


@dataclass(frozen=True, kw_only=True)
class Linearisation:
    """A vector field dy/du = f(u, y) with symmetric Jacobian, and an integral ∫q(u, y) du to be
    taken along with it, at a point and near it.

    Changes of the states y (B, m, r) may be told in other numbers; their last axes are problems and
    numbers. Where nothing else is said below, a vector is the tensor of such a change.

    Attributes
    ----------
    stages : Stages
        Room for a step.
    value, integrand : vectors, (B, k)
        f and q.
    value_in_time : vectors
        ∂f/∂u. The integral needs no ∂q/∂u: Σ b_i Σ_j γ_ij = 0 in a method of order two or more.
    integrand_change : callable
        Derivative (B, k) of q along a vector.
    system : System
        Solves (c − ∂f/∂y) x = b.
    near : callable
        Of other times (K, B, m): f and q at each of them, as callables of a change that give one.
        They may be overwritten, and are by the next of them.
    lift : callable
        A change in the numbers of the states.
    left_out : vectors
        What f leaves out of the rate of change.
    """

    stages: Stages
    value: Tensor
    integrand: Tensor
    value_in_time: Tensor
    integrand_change: Callable[[Tensor], Tensor]
    system: System
    near: Callable[[Tensor], Sequence[Near]]
    lift: Callable[[Tensor], Tensor]
    left_out: Tensor


@dataclass(frozen=True)
class Step:
    """Where a step leads, until the next one, which may overwrite it.

    Attributes
    ----------
    y : (B, m, r)
        States at u + h.
    error : (B, m, r)
        Difference to the embedded method of order four.
    integral : (B, k)
        ∫ q over the step.
    left_out : (B, m, r)
        What the field's `left_out` changes in y, at most in every eigenvector of the Jacobian: h
        times it, divided by 1 − γh∂f/∂y.
    solved : (B, m) bool
        False where the system of equations of a step was not positive definite: the step is too
        large.
    """

    y: Tensor
    error: Tensor
    integral: Tensor
    left_out: Tensor
    solved: Tensor


def step(here: Linearisation, u: Tensor, y: Tensor, h: Tensor) -> Step:
    """One step of every problem.

    Parameters
    ----------
    here : Linearisation
        At the states.
    u, h : (B, m)
        Times and step sizes; the integral is taken along with those of the first problem.
    y : (B, m, r)
        States.
    """
    inverse_h = 1 / h
    solve, solved = here.system(inverse_h / GAMMA)
    steps, rates_of_change = h[..., None], inverse_h[..., None]
    weights, offsets = _weights(y.dtype, y.device)
    times = u + h * offsets[1:]
    in_time = here.value_in_time * steps
    stages, moved, coupled = here.stages, here.stages.moved, here.stages.coupled
    first, *others = stages.increments
    torch.add(here.value, in_time, alpha=TIME_WEIGHTS[0], out=moved.whole)
    torch.div(here.left_out, GAMMA, out=coupled.whole)
    solve((moved, coupled), (first, stages.left_out))
    integrand = here.integrand * INTEGRAL_WEIGHTS[0]
    for stage, (near, increment) in enumerate(zip(here.near(times), others, strict=True), 1):
        stages.add_up(weights[stage], stage)
        right, stage_integrand = near(moved)
        # before `right` is written to, where it may lie
        integrand.add_(stage_integrand, alpha=INTEGRAL_WEIGHTS[stage])
        right.whole.addcmul_(coupled.whole, rates_of_change)
        if TIME_WEIGHTS[stage]:
            right.whole.add_(in_time, alpha=TIME_WEIGHTS[stage])
        solve((right,), (increment,))
    # The integral does not feed back: its row of the system is solved by hand, for all stages
    # together.
    stages.add_up(weights[-1], len(TIMES))
    integral = (integrand + here.integrand_change(moved.whole)) * h[:, :1]
    return Step(
        y=y + here.lift(coupled.whole),
        error=here.lift(others[-1].whole),
        integral=integral,
        left_out=here.lift(stages.left_out.whole),
        solved=solved,
    )


@cache
def _weights(dtype: torch.dtype, device: torch.device) -> tuple[list[Tensor], Tensor]:
    """Of the increments so far, for every stage: those of the position and of the couplings; last
    those of integral and step. And the times of the stages, (8, 1, 1).
    """
    rows: list[tuple[Sequence[float], Sequence[float]]] = [
        *zip(POSITIONS, COUPLINGS, strict=True),
        (INTEGRAL_WEIGHTS, (*POSITIONS[-1], 1.0)),
    ]
    weights = [torch.tensor(pair, dtype=dtype, device=device) for pair in rows]
    return weights, torch.tensor(TIMES, dtype=dtype, device=device)[:, None, None]
