"""Tables of a study of tasks, as text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tunebound.theory.tasks import columns
from tunebound.theory.tasks.choice import foremost, separable
from tunebound.theory.tasks.claims import compared_size, findings
from tunebound.theory.tasks.evidence import TWIN
from tunebound.theory.tasks.members import FOREMOST, OWN

Cells = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]

LADDER = (
    "ratio",
    "pair",
    "deletion",
    "limit",
    "anytime",
    "dual",
    "support",
    "free",
    "published",
    "kkt",
)


def by_task(environments: pd.DataFrame) -> Cells:
    """Every task at the size at which preparations are compared: medians over subsamples."""
    n = compared_size(environments)
    rows = foremost(environments)
    rows = rows[rows[columns.N] == n]
    head = (
        f"task, n = {n}",
        "separable",
        "accuracy",
        "B/γ",
        "support vectors",
        "mean distance",
        "largest",
        "churn % mean / worst sample",
        "not excluded by one solve %",
        "texts that no sample flips %",
        *LADDER,
    )
    table = []
    for task, own in rows.groupby(columns.TASK):
        known = separable(own)
        middle = (known if len(known) else own).median(numeric_only=True)
        table.append(
            (
                str(task),
                f"{len(known)} of {len(own)}",
                _number(middle[columns.ACCURACY], 2),
                _number(middle[columns.RADIUS_OVER_MARGIN], 0),
                _number(middle[columns.SUPPORT_VECTORS], 0),
                _number(middle[columns.INSTABILITY], 3),
                _number(middle[columns.WORST_INSTABILITY], 2),
                f"{_number(100 * middle[columns.CHURN], 1)} /"
                f" {_number(100 * middle[columns.WORST_CHURN], 0)}",
                _number(100 * middle[columns.NOT_EXCLUDED], 0),
                _number(100 * middle[columns.FIXED], 0),
                *(_number(middle[columns.BOUND + name], 3) for name in LADDER),
            )
        )
    return head, tuple(table)


def by_size(environments: pd.DataFrame) -> Cells:
    """B/γ and the mean distance of every task and size, and how many of its subsamples are
    separable where not all are.
    """
    rows = foremost(environments)
    sizes = sorted(rows[columns.N].unique())
    table = []
    for task, own in rows.groupby(columns.TASK):
        cells = [str(task)]
        for n in sizes:
            here = own[own[columns.N] == n]
            known = separable(here)
            if not len(here):
                cells.append("–")
                continue
            told = f"{len(known)} of {len(here)} separable" if len(known) < len(here) else ""
            if len(known):
                middle = known.median(numeric_only=True)
                ratio = _number(middle[columns.RADIUS_OVER_MARGIN], 0)
                told = f"{ratio} → {_number(middle[columns.INSTABILITY], 3)} {told}".strip()
            cells.append(told or "not separable")
        table.append(tuple(cells))
    return ("B/γ → mean distance, n =", *(str(n) for n in sizes)), tuple(table)


def inseparable(environments: pd.DataFrame) -> Cells:
    """Every task and size of which some subsample is not separable: how many of those samples have
    to go, and the regularised head in its place; medians over those subsamples. Older studies did
    not count.
    """
    rows = foremost(environments)
    rows = rows[~rows[columns.SEPARABLE].astype(bool)]
    rows = rows.reindex(columns=rows.columns.union([columns.REMOVED, columns.REMOVED_AT_LEAST]))
    head = (
        *("task", "n", "subsamples", "texts removed", "no fewer than", "accuracy"),
        *("regularised head: mean distance", "certified"),
    )
    table = []
    for (task, n), own in rows.groupby([columns.TASK, columns.N]):
        middle = own.median(numeric_only=True)
        certified = own[[columns.BOUND + name for name in TWIN]].min(axis=1).median()
        table.append(
            (
                str(task),
                f"{n:,}",
                str(len(own)),
                _range(own[columns.REMOVED]),
                _range(own[columns.REMOVED_AT_LEAST]),
                _number(middle[columns.ACCURACY], 2),
                _number(middle[columns.INSTABILITY], 3),
                _number(certified, 3),
            )
        )
    return head, tuple(table)


def by_preparation(environments: pd.DataFrame) -> Cells:
    """B/γ and the mean distance of every task and preparation."""
    n = compared_size(environments)
    rows = separable(environments)
    rows = rows[rows[columns.N] == n]
    kinds = rows[columns.PREPARATION].where(rows[columns.LABELS] == OWN, "shuffled labels")
    names = [FOREMOST, *sorted(set(kinds) - {FOREMOST})]
    middle = rows.groupby([columns.TASK, kinds])[
        [columns.RADIUS_OVER_MARGIN, columns.INSTABILITY]
    ].median()
    table = []
    for task in sorted(rows[columns.TASK].unique()):
        cells = [str(task)]
        for name in names:
            if (task, name) in middle.index:
                ratio, distance = middle.loc[(task, name)]
                cells.append(f"{_number(ratio, 0)} → {_number(distance, 3)}")
            else:
                cells.append("–")
        table.append(tuple(cells))
    return (f"B/γ → mean distance, n = {n}", *names), tuple(table)


def tightness(environments: pd.DataFrame) -> Cells:
    """Medians over tasks and subsamples, by size, of what is measured along the flow and of every
    bound, over the distance in the limit.
    """
    rows = separable(foremost(environments))
    table = []
    for n, own in rows.groupby(columns.N):
        compared = (columns.FLOW, *(columns.BOUND + name for name in LADDER))
        ratios = ((own[name] / own[columns.INSTABILITY]).median() for name in compared)
        table.append((str(n), *(_number(ratio, 2) for ratio in ratios)))
    return ("over the distance in the limit, n =", "flow at t = 1e30", *LADDER), tuple(table)


def decided(environments: pd.DataFrame) -> Cells:
    """The claims, and what was found."""
    return ("claim", "measured", "95 % interval", "tasks", "decided"), tuple(
        (
            each.claim,
            f"{each.quantity}: {each.value:.2f}",
            f"[{each.low:.2f}, {each.high:.2f}]",
            str(each.tasks),
            each.verdict,
        )
        for each in findings(environments)
    )


def _range(counts: pd.Series) -> str:
    """The median, and from where to where it goes; a dash where nothing was counted."""
    middle, low, high = counts.median(), counts.min(), counts.max()
    if np.isnan(middle):
        return "–"
    return f"{middle:g}" if low == high else f"{middle:g} ({low:g} to {high:g})"


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}" if np.isfinite(value) else "–"
