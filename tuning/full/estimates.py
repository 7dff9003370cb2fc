"""Constants of a network that no one proved: numbers with an error bar and the method that gave
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Estimate:
    """A number that was estimated, not proved.

    Attributes
    ----------
    value : float
    error : float
        Half-width of its error bar; the method says what it covers. Infinite where the method could
        not tell.
    method : str
        How it was obtained, in a sentence.
    provenance : str
        Always "estimated".
    """

    value: float
    error: float
    method: str
    provenance: Literal["estimated"] = "estimated"


@dataclass(frozen=True)
class Curvature:
    """Extreme eigenvalues of the Hessian of a network's loss at one point.

    Attributes
    ----------
    smallest, largest : Estimate
        Of ∇²F_S(w), or the least and the greatest over all ∇²f_i(w).
    samples : str
        "mean" or "each".
    """

    smallest: Estimate
    largest: Estimate
    samples: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Minimiser:
    """Where long training led.

    Attributes
    ----------
    weights : (p,) float64
        The estimate of w*.
    distance : Estimate
        ‖w_0 − w*‖.
    loss : float
        F_S at `weights`; above zero the network does not interpolate (yet).
    gradient_norm : float
        ‖∇F_S‖ at `weights`.
    steps : int
        Gradient steps that were made.
    """

    weights: NDArray[np.float64]
    distance: Estimate
    loss: float
    gradient_norm: float
    steps: int
