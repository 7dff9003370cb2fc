"""The optimality conditions of the hard-margin problem, as a check of a claimed truth."""

from __future__ import annotations

import numpy as np

from tunebound._ground.arrays import Floats, Integers
from tunebound._ground.checks import require, within_float64


def row_norms(X: Floats) -> Floats:
    """Euclidean norm of each row, shape (n,), without overflow or underflow of the squares."""
    largest = np.abs(X).max(axis=1)
    safe = np.where(largest > 0, largest, 1.0)
    return np.asarray(
        safe * np.linalg.norm(X / safe[:, None], axis=1) * (largest > 0), dtype=np.float64
    )


@within_float64("X", "separator", "dual")
def certified_margin(
    X: Floats, y: Integers, separator: Floats, dual: Floats, *, tolerance: float
) -> float:
    """Margin of ``separator`` after the dual has proved that no other direction has a larger one.

    With z_j = y_j x_j, unit u and m = min_j z_jᵀu, the pair (w = u/m, α) solves min ‖w‖² s.t. z_jᵀw
    ≥ 1 exactly when α ≥ 0, Σ α_j z_j = w and Σ α_j (z_jᵀw − 1) = 0 (Karush, Kuhn, Tucker;
    sufficient since the problem is convex).

    Parameters
    ----------
    X : (n, d) float64
    y : (n,) int64 of ±1
    separator : (d,) float64, unit length
    dual : (n,) float64, at least 0
    tolerance : float
        Largest residual allowed, relative to radius/margin, the factor by which rounding of X is
        magnified.

    Returns
    -------
    float
        The margin min_j z_jᵀu.

    Raises
    ------
    ValueError
        If a condition fails; the message names the condition and its residual.
    """
    length = float(np.linalg.norm(separator))
    if abs(length - 1.0) > tolerance:
        raise ValueError(f"separator must have unit length, got {length!r}; divide it by its norm")
    require("dual", dual, dual >= 0, "must be 0 or more: drop the solver's noise")
    radius = float(row_norms(X).max())
    distances = y * (X @ separator)
    margin = float(distances.min())
    if margin <= 0.0:
        raise ValueError(
            f"separator does not separate: sample {int(distances.argmin())} has y x·separator ="
            f" {margin!r}; pass the max-margin direction of these arrays"
        )
    allowed = tolerance * radius / margin
    # Multiplied by margin² first: the dual is of size 1/margin² and would overflow for tiny
    # margins.
    weights = dual * margin * margin
    stationarity = float(np.linalg.norm((weights * y) @ X / margin - separator))
    if not stationarity <= allowed:
        raise ValueError(
            "separator and dual violate stationarity, Σ dual y x = separator/margin, by"
            f" {stationarity:.3g} relative (allowed {allowed:.3g}); the dual must be scaled so that"
            " its sum is 1/margin²"
        )
    slackness = float(weights @ (distances / margin - 1.0))
    if not slackness <= allowed:
        raise ValueError(
            f"separator and dual violate complementary slackness by {slackness:.3g} relative"
            f" (allowed {allowed:.3g}); a sample off the margin must have dual 0"
        )
    return margin
