"""Heads on mini-batches and by other optimisers: setting, theorems, figures, story."""

from tunebound.theory.stochastic_heads.evidence import StochasticEvidence
from tunebound.theory.stochastic_heads.tasks import StochasticTask

__all__ = ["StochasticEvidence", "StochasticTask"]
