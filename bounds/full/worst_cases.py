"""The exact worst case of leave-one-out full tuning over its class of problems, bracketed; see
`bounds.full`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from tunebound._ground.checks import WEIGHTINGS, choice, non_negative_array, whole_array
from tunebound.bounds.full import semidefinite
from tunebound.bounds.full.distances import worst_quadratic
from tunebound.bounds.full.rates import curvature

LARGEST_STEPS = 25


@dataclass(frozen=True, kw_only=True)
class WorstCase:
    """Largest | w_S(T) - w_{S^i}(T) | over the class.

    Attributes
    ----------
    value : float
        Upper bound, certified: recomputed from the dual multipliers by weak duality, whatever the
        solver's accuracy.
    lower : float
        Lower bound, attained by one-dimensional quadratics (`bounds.full.worst_quadratic`).
    gap : float
        (value - lower)/value, 0 where value is 0. Most of it is not error: where the worst
        functions are no quadratics the truth lies at the upper end, see `attained`.
    attained : float
        Distance at the solver's own worst functions, which satisfy the interpolation inequalities
        up to `primal_residual`.
    duality_gap : float
        (value - attained)/value: how well the worst case is resolved.
    primal_residual : float
        Largest violation of an inequality by the worst functions, in the scaled program, whose
        vectors have norm <= 1.
    dual_residual : float
        Largest infeasibility of the multipliers, already paid for in `value`.
    status : str
        The solver's own word, or "closed form" where none was needed (kappa = 1).
    """

    value: float
    lower: float
    gap: float
    attained: float
    duality_gap: float
    primal_residual: float
    dual_residual: float
    status: str


def worst_case(
    *,
    n: ArrayLike,
    mu: ArrayLike,
    beta: ArrayLike,
    distance: ArrayLike,
    steps: ArrayLike,
    weighting: str = "1/n",
) -> WorstCase:
    """Exact worst case over the class, by performance estimation.

    The best bound that n, mu, beta, |w_0 - w*| and T allow: mean loss of the others and f_i range
    over all mu-strongly convex beta-smooth functions with a common minimiser, in any dimension.

    Parameters
    ----------
    n : int
        Number of samples, at least 2.
    mu, beta : float
        Strong convexity and smoothness of every loss, beta >= mu > 0.
    distance : float
        R = |w_0 - w*|, 0 or more. The result is proportional to it.
    steps : int
        Number T of gradient steps with step 1/beta, from 1 to 25. Time grows like T^6 (seconds at
        15, a minute at 25).
    weighting : {"1/n", "1/(n-1)"}
        Weight of each remaining sample in the left-out loss.

    Returns
    -------
    WorstCase

    Raises
    ------
    TypeError, ValueError
        If an argument is no real number, an array, out of its range, or `weighting` is unknown.
    RuntimeError
        If the solver fails.

    Notes
    -----
    Needs cvxpy. It bounds each left-out sample; the mean over them can only be smaller. Sources:
    Drori and Teboulle (2014), Taylor, Hendrickx and Glineur (2017) for the method; program and
    proof of exactness in docs/full-tuning.md.
    """
    numbers = {
        "n": whole_array("n", n, low=2),
        "distance": non_negative_array("distance", distance),
        "steps": whole_array("steps", steps),
    }
    smallest, largest = curvature(mu, beta)
    # beta first: an array in its place makes an array of both
    numbers |= {"beta": largest, "mu": smallest}
    weighting = choice("weighting", weighting, WEIGHTINGS)
    for name, array in numbers.items():
        if array.ndim:
            raise ValueError(
                f"{name} has shape {array.shape}: worst_case solves one problem at a time, pass a"
                " scalar"
            )
    if numbers["steps"] > LARGEST_STEPS:
        raise ValueError(
            f"steps = {float(numbers['steps']):.4g} exceeds {LARGEST_STEPS}, the largest program"
            " that is solved: use contraction from above and worst_quadratic from below"
        )
    scale = float(numbers["distance"])
    unit = _unit(*(float(numbers[name]) for name in ("n", "mu", "beta", "steps")), weighting)
    return replace(
        unit,
        value=scale * unit.value,
        lower=scale * unit.lower,
        attained=scale * unit.attained,
        gap=unit.gap if scale else 0.0,
        duality_gap=unit.duality_gap if scale else 0.0,
    )


@lru_cache(maxsize=4096)
def _unit(n: float, mu: float, beta: float, steps: float, weighting: str) -> WorstCase:
    lower = float(
        worst_quadratic(n=n, mu=mu, beta=beta, distance=1.0, steps=steps, weighting=weighting)
    )
    if mu == beta:  # both functions are beta |w - w*|^2 / 2
        return WorstCase(
            value=lower,
            lower=lower,
            gap=0.0,
            attained=lower,
            duality_gap=0.0,
            primal_residual=0.0,
            dual_residual=0.0,
            status="closed form",
        )
    program = semidefinite.build(n, mu / beta, (beta - mu) / beta, int(steps), weighting)
    solution = semidefinite.solve(program)
    scale = float(np.exp(program.log_scale))
    value, attained = scale * solution.upper, scale * solution.attained
    return WorstCase(
        value=value,
        lower=lower,
        gap=(value - lower) / value if value else 0.0,
        attained=attained,
        duality_gap=(value - attained) / value if value else 0.0,
        primal_residual=solution.primal_residual,
        dual_residual=solution.dual_residual,
        status=solution.status,
    )
