"""The result of leave-one-out full fine-tuning, and the checks that its algorithms share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunebound._ground import checks
from tunebound._ground.arrays import Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class FullRun:
    """What leave-one-out full tuning gave. n samples, p parameters, T steps, K of them recorded;
    all float64.

    Run 0 is tuned on the whole sample S, run 1 + i on S^i, the sample without i; all start at the
    same w_0.

    Attributes
    ----------
    steps : (K,) int64
        The recorded numbers of steps t, increasing; the last one is T.
    distance : (K, n)
        ‖w_t − w_t^i‖ between the parameters of run 0 and run 1 + i.
    loss : (K,)
        F_S(w_t), the mean loss over all samples along run 0.
    gradient_norms : (T, n)
        ‖∇f_i(w_t)‖ for t = 0..T − 1 along run 0.
    initial_loss : float
        F_S(w_0).
    weights : (n + 1, p)
        The parameters after the last step.
    learning_rate : float
        Step size η.
    weighting : str
        "1/n": the others keep their weight when a sample is left out; or "1/(n-1)".
    """

    steps: NDArray[np.int64]
    distance: Floats
    loss: Floats
    gradient_norms: Floats
    initial_loss: float
    weights: Floats
    learning_rate: float
    weighting: str


def step_size(learning_rate: float | str, beta: float) -> float:
    """The step size η ≤ 2/β that `learning_rate` asks for; "auto" is 1/β."""
    if isinstance(learning_rate, str):
        checks.choice("learning_rate", learning_rate, ("auto",))
        return 1 / beta
    rate = checks.real_number("learning_rate", learning_rate, above=0)
    # One rounding of slack: a user who passes the limit itself has computed it in another order.
    if rate > 2 / beta * (1 + 1e-12):
        raise ValueError(
            f"learning_rate {rate:.6g} is above the limit 2/beta = {2 / beta:.6g}, where descent"
            ' stops contracting; pass a value up to the limit, or "auto" for half of it'
        )
    return rate


def empty_run(recorded: NDArray[np.int64], n: int, p: int, rate: float, weighting: str) -> FullRun:
    """Arrays to be filled: losses are zero, everything else is undefined."""
    kept = len(recorded)
    return FullRun(
        steps=recorded,
        distance=np.empty((kept, n)),
        loss=np.zeros(kept),
        gradient_norms=np.empty((int(recorded[-1]), n)),
        initial_loss=np.nan,
        weights=np.empty((n + 1, p)),
        learning_rate=rate,
        weighting=weighting,
    )
