"""Regularised heads, separable data or not: setting, theorems, figures, story."""

from tunebound.theory.regularised_heads.evidence import RegularisedEvidence

__all__ = ["RegularisedEvidence"]
