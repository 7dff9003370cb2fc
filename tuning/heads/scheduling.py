"""Arguments of head tuning on mini-batches or by an optimiser, checked and turned into steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground import checks
from tunebound._ground.arrays import Floats
from tunebound.tuning import arguments
from tunebound.tuning.heads.batches import checked_batches
from tunebound.tuning.heads.engine.schedule import Schedule
from tunebound.tuning.heads.optimisers import Optimiser


def schedule(
    X: NDArray[np.float64],
    *,
    steps: int,
    batches: ArrayLike | None,
    optimiser: Optimiser,
    learning_rate: ArrayLike | str,
    full_limits: NDArray[np.float64],
    leave_one_out: bool,
    single: bool,
) -> Schedule:
    """The schedule of data sets X (D, n, d); `full_limits` are 2/β of their mean losses, and
    `single` says that there is one, given without its axis.
    """
    sets, n, _ = X.shape
    sequences = None
    limits = full_limits
    if batches is not None:
        sequences = checked_batches(
            batches, sets=sets, n=n, steps=steps, leave_one_out=leave_one_out
        )
        limits = batch_limits(X)
    rates = _step_sizes(learning_rate, optimiser.stable / 2 * limits, steps, single, optimiser)
    return Schedule(batches=sequences, rates=rates, optimiser=optimiser)


def batch_limits(X: NDArray[np.float64]) -> Floats:
    """8/B² of data sets (D, n, d): 2 over the largest curvature that the mean loss of a batch can
    have.
    """
    radius = np.linalg.norm(X, axis=-1).max(axis=-1)
    return 8 / radius**2


def require_optimiser(optimiser: object) -> None:
    """Refuse what is no optimiser, a name for example."""
    if not isinstance(optimiser, Optimiser):
        raise TypeError(
            f"optimiser must be a tuning.Optimiser, got {optimiser!r}; pass tuning.HeavyBall() or"
            " tuning.Adam() for example"
        )


def require_plain(heads: int, weighting: str, dtype: str) -> None:
    """Refuse what only full batches of gradient descent offer."""
    for name, value, only in (
        ("heads", heads, 1),
        ("weighting", weighting, "1/n"),
        ("dtype", dtype, "float64"),
    ):
        if value != only:
            raise ValueError(
                f"{name} must be {only!r} with batches or an optimiser, got {value!r}; leave"
                f" {name} out, or batches and optimiser"
            )


def _step_sizes(
    learning_rate: ArrayLike | str,
    limits: NDArray[np.float64],
    steps: int,
    single: bool,
    optimiser: Optimiser,
) -> Floats:
    """Step sizes (D, 1 or T), none above the limit."""
    if isinstance(learning_rate, str):
        checks.choice("learning_rate", learning_rate, ("auto",))
        if not np.isfinite(optimiser.stable):
            raise ValueError(
                f"learning_rate must be a number for {type(optimiser).__name__}, got 'auto': its"
                " steps do not scale with the curvature; pass 0.01 for example"
            )
        arguments.require_moves(limits / 2, limits)
        return limits[:, None] / 2
    rates = checks.positive_array("learning_rate", learning_rate)
    sets = len(limits)
    by_step = (steps,) if single else (sets, steps)
    if rates.shape == () or (rates.shape == (sets,) and not single):
        rates = rates.reshape(-1, 1)
    elif rates.shape == by_step:
        rates = rates.reshape(sets, steps)
    else:
        allowed = f"({steps},)" if single else f"({sets},) or ({sets}, {steps})"
        raise ValueError(
            f"learning_rate must be one number or have shape {allowed}, got {rates.shape}"
        )
    rates = np.broadcast_to(rates, (sets, rates.shape[1])).copy()
    # One rounding of slack: a user who passes the limit itself has computed it in another order.
    above = rates > limits[:, None] * (1 + 1e-12)
    if above.any():
        which, step = checks.first(above)
        raise ValueError(
            f"learning_rate {rates[which, step]:.6g} is above the limit {limits[which]:.6g} of data"
            f" set {which} for {type(optimiser).__name__}: {optimiser.stable:g} over the largest"
            ' curvature of a step\'s loss; pass a value up to the limit, or "auto" for half of it'
        )
    # Adam's steps are as long as its step size, whatever the samples
    arguments.require_moves(rates.max(axis=1), np.where(np.isfinite(optimiser.stable), limits, 8.0))
    return rates
