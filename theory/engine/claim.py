"""One inequality of a theorem on one piece of evidence, and its rows in the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground.checks import real_array, require
from tunebound.bounds.constants import PROVENANCES
from tunebound.theory.engine import tables


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One inequality, measured ≤ bound, on one environment.

    Attributes
    ----------
    measured, bound : (K,) or (K, m)
        Both sides at K numbers of steps; a second axis holds quantities that are bounded one by one
        (samples, heads). A bound that is a single number holds for all of them.
    steps : (K,)
        Numbers of steps t; infinity stands for the limit.
    resolution : float or (K,) or (K, m)
        What rounding and the solvers' certificates leave open in measured − bound; an excess within
        it is no violation.
    provenance : {"exact", "estimated", "fitted", "assumed"}
        Of the weakest constant in the bound, or of what was measured where that is weaker: a run
        that was followed and not stepped through is estimated.
    quantity : str
        What was measured, for tables and axes.
    maximum : float, optional
        The largest value that the measured quantity can take on this environment; the theorem's by
        default.
    nearness : (K,) or (K, m), optional
        How near each inequality is to failing, for a search: above 1 where it fails, 0 where
        nothing is claimed. measured/bound by default, which says nothing of counts.
    """

    measured: ArrayLike
    bound: ArrayLike
    steps: ArrayLike
    resolution: ArrayLike
    provenance: str
    quantity: str
    maximum: float | None = None
    nearness: ArrayLike | None = None

    def sides(
        self,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Steps (K,); measured, bound and resolution, each (K, m).

        Raises
        ------
        TypeError
            For what is not made of real numbers, and for masked arrays.
        ValueError
            For sides of different shapes, and for what decides nothing: NaN anywhere, both sides
            infinite, a side of −∞, a resolution that is negative or infinite, steps of 0 or less.
        """
        steps = np.atleast_1d(self._numbers("steps", self.steps))
        self._require("steps", steps, steps > 0, "must be above 0; infinity stands for the limit")
        measured = self._table("measured", self.measured, len(steps))
        one = self._numbers("bound", self.bound)
        bound = (
            np.broadcast_to(one, measured.shape)
            if one.ndim == 0
            else self._table("bound", one, len(steps))
        )
        if measured.shape != bound.shape:
            raise ValueError(
                f"{self.quantity}: measured has shape {measured.shape} and bound {bound.shape}; a"
                " claim compares like with like"
            )
        self._require("bound", bound, bound > -np.inf, "must be above −∞")
        decidable = (measured > -np.inf) & np.isfinite(np.minimum(measured, bound))
        self._require("measured", measured, decidable, "and the bound must not both be infinite")
        resolution = self._numbers("resolution", self.resolution)
        allowed = (resolution >= 0) & np.isfinite(resolution)
        self._require("resolution", resolution, allowed, "must be finite and at least 0")
        if resolution.ndim == 1:
            resolution = resolution[:, np.newaxis]
        try:
            return steps, measured, bound, np.broadcast_to(resolution, measured.shape)
        except ValueError:
            raise ValueError(
                f"{self.quantity}: resolution has shape {resolution.shape}, measured"
                f" {measured.shape}; give one number, one a number of steps, or one each"
            ) from None

    def _table(self, name: str, values: ArrayLike, steps: int) -> NDArray[np.float64]:
        array = self._numbers(name, values)
        if array.size % steps:
            raise ValueError(
                f"{self.quantity}: {name} has shape {array.shape} for {steps} numbers of steps; its"
                " first axis is along them"
            )
        return array.reshape(steps, -1)

    def _numbers(self, name: str, values: ArrayLike) -> NDArray[np.float64]:
        return real_array(f"{self.quantity}: {name}", values, infinite=True)

    def _require(
        self, name: str, array: NDArray[np.float64], allowed: NDArray[np.bool_], rule: str
    ) -> None:
        require(f"{self.quantity}: {name}", array, allowed, rule)

    def columns(self) -> dict[str, list[Any]]:
        """By column, one entry a number of steps: means over the second axis, the worst excess over
        it, and where that is.
        """
        if self.provenance not in PROVENANCES:
            raise ValueError(f"provenance must be one of {PROVENANCES}, got {self.provenance!r}")
        steps, measured, bound, resolution = self.sides()
        excess = measured - bound - resolution
        worst = excess.argmax(axis=1)
        place = np.arange(len(steps)), worst
        return {
            tables.QUANTITY: [self.quantity] * len(steps),
            tables.STEPS: steps.tolist(),
            # contiguous, so that the sum of a row is that of the row by itself
            tables.MEASURED: np.ascontiguousarray(measured).mean(axis=1).tolist(),
            tables.BOUND: np.ascontiguousarray(bound).mean(axis=1).tolist(),
            tables.EXCESS: excess[place].tolist(),
            tables.RESOLUTION: resolution[place].tolist(),
            tables.WORST: worst.tolist(),
            tables.WORST_MEASURED: measured[place].tolist(),
            tables.WORST_BOUND: bound[place].tolist(),
            tables.PROVENANCE: [self.provenance] * len(steps),
        }

    def rows(self) -> list[dict[str, Any]]:
        """`columns` as one row a number of steps."""
        columns = self.columns()
        return [
            dict(zip(columns, values, strict=True))
            for values in zip(*columns.values(), strict=True)
        ]
