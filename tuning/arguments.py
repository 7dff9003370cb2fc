"""Checks that only the tuning algorithms make, on top of those that all rooms share."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from tunebound._ground import checks, sample_checks
from tunebound._ground.arrays import Floats, Integers

# a head that moves by less has squares beyond float64, and no direction
SMALLEST_MOVE = 1e-145


def growth(weighting: str, n: int) -> float:
    """By how much the weight of the remaining samples grows when one of n is left out."""
    return n / (n - 1) if weighting == "1/(n-1)" else 1.0


def torch_device(name: str, value: str) -> torch.device:
    """The torch device that is asked for.

    Parameters
    ----------
    name : str
        Of the argument, for messages.
    value : str
        "auto" (CUDA where there is one), "cpu", "cuda", "cuda:1", …

    Returns
    -------
    torch.device

    Raises
    ------
    TypeError, ValueError
        If it is no text, torch knows no such device, or sees none here.
    """
    if not isinstance(value, str):
        raise TypeError(f'{name} must be "auto" or the name of a device, got {checks.shown(value)}')
    if value == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(value)
    except RuntimeError as error:
        raise ValueError(
            f'{name} must be "auto", "cpu", "cuda" or "cuda:<index>", got {value!r}'
        ) from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f'{name}={value!r}: torch sees no CUDA device here; use device="cpu" or "auto"'
        )
    return chosen


def labelled_batch(X: ArrayLike, y: ArrayLike, *, leave_one_out: bool) -> tuple[Floats, Floats]:
    """One sample (n, d) or a batch (D, n, d) with labels ±1, as float64 arrays of shape (D, n, d)
    and (D, n); every class keeps a sample, also when one is left out.
    """
    checks.true_or_false("leave_one_out", leave_one_out)
    points = sample_checks.features(X, batch=True)
    if points.shape[-2] < 2:
        raise ValueError(f"X must hold at least 2 samples, got shape {points.shape}; add samples")
    labels = sample_checks.signs(y, points.shape[:-1])
    points = np.ascontiguousarray(points).reshape(-1, *points.shape[-2:])
    labels = labels.reshape(points.shape[:2])
    needed = 2 if leave_one_out else 1
    counts = np.stack([(labels < 0).sum(axis=1), (labels > 0).sum(axis=1)], axis=1)
    if (counts < needed).any():
        batch, label = checks.first(counts < needed)
        remedy = "add samples of it" + (
            ", or pass leave_one_out=False" if counts[batch, label] else ""
        )
        raise ValueError(
            f"y: data set {batch} has {counts[batch, label]} sample(s) of class {(-1, 1)[label]:+d}"
            " and needs"
            f" {needed}{' so that leaving one out keeps both classes' if needed == 2 else ''};"
            f" {remedy}"
        )
    return points, labels


def class_batch(
    X: ArrayLike, y: ArrayLike, classes: int, *, leave_one_out: bool
) -> tuple[Floats, Integers]:
    """One sample (n, d) or a batch (D, n, d) with labels 0, …, K − 1, as arrays of shape (D, n, d)
    and (D, n); every class keeps a sample, also when one is left out.
    """
    checks.true_or_false("leave_one_out", leave_one_out)
    classes = checks.whole_number(
        "classes", classes, low=2, remedy="a softmax head compares two classes at least"
    )
    points, labels, _ = sample_checks.labelled_classes(
        X, y, classes=classes, members=2 if leave_one_out else 1, batch=True
    )
    points = np.ascontiguousarray(points).reshape(-1, *points.shape[-2:])
    return points, labels.reshape(points.shape[:2])


def initial_weights(init: ArrayLike | None, batch: int, d: int) -> Floats:
    """The common start of all heads of a data set, shape (D, d)."""
    if init is None:
        return np.zeros((batch, d))
    start = checks.real_array("init", init)
    if start.shape not in ((d,), (batch, d)):
        raise ValueError(f"init must have shape ({d},) or ({batch}, {d}), got {start.shape}")
    return np.broadcast_to(start, (batch, d)).copy()


def learning_rates(learning_rate: ArrayLike | str, limits: NDArray) -> Floats:
    """One step size a data set, shape (D,): "auto" is half the limit; above the limit is refused,
    and so is what does not move a head within float64.
    """
    if isinstance(learning_rate, str):
        checks.choice("learning_rate", learning_rate, ("auto",))
        rates = limits / 2
        require_moves(rates, limits)
        return rates
    rates = checks.positive_array("learning_rate", learning_rate)
    if rates.shape not in ((), limits.shape):
        raise ValueError(
            f"learning_rate must be one number or have shape {limits.shape}, got {rates.shape}"
        )
    rates = np.broadcast_to(rates, limits.shape).copy()
    # One rounding of slack: a user who passes the limit itself has computed it in another order.
    if (rates > limits * (1 + 1e-12)).any():
        worst = int(np.argmax(rates / limits))
        raise ValueError(
            f"learning_rate {rates[worst]:.6g} is above the limit 2/beta = {limits[worst]:.6g} of"
            f" data set {worst} "
            f"(beta: the curvature of its mean loss); pass a value up to the limit, or"
            f' "auto" for half of it'
        )
    require_moves(rates, limits)
    return rates


def require_moves(rates: Floats, limits: Floats) -> None:
    """Refuse step sizes (D,) that move heads by less than float64 can square; `limits` (D,) are
    2/β, and √(8/limit) is the length of a sample, as a mean along their principal direction.
    """
    moves = rates * np.sqrt(8 / limits)
    if (moves < SMALLEST_MOVE).any():
        worst = int(np.argmin(moves))
        raise ValueError(
            f"learning_rate {rates[worst]:.6g} moves the heads of data set {worst} by about"
            f" {moves[worst]:.1g} a step, whose square leaves float64; pass a larger one, or"
            " rescale X to a largest norm of 1"
        )
