"""Where ways of fine-tuning are compared: how plain fine-tuning goes there, and which tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Regime:
    """How plain fine-tuning is done.

    Attributes
    ----------
    optimiser : str
        See `tuning.fine_tune`.
    learning_rate : float
    summary : str
        For readers.
    """

    optimiser: str
    learning_rate: float
    summary: str


CALM, FAILING = "calm", "failing"
# The failing one was looked for with plain fine-tuning alone, on worlds of no suite: at this step
# size some runs fail on nearly every task and on no task do most of them.
REGIMES: Mapping[str, Regime] = {
    CALM: Regime("sgd", 0.2, "the calm regime: gradient descent with step 0.2"),
    FAILING: Regime(
        "adam_uncorrected",
        0.05,
        "the failing regime: Adam without bias correction with step 0.05, where some runs fail",
    ),
}

# Tasks on which strengths are chosen, tasks on which they are judged, and any other.
TUNING, HELD_OUT, GIVEN = "tuning worlds", "held-out worlds", "given"
POPULATIONS = (TUNING, HELD_OUT, GIVEN)
