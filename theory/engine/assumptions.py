"""Assumptions that theorems share, each with its check on a piece of evidence."""

from __future__ import annotations

from tunebound.theory.engine.statement import Assumption

SEPARABLE = Assumption(
    "the sample is linearly separable through the origin, certified by a positive margin with its"
    " duality gap",
    lambda evidence: evidence.margin > 0 and evidence.separator.gap < 1e-6,
)
STABLE_STEP = Assumption(
    "the step size is at most 2/β, so that every gradient step is non-expansive",
    lambda evidence: 0 < evidence.rate_fraction <= 1,
)
PUBLISHED_STEP = Assumption(
    "the step size is below 2/(β σ_max(X)), β = 1/4, the condition of the published theorem read"
    " for the mean loss",
    lambda evidence: evidence.step_over_published < 1,
)
LONG_RUN = Assumption(
    "the run has at least 400 steps, so that there are early steps to fit a constant on and late"
    " ones to test it on",
    lambda evidence: evidence.run.steps[-1] >= 400,
)
INTERPOLATION = Assumption(
    "the samples share their minimiser", lambda evidence: evidence.interpolates
)
NO_INTERPOLATION = Assumption(
    "the samples do not share their minimiser", lambda evidence: not evidence.interpolates
)
REMAINING_WEIGHTS = Assumption(
    "the remaining samples have the weight 1/n, so that the two gradients differ by the left-out"
    " sample's own term",
    lambda evidence: evidence.run.weighting == "1/n",
)
