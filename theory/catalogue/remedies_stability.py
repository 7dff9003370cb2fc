"""Does a method make fine-tuning more stable than plain fine-tuning? Two claims for every method there is."""

import pandas as pd

import tuning
from theory.hypothesis import hypothesize
from theory.remedies.comparison import REFERENCE, paired
from theory.study import Results

# The outcome over seeds that practitioners look at, and the one that the theory speaks of.
OUTCOMES = {
    "seeds": ("disagreement", "its runs from different seeds disagree on fewer test inputs"),
    "left-out": ("left_out_predictions", "its predicted probabilities move less when one training sample is left out"),
}


def _claim(method: str, outcome: str) -> None:
    measure, words = OUTCOMES[outcome]
    found = tuning.methods()[method]

    @hypothesize(
        f"R-{method}-{outcome}",
        statement=f"{method.replace('_', ' ')} is more stable than plain fine-tuning: {words}",
        source=found.source,
        setting="remedies",
        predicted=-1,
    )
    def effect(results: Results) -> pd.Series:
        return paired(results.environments, measure, method)


for _method in tuning.methods():
    if _method != REFERENCE:
        for _outcome in OUTCOMES:
            _claim(_method, _outcome)
