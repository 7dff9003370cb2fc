"""What a study says of each remedy, at strengths that were chosen on other tasks.

An effect is the logarithm of method over plain fine-tuning on one task, from the same seeds. Two
intervals go with their mean: Student's t over tasks, which holds what seeds do to each of them and
speaks of other tasks like these, as far as their effects are normal; and one in which the tasks
stay and their seeds are drawn again with replacement, never the test texts, which all seeds share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from tunebound._ground.arrays import Floats
from tunebound.theory.full_tasks.choice import PLAIN, chosen_strength, tried_elsewhere
from tunebound.theory.full_tasks.measures import (
    BY_SEED,
    HEAD,
    LEFT_OUT,
    RATIO,
    SCORES,
    SEEDS,
    Comparison,
    Runs,
)
from tunebound.theory.full_tasks.variants import COMMON, LADDER, PROCEDURE

CONFIDENCE = 0.95
FEWEST_TASKS, FEWEST_SEEDS = 3, 3
RESAMPLES = 2_000
CONFIRMED, REFUTED, OPEN = "confirmed", "refuted", "not decided"

EFFECTS: Mapping[str, str] = {
    SEEDS: "two seeds disagree on fewer test texts",
    SCORES: "accuracy varies less between seeds",
    LEFT_OUT: "the direction of the logits moves less without one text",
    HEAD: "heads on the tuned, frozen features move less without one text",
    RATIO: "B/γ of the tuned features falls",
}
# The theory's own claims are on heads and on B/γ; of all methods the outcomes are judged.
JUDGED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(LADDER, (SEEDS, SCORES, LEFT_OUT)),
    "maximal_margin": (SEEDS, SCORES, LEFT_OUT, HEAD, RATIO),
    "multi_head": (SEEDS, SCORES, LEFT_OUT, HEAD),
    PROCEDURE: (LEFT_OUT,),
}
READABLE: Mapping[str, str] = {
    "plain": "plain fine-tuning",
    "maximal_margin": "maximal margin regularizer (MMR)",
    "multi_head": "multi-head loss (MHLoss)",
    COMMON: "re-training (SURT), common start",
    PROCEDURE: "re-training (SURT), whole procedure",
    "l2_sp": "L2-SP",
    "mixout": "Mixout",
    "linear_probing": "head first (LP-FT)",
    "smaller_step_longer": "smaller step at equal ηt",
    "smaller_step": "smaller step, less training",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One remedy and outcome, and what was found.

    Attributes
    ----------
    method, outcome : str
    strengths : dict of str to float
        By task: what was chosen on the others.
    factor, low, high : float
        Geometric mean over tasks of method over plain fine-tuning, and its interval over tasks.
    seeds_low, seeds_high : float
        Of the same mean, these tasks kept, seeds drawn again; NaN with too few seeds.
    p, adjusted : float
        Of Student's test over tasks, and by Holm's method for all that are judged together.
    tasks : int
    seeds : tuple of int
        Fewest and most on a task.
    verdict : {"confirmed", "refuted", "not decided"}
        Decided at 5 % by `adjusted`, where the interval over seeds excludes 1 too.
    """

    method: str
    outcome: str
    strengths: dict[str, float]
    factor: float
    low: float
    high: float
    seeds_low: float
    seeds_high: float
    p: float
    tasks: int
    seeds: tuple[int, int]
    adjusted: float = 1.0
    verdict: str = OPEN

    @property
    def claim(self) -> str:
        return f"{READABLE[self.method]}: {EFFECTS[self.outcome]}"


def findings(rows: pd.DataFrame) -> list[Finding]:
    """All claims that the table can speak of, judged together.

    Parameters
    ----------
    rows : DataFrame
        Environments of this setting; a claim needs three tasks, and three seeds on each where it is
        about seeds.
    """
    runs = Runs.of(rows)
    found = [
        finding
        for method, outcomes in JUDGED.items()
        for finding in _of_method(runs, method, outcomes)
    ]
    order = np.argsort([each.p for each in found], kind="stable")
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(found) - rank) * found[place].p))
        found[place] = _decided(replace(found[place], adjusted=largest))
    return found


def at_chosen(runs: Runs, method: str) -> dict[str, tuple[float, Comparison]]:
    """By task: the strength of a method that was chosen on the others, and the comparison with
    plain fine-tuning at it; without tasks on which that strength was not run.
    """
    found = {}
    for task in runs.tasks:
        if not tried_elsewhere(runs, method, task):
            continue
        strength = chosen_strength(runs, method, task)
        comparison = runs.compared(task, (method, strength), PLAIN)
        if comparison is not None:
            found[task] = strength, comparison
    return found


def _of_method(runs: Runs, method: str, outcomes: tuple[str, ...]) -> Iterator[Finding]:
    chosen = at_chosen(runs, method)
    for outcome in outcomes:
        effects, resamples, strengths, counts = [], [], {}, []
        for task, (strength, comparison) in chosen.items():
            known = comparison.measured(outcome)
            effect = known.log_ratio_of_all(outcome)
            least = 1 if outcome in BY_SEED else FEWEST_SEEDS
            if len(known.seeds) < least or not np.isfinite(effect):
                continue
            effects.append(effect)
            resamples.append(known.log_ratio(outcome, _drawn_again(len(known.seeds))))
            strengths[task] = strength
            counts.append(len(known.seeds))
        if len(effects) >= FEWEST_TASKS:
            low, high = _over_seeds(np.array(resamples)) if min(counts) > 1 else (np.nan, np.nan)
            test = stats.ttest_1samp(effects, 0.0)
            interval = test.confidence_interval(CONFIDENCE)
            yield Finding(
                method=method,
                outcome=outcome,
                strengths=strengths,
                factor=float(np.exp(np.mean(effects))),
                low=float(np.exp(interval.low)),
                high=float(np.exp(interval.high)),
                seeds_low=low,
                seeds_high=high,
                p=float(test.pvalue),
                tasks=len(effects),
                seeds=(min(counts), max(counts)),
            )


def _drawn_again(count: int) -> Floats:
    """How often each seed is in each resample, (RESAMPLES, count)."""
    rng = np.random.default_rng(0)
    return rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES).astype(float)


def _over_seeds(resamples: Floats) -> tuple[float, float]:
    """The interval of the geometric mean over tasks, from (tasks, RESAMPLES) logarithms; NaN where
    most resamples leave a task without one, as those of very few seeds do.
    """
    means = resamples.mean(axis=0)
    means = means[np.isfinite(means)]
    if len(means) < RESAMPLES / 2:
        return np.nan, np.nan
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.exp(np.percentile(means, [tail, 100 - tail]))
    return float(low), float(high)


def _decided(finding: Finding) -> Finding:
    if finding.adjusted > 1 - CONFIDENCE:
        return finding
    if finding.high < 1 and finding.seeds_high < 1:
        return replace(finding, verdict=CONFIRMED)
    if finding.low > 1 and finding.seeds_low > 1:
        return replace(finding, verdict=REFUTED)
    return finding
