"""Where a bound is judged, and how close it is to what was measured there."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tunebound.theory.engine import tables

IDENTITY = [tables.MEMBER, tables.THEOREM, tables.QUANTITY]


def judged_rows(rows: pd.DataFrame, judged_at: str) -> pd.DataFrame:
    """One row per environment, theorem and quantity: at the last number of steps, or where the
    bound is tightest.
    """
    if judged_at == "last":
        return rows[rows[tables.STEPS] == rows.groupby(IDENTITY)[tables.STEPS].transform("max")]
    ratio = tightness_ratio(rows.assign(bound=rows[tables.BOUND].where(rows[tables.BOUND] > 0)))
    return rows.loc[
        ratio.fillna(-1.0).groupby([rows[name] for name in IDENTITY]).idxmax().sort_values()
    ]


def tightness_ratio(rows: pd.DataFrame) -> pd.Series:
    """measured/bound of each row; 0 where what was measured is within its resolution of 0."""
    return (
        rows[tables.MEASURED].where(rows[tables.MEASURED] > rows[tables.RESOLUTION], 0.0)
        / rows[tables.BOUND]
    )


def tightness(last: pd.DataFrame) -> dict[str, Any] | None:
    """measured/bound over environments: median, loosest, tightest, and which; None where no bound
    is positive.
    """
    positive = last[last[tables.BOUND] > 0]
    if not len(positive):
        return None
    ratio = tightness_ratio(positive)
    loosest, tightest = ratio.idxmin(), ratio.idxmax()
    return {
        "median": float(ratio.median()),
        "loosest": float(ratio[loosest]),
        "loosest_environment": str(positive.loc[loosest, tables.ENVIRONMENT]),
        "tightest": float(ratio[tightest]),
        "tightest_environment": str(positive.loc[tightest, tables.ENVIRONMENT]),
    }
