"""Head tuning on separable data: setting, theorems, figures, story."""

from tunebound.theory.head.evidence import HeadEvidence

__all__ = ["HeadEvidence"]
