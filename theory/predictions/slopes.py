"""One slope a draw: of ln(outcome) in ln(factor), over the levels whose values are above their
resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tunebound.theory.engine import tables
from tunebound.theory.predictions import columns
from tunebound.theory.predictions.design import Design, Prediction


@dataclass(frozen=True, kw_only=True)
class Sweeps:
    """What a study measured for one prediction on m draws at K levels.

    Attributes
    ----------
    names : (m,)
        Of the draws.
    coordinates : (K,)
        Of the levels.
    values : (m, K)
        NaN where there was nothing to measure.
    used : (m, K) bool
        Whether a value is above its resolution.
    """

    names: NDArray[np.object_]
    coordinates: NDArray[np.float64]
    values: NDArray[np.float64]
    used: NDArray[np.bool_]

    def slopes(self) -> pd.Series:
        """Least-squares slope of ln(value) in ln(coordinate) on each draw, by its name; NaN where
        fewer than two values can be used.
        """
        count = self.used.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            # a draw's own means, since its levels that are left out may differ
            x = np.where(self.used, np.log(self.coordinates), 0.0)
            y = np.where(self.used, np.log(self.values), 0.0)
            x = np.where(self.used, x - (x.sum(axis=1) / count)[:, None], 0.0)
            found = (x * y).sum(axis=1) / (x * x).sum(axis=1)
        return pd.Series(np.where(count > 1, found, np.nan), index=self.names)


def sweeps(environments: pd.DataFrame, design: Design, prediction: Prediction) -> Sweeps:
    """What was measured for a prediction.

    Parameters
    ----------
    environments : DataFrame
        Of a study of predictions; of its first levels, where it did not take all of them.
    design : Design
    prediction : Prediction
        One of the design's.
    """
    rows = environments[environments[columns.DESIGN] == design.name]
    numbers = [
        k
        for k in range(len(design.levels))
        if len(rows) and columns.level(k) in rows and rows[columns.level(k)].notna().all()
    ]

    def taken(name: list[str]) -> NDArray[np.float64]:
        return rows[name].to_numpy(dtype=np.float64)

    values = taken([columns.measured(prediction.outcome, k) for k in numbers])
    resolution = taken([columns.resolution(prediction.outcome, k) for k in numbers])
    return Sweeps(
        names=rows[tables.ENVIRONMENT].to_numpy(),
        coordinates=np.array([design.coordinate(rows[columns.level(k)].iloc[0]) for k in numbers]),
        values=values,
        used=values > resolution,
    )
