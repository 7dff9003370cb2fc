"""The tuning algorithms under study, batched over data sets and left-out samples."""

from tuning.heads import HeadRun, learning_rate_limits, tune_heads

__all__ = ["HeadRun", "learning_rate_limits", "tune_heads"]
