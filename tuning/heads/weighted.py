"""Heads that minimise a weighted mean of the samples' losses: weights, descent, and whether it has
come far.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, softmax
from tqdm import tqdm

from tunebound._ground import checks
from tunebound._ground.arrays import Floats
from tunebound.tuning import arguments
from tunebound.tuning.heads.step_limits import learning_rate_limits

NEGLIGIBLE = 1e-8  # a slope along a feature of unit variance that is rounding


def sample_weights(
    sample_weight: ArrayLike | None,
    class_weight: Mapping[Any, float] | str | None,
    classes: NDArray[Any],
    which: NDArray[np.intp],
) -> Floats:
    """Weight of each sample, (n,), up to a common factor: its own times that of its class.

    Parameters
    ----------
    sample_weight : (n,) array_like, a number, or None
        At least 0; None is 1 for all.
    class_weight : dict, "balanced" or None
        Weight of each class; "balanced" gives all classes the same sum of weights.
    classes : (K,) ndarray
    which : (n,) ndarray
        Place of each sample's class in `classes`.

    Raises
    ------
    ValueError, TypeError
        For weights below 0 or of another shape, classes that are unknown, and a class whose weights
        are all 0.
    """
    n = len(which)
    checks.unmasked("sample_weight", sample_weight)
    given = np.asarray(1.0 if sample_weight is None else sample_weight)
    own = checks.non_negative_array(
        "sample_weight", np.broadcast_to(given, n) if given.ndim == 0 else given
    )
    if own.shape != (n,):
        raise ValueError(
            f"sample_weight must have shape ({n},), one weight a sample, got {own.shape}"
        )
    own = _relative(own)
    if isinstance(class_weight, str):
        checks.choice("class_weight", class_weight, ("balanced",))
        mass = np.bincount(which, own, minlength=len(classes))
        by_class = 1 / np.where(mass > 0, mass, 1)
    else:
        named = dict(class_weight or {})
        unknown = set(named) - set(classes.tolist())
        if unknown:
            raise ValueError(
                f"class_weight names {sorted(map(str, unknown))}, which y does not hold; its"
                f" classes are {classes.tolist()}"
            )
        by_class = checks.non_negative_array(
            "class_weight", [named.get(label, 1.0) for label in classes.tolist()]
        )
    weights = own * _relative(by_class)[which]
    for place, mass in enumerate(np.bincount(which, weights, minlength=len(classes))):
        if mass == 0:
            raise ValueError(
                f"every weight of class {classes.tolist()[place]!r} is zero by sample_weight and"
                " class_weight; drop the class or weigh one of its samples"
            )
    return weights


def _relative(weights: Floats) -> Floats:
    largest = weights.max()
    return weights / largest if largest > 0 else weights


def descend(
    X: Floats,
    which: NDArray[np.intp],
    weights: Floats,
    starts: Floats,
    steps: int,
    learning_rate: float | str,
) -> Floats:
    """Heads after gradient descent on Σ_i s_i ℓ_i / Σ_i s_i, each from its own start.

    Parameters
    ----------
    X : (n, d) ndarray
    which : (n,) ndarray
        Class of each sample, from 0.
    weights : (n,) ndarray
        s, at least 0.
    starts : (H, d, outputs) ndarray
        One output has the logistic loss of class 1 against 0, more have the cross-entropy.
    steps : int
    learning_rate : float or "auto"
        At most 2/β, with β = λ_max(Σ_i s_i x_i x_iᵀ / Σ_i s_i)/4, twice that for the cross-entropy;
        "auto" is 1/β.

    Returns
    -------
    (H, d, outputs) ndarray
    """
    heads, d, outputs = starts.shape
    shares = weights / weights.sum()
    # The Hessian of the cross-entropy in the logits is at most 1/2, twice that of the logistic
    # loss.
    limit = np.array([learning_rate_limits(X * np.sqrt(len(X) * shares)[:, None])])
    rate = float(arguments.learning_rates(learning_rate, limit / min(outputs, 2))[0])
    Z = torch.as_tensor(X)
    W = torch.as_tensor(starts).permute(1, 0, 2).reshape(d, heads * outputs).clone()
    target = torch.as_tensor(_targets(which, outputs))[:, None]
    step = Z.mT * torch.as_tensor(rate * shares)
    with torch.inference_mode():
        for _ in tqdm(range(steps), desc="tuning heads", unit="step", delay=2, disable=None):
            logits = (Z @ W).unflatten(1, (heads, outputs))
            found = torch.sigmoid(logits) if outputs == 1 else torch.softmax(logits, dim=-1)
            W.addmm_(step, found.sub_(target).flatten(1), alpha=-1)
    return W.unflatten(1, (heads, outputs)).permute(1, 0, 2).numpy()


def remaining_slope(
    X: Floats, which: NDArray[np.intp], weights: Floats, head: Floats, *, centred: bool
) -> float:
    """Largest slope of the loss along a feature of unit variance, over that at 0.

    Whatever the features' units are, it falls as a descent comes to its end, where the gradient
    itself may be small because features with a small range hardly enter it.

    Parameters
    ----------
    X, which, weights
        As for `descend`.
    head : (d, outputs) ndarray
    centred : bool
        Whether a constant feature, which must be the last, lets the others be centred.
    """
    shares = weights / weights.sum()
    mean = shares @ X if centred else np.zeros(X.shape[1])
    if centred:
        mean[-1] = 0
    around = X - mean
    scale = np.sqrt(shares @ np.square(around))
    units = around / np.where(scale > 0, scale, 1) * shares[:, None]
    logits, target = X @ head, _targets(which, head.shape[1])
    first = target - (0.5 if head.shape[1] == 1 else 1 / head.shape[1])
    last = target - (expit(logits) if head.shape[1] == 1 else softmax(logits, axis=1))
    before, after = (float(np.abs(units.T @ residual).max()) for residual in (first, last))
    return 0.0 if after < NEGLIGIBLE else after / max(before, NEGLIGIBLE)


def _targets(which: NDArray[np.intp], outputs: int) -> Floats:
    if outputs == 1:
        return (which[:, None] == 1).astype(np.float64)
    return (which[:, None] == np.arange(outputs)).astype(np.float64)
