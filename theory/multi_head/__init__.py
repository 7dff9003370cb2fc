"""The mean of many heads: setting, theorems, figures, story."""

from tunebound.theory.multi_head.evidence import MultiHeadEvidence

__all__ = ["MultiHeadEvidence"]
