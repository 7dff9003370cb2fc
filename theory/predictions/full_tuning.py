"""Full tuning: log-cosh losses with a Lipschitz constant of one's choice, and how far leaving a
sample out moves the parameters.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from tunebound import synthetic, tuning

N, D, KAPPA, STEPS = 16, 4, 0.01, 100
WIDEST = 1e3  # of the widths, over the distance from the start; beyond it losses are quadratic
POPULATION = f"log-cosh losses, n = {N}, d = {D}, μ/β = {KAPPA:g}, step 1/β, {STEPS} steps"
LABEL = "largest leave-one-out distance along the run"


def losses(seed: int, *, distance: float, lipschitz: float) -> synthetic.SmoothProblem:
    """Losses with β = 1 whose largest gradient within ‖w_0 − w*‖ of w* is the given one.

    Frames, curvatures at w* and directions are those of the seed; the width of the log-cosh, over
    which the curvature falls off, is found by bisection, since L grows with it.

    Raises
    ------
    ValueError
        If no width gives that constant: it lies between μ·distance and β·distance.
    """

    def problem(log_width: float) -> synthetic.SmoothProblem:
        return synthetic.make_smooth_losses(
            N,
            D,
            mu=KAPPA,
            beta=1.0,
            distance=distance,
            width=distance * float(np.exp(log_width)),
            seed=seed,
        )

    def excess(log_width: float) -> float:
        return float(np.log(problem(log_width).lipschitz / lipschitz))

    ends = (-np.log(WIDEST), np.log(WIDEST))
    if not excess(ends[0]) < 0 < excess(ends[1]):
        raise ValueError(
            f"lipschitz={lipschitz:g} is out of reach at distance={distance:g}: it lies between"
            f" {problem(ends[0]).lipschitz:.3g} and {problem(ends[1]).lipschitz:.3g}"
        )
    return problem(float(brentq(excess, *ends, xtol=1e-12)))


def instability(problem: synthetic.SmoothProblem) -> tuple[float, float]:
    """max_t mean_i ‖w_t − w_t^i‖, and what rounding leaves open of it."""
    run = tuning.tune_losses(
        problem.losses,
        problem.gradients,
        problem.start,
        beta=problem.beta,
        steps=STEPS,
        record=range(1, STEPS + 1),
    )
    return largest_distance(run, size_of(problem))


def size_of(problem: synthetic.SmoothProblem) -> float:
    """At least ‖w_t‖ of every run: all of them stay in the ball around w* on which w_0 lies."""
    return float(np.linalg.norm(problem.minimiser)) + problem.distance


def largest_distance(run: tuning.FullRun, size: float) -> tuple[float, float]:
    """The largest mean distance over recorded steps, and what rounding leaves open of it.

    Parameters
    ----------
    run : FullRun
    size : float
        At least ‖w_t‖ of every run.
    """
    distance = run.distance.mean(axis=1)
    latest = int(distance.argmax())
    return float(distance[latest]), rounding(int(run.steps[latest]), size)


def rounding(steps: int, size: float) -> float:
    """What the rounding of so many steps leaves open in a distance of parameters of that norm:
    each adds a few units, which non-expansive steps do not amplify.
    """
    return float(8 * np.finfo(float).eps * (steps + 4) * size)
