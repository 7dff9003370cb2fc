"""What a table of runs says of a way of fine-tuning on a task, seed by seed, against plain
fine-tuning there.

A measure of instability over seeds is a mean over pairs of seeds, so that seeds can be weighted:
where a resample holds a seed twice, its pair with itself does not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd

from tunebound._ground.arrays import Floats
from tunebound.theory.full_tasks import columns
from tunebound.theory.full_tasks.predictions import unpacked

SCORES, SEEDS, LEFT_OUT, HEAD, RATIO = "scores", "seeds", "left-out", "head", "ratio"
OUTCOMES: Mapping[str, str] = {
    SEEDS: "disagreement of two seeds (churn)",
    SCORES: "standard deviation of accuracy over seeds",
    LEFT_OUT: "leave-one-out distance of the logits' directions",
    HEAD: "leave-one-out distance of heads on the tuned, frozen features",
    RATIO: "B/γ of the tuned features",
}
BY_SEED = {
    LEFT_OUT: columns.LEFT_OUT_DIRECTION,
    HEAD: columns.HEAD_LEFT_OUT,
    RATIO: columns.RADIUS_OVER_MARGIN,
}


@dataclass(frozen=True, eq=False)
class Comparison:
    """A method at a strength against plain fine-tuning, on one task and the same seeds.

    Attributes
    ----------
    seeds : (s,) int64
        Those that both were run from.
    gain : float
        Mean accuracy of the method less that of plain fine-tuning.
    pairs : dict of str to (2, s, s)
        By outcome, of the method and of plain fine-tuning: a number for each pair of seeds.
    values : dict of str to (2, s)
        By outcome: a number for each seed; NaN where it was not measured.
    """

    seeds: np.ndarray
    gain: float
    pairs: dict[str, Floats]
    values: dict[str, Floats]

    def log_ratio(self, outcome: str, weights: Floats) -> Floats:
        """ln(method/plain) with the seeds weighted, (k,) for weights (k, s); NaN where one of the
        two is 0 or not there.
        """
        if outcome in self.pairs:
            tried, plain = (_over_pairs(each, weights) for each in self.pairs[outcome])
            half = 2 if outcome == SCORES else 1  # a deviation is the root of what is averaged
        else:
            tried, plain = (_over_seeds(each, weights) for each in self.values[outcome])
            half = 1
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (np.log(tried) - np.log(plain)) / half
        return np.where(np.isfinite(ratio), ratio, np.nan)

    def measured(self, outcome: str) -> Comparison:
        """The same on the seeds on which the outcome was measured for both."""
        if outcome in self.pairs:
            return self
        known = np.flatnonzero(np.isfinite(self.values[outcome]).all(axis=0))
        return Comparison(
            self.seeds[known],
            self.gain,
            {name: each[:, known][:, :, known] for name, each in self.pairs.items()},
            {name: each[:, known] for name, each in self.values.items()},
        )

    def log_ratio_of_all(self, outcome: str) -> float:
        """ln(method/plain) of all seeds alike."""
        return float(self.log_ratio(outcome, np.ones((1, len(self.seeds))))[0])


@dataclass(frozen=True, eq=False)
class Runs:
    """The runs of a table, by task, method and strength.

    Attributes
    ----------
    variants : dict of (task, method, strength) to DataFrame
        By seed, each once: of two runs of one seed, the one with runs without a text.
    """

    variants: dict[tuple[str, str, float], pd.DataFrame]
    _made: dict[Any, Comparison | None] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Self:
        """Of the environments of this setting."""
        ordered = rows.sort_values(columns.LEFT_OUT, ascending=False, kind="stable")
        once = ordered.drop_duplicates([*VARIANT, columns.SEED]).sort_values(columns.SEED)
        return cls(
            {
                (str(task), str(method), float(strength)): own.set_index(columns.SEED)
                for (task, method, strength), own in once.groupby(VARIANT)
            }
        )

    @property
    def tasks(self) -> list[str]:
        return sorted({task for task, _, _ in self.variants})

    def strengths(self, method: str, *, without: str) -> list[float]:
        """Those of a method on any task but one."""
        return sorted({s for task, own, s in self.variants if own == method and task != without})

    def on(self, task: str, method: str, strength: float) -> pd.DataFrame | None:
        """The runs of a variant on a task by seed; None where there are none."""
        return self.variants.get((task, method, strength))

    def compared(
        self,
        task: str,
        tried: tuple[str, float],
        plain: tuple[str, float],
        seeds: frozenset[int] | None = None,
    ) -> Comparison | None:
        """Two variants (method, strength) on a task, on these seeds or on all that they share; None
        where they share none.
        """
        key = task, tried, plain, seeds
        if key not in self._made:
            ours, theirs = self.on(task, *tried), self.on(task, *plain)
            if ours is None or theirs is None:
                return None
            shared = ours.index.intersection(theirs.index if seeds is None else sorted(seeds))
            both = [each.loc[shared.sort_values()] for each in (ours, theirs)]
            self._made[key] = _comparison(both) if len(shared) else None
        return self._made[key]


VARIANT = [columns.TASK, columns.METHOD, columns.STRENGTH]


def _comparison(both: list[pd.DataFrame]) -> Comparison:
    return Comparison(
        both[0].index.to_numpy(),
        float(np.subtract(*(each[columns.ACCURACY].mean() for each in both))),
        {
            SEEDS: np.stack([_disagreements(each) for each in both]),
            SCORES: np.stack([_squares(each) for each in both]),
        },
        {
            outcome: np.stack([each[column].to_numpy(dtype=float) for each in both])
            for outcome, column in BY_SEED.items()
        },
    )


def classes(runs: pd.DataFrame) -> np.ndarray:
    """Predicted classes (s, m) of runs."""
    counts = runs[columns.PREDICTED].to_numpy()
    rows = zip(runs[columns.PREDICTIONS], counts, strict=True)
    return np.stack([unpacked(text, int(count)) for text, count in rows])


def _disagreements(runs: pd.DataFrame) -> Floats:
    """Share of texts on which two seeds differ, (s, s)."""
    predicted = classes(runs)
    return np.asarray((predicted[:, None] != predicted).mean(axis=2))


def _squares(runs: pd.DataFrame) -> Floats:
    """Half the squared difference of two seeds' accuracies, (s, s); its mean is their variance."""
    accuracy = runs[columns.ACCURACY].to_numpy(dtype=float)
    return np.asarray((accuracy[:, None] - accuracy) ** 2 / 2)


def _over_pairs(pairs: Floats, weights: Floats) -> Floats:
    """Weighted mean over pairs of different seeds, (k,)."""
    total = weights.sum(axis=1) ** 2 - (weights**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.einsum("ki,ij,kj->k", weights, pairs, weights, optimize=True) / total)


def _over_seeds(values: Floats, weights: Floats) -> Floats:
    """Weighted mean over seeds of what was measured, (k,)."""
    known = np.isfinite(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((weights @ np.where(known, values, 0.0)) / (weights @ known))
