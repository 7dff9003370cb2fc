"""At which strength a method is judged: chosen on the tuning worlds, stored in `chosen.json`.

The suite "strengths" tries every method of the contest at each of its strengths, on tuning worlds.
For every regime, method and outcome the strength with the smallest median log ratio to plain
fine-tuning is chosen, among those whose test accuracy is on average no more than `MOST_LOSS` below
that of plain fine-tuning and whose runs all stayed finite. Where no strength qualifies, the one
that loses the least accuracy is judged, and marked. After a new run of that suite,
``theory.remedies.write_choice("runs/strengths")`` writes the file again, and the suite "contest"
tries what it names, on held-out worlds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tunebound._ground.storage import write_text
from tunebound.theory.engine.loading import load
from tunebound.theory.engine.manifests import read_manifest
from tunebound.theory.engine.statistics.effects import median_interval
from tunebound.theory.remedies import columns
from tunebound.theory.remedies.comparison import MEASURES, column, measured_of, paired
from tunebound.theory.remedies.regimes import HELD_OUT, TUNING
from tunebound.theory.remedies.variants import REFERENCE, at_strength, split, tried

CHOSEN = Path(__file__).with_name("chosen.json")
MOST_LOSS = 0.01
# What a strength is chosen for, and what a held-out claim is about.
OUTCOMES: Mapping[str, str] = {
    "scores": columns.ACCURACY_DEVIATION,
    "seeds": columns.DISAGREEMENT,
    "left-out": columns.LEFT_OUT_PREDICTIONS,
}
# The outcome for which a strength is the right one to read another measure at.
OUTCOME_OF: Mapping[str, str] = {
    columns.ACCURACY_DEVIATION: "scores",
    columns.FAILED: "scores",
    columns.DISAGREEMENT: "seeds",
    columns.KAPPA_DISTANCE: "seeds",
    columns.JENSEN_SHANNON: "seeds",
    columns.CKA_DISTANCE: "seeds",
    columns.PROCRUSTES_DISTANCE: "seeds",
    columns.SVCCA_DISTANCE: "seeds",
}


@dataclass(frozen=True, kw_only=True)
class Point:
    """A method at one strength against plain fine-tuning, over the tasks of the tuning worlds.

    Attributes
    ----------
    strength : float or None
        None for a method without one.
    accuracy : float
        Mean change of test accuracy; NaN where a run was no longer finite.
    qualifies : bool
        Whether that is at least −`MOST_LOSS`.
    factors : mapping
        Outcome → factor on its measure: median over tasks and its exact 95 % interval.
    """

    strength: float | None
    accuracy: float
    qualifies: bool
    factors: Mapping[str, tuple[float, float, float]]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What was chosen for a method in a regime.

    Attributes
    ----------
    method : str
    strengths : mapping
        Outcome → strength.
    qualified : bool
        False where no strength keeps accuracy: all outcomes are then judged at the strength that
        loses the least.
    curve : tuple of Point
        Ascending in strength.
    """

    method: str
    strengths: Mapping[str, float | None]
    qualified: bool
    curve: tuple[Point, ...]

    def variant(self, outcome: str) -> str:
        """The name of what is judged for an outcome."""
        return at_strength(self.method, self.strengths[outcome])


def choose(environments: pd.DataFrame) -> dict[str, dict[str, Choice]]:
    """The choice for every regime and method.

    Parameters
    ----------
    environments : DataFrame
        Of a study of the suite "strengths"; other tasks than those of tuning worlds are left aside.

    Returns
    -------
    dict
        Regime → method → choice.
    """
    tuning_tasks = environments[environments[columns.POPULATION] == TUNING]
    return {
        str(regime): {
            method: _choice(method, tasks)
            for method in dict.fromkeys(split(name)[0] for name in tried(tasks))
            if method != REFERENCE
        }
        for regime, tasks in tuning_tasks.groupby(columns.REGIME, sort=False)
    }


def _choice(method: str, tasks: pd.DataFrame) -> Choice:
    names = [name for name in tried(tasks) if split(name)[0] == method]
    curve = tuple(
        sorted((_point(name, tasks) for name in names), key=lambda point: point.strength or 0.0)
    )
    fit = [point for point in curve if point.qualifies]
    # the first of equal ones: the weakest
    least_loss = max(curve, key=lambda point: np.nan_to_num(point.accuracy, nan=-np.inf))
    best = {
        outcome: min(fit, key=lambda point: point.factors[outcome][0]) if fit else least_loss
        for outcome in OUTCOMES
    }
    return Choice(
        method=method,
        strengths={outcome: point.strength for outcome, point in best.items()},
        qualified=bool(fit),
        curve=curve,
    )


