"""Where a bound is judged, and how close it is to what was measured there."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tunebound._ground.checks import choice, instance
from tunebound.theory.engine import tables
from tunebound.theory.engine.statement import find_theorem, setting_of

IDENTITY = [tables.MEMBER, tables.THEOREM, tables.QUANTITY]
JUDGED_AT = ("last", "tightest")


def judged_rows(rows: pd.DataFrame, judged_at: str | None = None) -> pd.DataFrame:
    """One row per environment, theorem and quantity: where verdicts and reports read tightness,
    vacuity and rates.

    Parameters
    ----------
    rows : DataFrame
        Rows of a study, see `Results`.
    judged_at : {"last", "tightest"}, optional
        At the last number of steps, or at the one with the largest measured/bound; by default what
        the setting of the rows' theorems says (`Setting.judged_at`).

    Returns
    -------
    DataFrame
        Some of the rows, with their index and in their order.

    Raises
    ------
    TypeError
        If `rows` is no DataFrame.
    ValueError
        If a column is missing, or a theorem is unknown and `judged_at` is not given.
    """
    _require_columns(rows, (*IDENTITY, tables.STEPS, tables.MEASURED, tables.BOUND))
    if not len(rows):
        return rows
    if judged_at is None:
        # all theorems of a study have one setting
        first = rows[tables.THEOREM].iloc[0]
        judged_at = setting_of(find_theorem(first)).judged_at
    if choice("judged_at", judged_at, JUDGED_AT) == "last":
        return rows[rows[tables.STEPS] == rows.groupby(IDENTITY)[tables.STEPS].transform("max")]
    ratio = tightness(rows).fillna(-1.0)
    return rows.loc[ratio.groupby([rows[name] for name in IDENTITY]).idxmax().sort_values()]


def tightness(rows: pd.DataFrame) -> pd.Series:
    """measured/bound of each row: 1 is a bound that is attained, above 1 lies a violation, or what
    the resolution leaves open.

    Parameters
    ----------
    rows : DataFrame
        Rows of a study, see `Results`; `judged_rows` gives those that reports speak of.

    Returns
    -------
    Series
        float64, with the index of the rows. 0 where what was measured is within its resolution of
        0. Missing where the bound is not above 0: there is no ratio, and `excess` alone says
        whether it is violated; reports leave such rows out.

    Raises
    ------
    TypeError
        If `rows` is no DataFrame.
    ValueError
        If a column is missing.
    """
    _require_columns(rows, (tables.MEASURED, tables.BOUND, tables.RESOLUTION))
    bound = rows[tables.BOUND].where(rows[tables.BOUND] > 0)
    seen = rows[tables.MEASURED].where(rows[tables.MEASURED] > rows[tables.RESOLUTION], 0.0)
    return (seen / bound).rename("tightness")


def placed(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that have a place on logarithmic axes: above 0, and by more than the resolution."""
    seen = rows[tables.MEASURED] > rows[tables.RESOLUTION].clip(lower=0)
    return rows[seen & (rows[tables.BOUND] > 0)]


def spread(judged: pd.DataFrame) -> dict[str, Any] | None:
    """The tightness of judged rows over environments: median, loosest, tightest, and which; None
    where no bound is positive.
    """
    ratio = tightness(judged).dropna()
    if not len(ratio):
        return None
    loosest, tightest = ratio.idxmin(), ratio.idxmax()
    return {
        "median": float(ratio.median()),
        "loosest": float(ratio[loosest]),
        "loosest_environment": str(judged.loc[loosest, tables.ENVIRONMENT]),
        "tightest": float(ratio[tightest]),
        "tightest_environment": str(judged.loc[tightest, tables.ENVIRONMENT]),
    }


def _require_columns(rows: pd.DataFrame, names: tuple[str, ...]) -> None:
    remedy = "pass the rows of what theory.study, run or load gave"
    instance("rows", rows, pd.DataFrame, remedy=remedy)
    lacking = [name for name in names if len(rows) and name not in rows]
    if lacking:
        raise ValueError(f"rows lack the columns {', '.join(lacking)}; {remedy}")
