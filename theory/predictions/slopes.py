"""One slope a draw: of ln(outcome) in ln(factor), over the levels whose values are above their
resolution.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tunebound.theory.engine import tables
from tunebound.theory.predictions import columns
from tunebound.theory.predictions.design import Design, Prediction


def measured(environments: pd.DataFrame, design: Design, prediction: Prediction) -> pd.DataFrame:
    """What was measured for a prediction, one row a draw and level.

    Parameters
    ----------
    environments : DataFrame
        Of a study of predictions.
    design : Design
    prediction : Prediction
        One of the design's.

    Returns
    -------
    DataFrame
        environment, seed, level, coordinate, measured, resolution, used: whether the value is above
        its resolution; values that are missing are not.
    """
    rows = environments[environments[columns.DESIGN] == design.name]
    parts = []
    for number in range(len(design.levels)):
        name = columns.measured(prediction.outcome, number)
        if not len(rows) or name not in rows or rows[columns.level(number)].isna().all():
            continue
        level = rows[columns.level(number)].to_numpy(dtype=float)
        parts.append(
            pd.DataFrame(
                {
                    tables.ENVIRONMENT: rows[tables.ENVIRONMENT].to_numpy(),
                    columns.SEED: rows[columns.SEED].to_numpy(),
                    columns.LEVEL: level,
                    "coordinate": [design.coordinate(each) for each in level],
                    columns.MEASURED: rows[name].to_numpy(dtype=float),
                    columns.RESOLUTION: rows[
                        columns.resolution(prediction.outcome, number)
                    ].to_numpy(dtype=float),
                }
            )
        )
    if not parts:
        kept = (tables.ENVIRONMENT, columns.SEED, columns.LEVEL, "coordinate")
        empty = pd.DataFrame(columns=[*kept, columns.MEASURED, columns.RESOLUTION], dtype=float)
        return empty.assign(used=pd.Series(dtype=bool))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(used=table[columns.MEASURED] > table[columns.RESOLUTION])


def slopes(environments: pd.DataFrame, design: Design, prediction: Prediction) -> pd.Series:
    """Least-squares slope of ln(measured) in ln(coordinate) on each draw, by its name; NaN where
    fewer than two values can be used.
    """
    table = measured(environments, design, prediction)
    found = {name: _slope(part[part["used"]]) for name, part in table.groupby(tables.ENVIRONMENT)}
    return pd.Series(found, dtype=float)


def _slope(part: pd.DataFrame) -> float:
    if len(part) < 2:
        return np.nan
    x = np.log(part["coordinate"].to_numpy(dtype=float))
    y = np.log(part[columns.MEASURED].to_numpy(dtype=float))
    x = x - x.mean()
    return float(x @ y / (x @ x))
