"""Checks of what users hand to the tuning algorithms: each failure names the argument, the value
and the remedy.
"""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

WEIGHTINGS = ("1/n", "1/(n-1)")
DTYPES = {"float64": torch.float64, "float32": torch.float32}


def integer(name: str, value: object, minimum: int) -> int:
    """`value` as a Python int, at least `minimum`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")
    return int(value)


def growth(weighting: str, n: int) -> float:
    """By how much the weight of the remaining samples grows when one of n is left out."""
    return n / (n - 1) if weighting == "1/(n-1)" else 1.0


def step_count(name: str, value: object, latest: float) -> float:
    """`value` as a whole number of steps from 1 to `latest`; a float, since that may be beyond what
    integers hold.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number of steps, got {value!r}")
    number = float(value)
    if not 1 <= number <= latest or not number.is_integer():
        raise ValueError(
            f"{name} must be a whole number of steps, at least 1 and at most {latest:g}, got"
            f" {value}"
        )
    return number


def positive(name: str, value: object) -> float:
    """`value` as a finite positive Python float."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a positive number, got {value!r}")
    number = float(value)
    if not np.isfinite(number) or number <= 0:
        raise ValueError(f"{name} must be finite and positive, got {value}")
    return number


def choice(name: str, value: object, known: tuple[str, ...]) -> str:
    """`value` if it is one of the `known` words."""
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}, got {value!r}")
    return str(value)


def device(name: str, value: str) -> torch.device:
    """The torch device that `value` names; "auto" takes CUDA where there is one."""
    if value == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(value)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f'{name} must be "auto", "cpu", "cuda" or "cuda:<index>", got {value!r}'
        ) from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f'{name}={value!r}: torch sees no CUDA device here; use device="cpu" or "auto"'
        )
    return chosen


def labelled_batch(X: ArrayLike, y: ArrayLike, *, leave_one_out: bool) -> tuple[NDArray, NDArray]:
    """One sample (n, d) or a batch (D, n, d) with labels ±1, as float64 arrays of shape (D, n, d)
    and (D, n).
    """
    features, labels = np.asarray(X), np.asarray(y)
    if features.dtype.kind not in "fiu":
        raise TypeError(f"X must hold real numbers, got dtype {features.dtype}")
    if features.ndim not in (2, 3):
        raise ValueError(f"X must have shape (n, d) or (D, n, d), got {features.shape}")
    if labels.shape != features.shape[:-1]:
        raise ValueError(
            f"y must have shape {features.shape[:-1]} to match X of shape {features.shape}, got"
            f" {labels.shape}"
        )
    if 0 in features.shape or features.shape[-2] < 2:
        raise ValueError(
            f"X must hold at least 2 samples and 1 feature, got shape {features.shape}"
        )
    bad = np.argwhere(~np.isfinite(features))
    if len(bad):
        where = tuple(int(index) for index in bad[0])
        raise ValueError(
            f"X holds {features[where]} at {where}; remove or impute samples that are not finite"
        )
    features = np.ascontiguousarray(features, dtype=np.float64).reshape(-1, *features.shape[-2:])
    if labels.dtype.kind not in "fiu" or not np.isin(labels, (-1, 1)).all():
        raise ValueError(
            f"y must hold the labels -1 and +1 only, got {np.unique(labels)[:5]}; map 0/1 labels by"
            " 2 * y - 1"
        )
    labels = labels.astype(np.float64).reshape(features.shape[:2])
    needed = 2 if leave_one_out else 1
    counts = np.stack([(labels < 0).sum(axis=1), (labels > 0).sum(axis=1)], axis=1)
    if (counts < needed).any():
        batch, label = (int(index) for index in np.argwhere(counts < needed)[0])
        remedy = "add samples of it" + (
            ", or pass leave_one_out=False" if counts[batch, label] else ""
        )
        raise ValueError(
            f"y: data set {batch} has {counts[batch, label]} sample(s) of class {(-1, 1)[label]:+d}"
            " and needs"
            f" {needed}{' so that leaving one out keeps both classes' if needed == 2 else ''};"
            f" {remedy}"
        )
    return features, labels


def initial_weights(init: ArrayLike | None, batch: int, d: int) -> NDArray:
    """The common start of all heads of a data set, shape (D, d)."""
    if init is None:
        return np.zeros((batch, d))
    start = np.asarray(init, dtype=np.float64)
    if start.shape not in ((d,), (batch, d)):
        raise ValueError(f"init must have shape ({d},) or ({batch}, {d}), got {start.shape}")
    if not np.isfinite(start).all():
        raise ValueError("init must be finite; it holds NaN or infinity")
    return np.broadcast_to(start, (batch, d)).copy()


def learning_rates(learning_rate: object, limits: NDArray) -> NDArray:
    """One step size a data set, shape (D,): "auto" is half the limit; above the limit is
    refused.
    """
    if isinstance(learning_rate, str):
        choice("learning_rate", learning_rate, ("auto",))
        return limits / 2
    rates = np.asarray(learning_rate)
    if rates.dtype.kind not in "fiu":
        raise TypeError(f'learning_rate must be "auto" or a number, got {learning_rate!r}')
    if rates.shape not in ((), limits.shape):
        raise ValueError(
            f"learning_rate must be one number or have shape {limits.shape}, got {rates.shape}"
        )
    rates = np.broadcast_to(rates.astype(np.float64), limits.shape).copy()
    if not (np.isfinite(rates).all() and (rates > 0).all()):
        raise ValueError(f"learning_rate must be finite and positive, got {learning_rate}")
    # One rounding of slack: a user who passes the limit itself has computed it in another order.
    if (rates > limits * (1 + 1e-12)).any():
        worst = int(np.argmax(rates / limits))
        raise ValueError(
            f"learning_rate {rates[worst]:.6g} is above the limit 2/beta = {limits[worst]:.6g} of"
            f" data set {worst} "
            f"(beta: the curvature of its mean logistic loss); pass a value up to the limit, or"
            f' "auto" for half of it'
        )
    return rates