def _point(name: str, tasks: pd.DataFrame) -> Point:
    accuracy, plain = (measured_of(tasks, columns.ACCURACY, method) for method in (name, REFERENCE))
    change = float((accuracy - plain).mean(skipna=False))
    factors = {
        outcome: np.exp(median_interval(paired(tasks, measure, name).dropna()))
        for outcome, measure in OUTCOMES.items()
    }
    return Point(
        strength=split(name)[1],
        accuracy=change,
        qualifies=change >= -MOST_LOSS,
        factors={
            outcome: (float(middle), float(low), float(high))
            for outcome, (middle, low, high) in factors.items()
        },
    )


def write_choice(
    directory: str | os.PathLike[str], path: str | os.PathLike[str] | None = None
) -> Path:
    """Choose from a finished study of the suite "strengths" and write it down.

    Parameters
    ----------
    directory : path
        Of the study.
    path : path, optional
        Where the package reads it, by default.

    Raises
    ------
    ValueError
        If the directory holds another study.
    """
    manifest = read_manifest(directory)
    setting, suite = manifest["setting"], manifest["suite"]
    if (setting, suite) != ("remedies", "strengths"):
        raise ValueError(
            f"{directory} holds the suite {suite!r} of the setting {setting!r}; strengths are"
            " chosen on `tunebound run --suite strengths`"
        )
    about = {key: manifest[key] for key in ("suite", "seed", "options", "digest")}
    return store(load(directory).environments, about, path)


def store(
    environments: pd.DataFrame, about: Mapping[str, Any], path: str | os.PathLike[str] | None = None
) -> Path:
    """Choose, and write the choice down with what is to be known of its study."""
    tasks = environments[columns.REGIME].value_counts(sort=False)
    stored = {
        "study": {**about, "tasks": {str(regime): int(count) for regime, count in tasks.items()}},
        "most_loss_of_accuracy": MOST_LOSS,
        "regimes": {
            regime: {method: _plain(asdict(choice)) for method, choice in choices.items()}
            for regime, choices in choose(environments).items()
        },
    }
    target = Path(CHOSEN if path is None else path)
    write_text(target, json.dumps(stored, indent=1, allow_nan=False) + "\n")
    chosen.cache_clear()
    return target


@lru_cache(maxsize=1)
def chosen() -> dict[str, dict[str, Choice]]:
    """What `write_choice` wrote: regime → method → choice."""
    stored = json.loads(CHOSEN.read_text(encoding="utf-8"))
    return {
        regime: {method: _read(entry) for method, entry in methods.items()}
        for regime, methods in stored["regimes"].items()
    }


def contestants(regime: str) -> tuple[str, ...]:
    """The variants that are judged in a regime, each once."""
    return tuple(
        dict.fromkeys(
            choice.variant(outcome)
            for choice in chosen().get(regime, {}).values()
            for outcome in OUTCOMES
        )
    )


def held_out(environments: pd.DataFrame, regime: str) -> pd.DataFrame:
    """The tasks of a regime on which what was chosen is judged."""
    population, regimes = environments[columns.POPULATION], environments[columns.REGIME]
    return environments[(population == HELD_OUT) & (regimes == regime)]


def at_chosen(environments: pd.DataFrame, regime: str) -> pd.DataFrame:
    """The held-out tasks of a regime with methods instead of variants: each measure of a method at
    the strength that was chosen for its outcome, leave-one-out where it belongs to none.

    Parameters
    ----------
    environments : DataFrame
    regime : str
    """
    tasks = held_out(environments, regime)
    design = [name for name in tasks.columns if columns.SEPARATOR not in str(name)]
    judged = {}
    for measure in MEASURES:
        sources = {
            method: choice.variant(OUTCOME_OF.get(measure, "left-out"))
            for method, choice in chosen().get(regime, {}).items()
        }
        for method, source in {REFERENCE: REFERENCE, **sources}.items():
            if column(source, measure) in tasks.columns:
                judged[column(method, measure)] = tasks[column(source, measure)]
    return pd.concat([tasks[design], pd.DataFrame(judged, index=tasks.index)], axis=1)


def _read(entry: dict[str, Any]) -> Choice:
    return Choice(
        method=entry["method"],
        strengths=entry["strengths"],
        qualified=entry["qualified"],
        curve=tuple(
            Point(
                strength=point["strength"],
                accuracy=_finite(point["accuracy"], np.nan),
                qualifies=point["qualifies"],
                factors={
                    outcome: (_finite(middle), _finite(low), _finite(high))
                    for outcome, (middle, low, high) in point["factors"].items()
                },
            )
            for point in entry["curve"]
        ),
    )


def _finite(stored: float | None, otherwise: float = np.inf) -> float:
    return otherwise if stored is None else stored


def _plain(values: Any) -> Any:
    """Numbers with six digits; null for those that are not finite."""
    if isinstance(values, dict):
        return {key: _plain(value) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [_plain(value) for value in values]
    if isinstance(values, float):
        return float(f"{values:.6g}") if np.isfinite(values) else None
    return values
