"""What each step of a run uses: which samples, which step size, which optimiser."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tunebound._ground.arrays import Integers
from tunebound.tuning.heads.optimisers import Optimiser


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The steps of D data sets.

    Attributes
    ----------
    batches : (1 or D, T, b) int64, or None
        Samples of each step, −1 where there is none; None: all samples in every step.
    rates : (D, 1 or T)
        Step sizes.
    optimiser : Optimiser
    """

    batches: Integers | None
    rates: NDArray[np.float64]
    optimiser: Optimiser

    def of(self, sets: slice) -> Schedule:
        """The schedule of some data sets."""
        shared = self.batches is None or len(self.batches) == 1
        return replace(
            self,
            batches=self.batches if shared or self.batches is None else self.batches[sets],
            rates=self.rates[sets],
        )
