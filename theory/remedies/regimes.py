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
        What comes of it, for readers.
    """

    optimiser: str
    learning_rate: float
    summary: str


CALM, FAILING = "calm", "failing"
REGIMES: Mapping[str, Regime] = {
    CALM: Regime("sgd", 0.2, "plain fine-tuning learns in every run"),
    FAILING: Regime("adam_uncorrected", 0.05, "plain fine-tuning fails on some seeds"),
}

# Tasks on which strengths are chosen, tasks on which they are judged, and any other.
TUNING, HELD_OUT, GIVEN = "tuning worlds", "held-out worlds", "given"
POPULATIONS = (TUNING, HELD_OUT, GIVEN)
