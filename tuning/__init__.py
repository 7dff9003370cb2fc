"""The tuning algorithms under study, batched over data sets and left-out samples."""

from tuning.full import FullRun, tune_losses, tune_quadratics
from tuning.heads import HeadRun, learning_rate_limits, tune_heads

__all__ = ["FullRun", "HeadRun", "learning_rate_limits", "tune_heads", "tune_losses", "tune_quadratics"]
