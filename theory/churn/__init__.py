"""Predictions that leaving a sample out changes: setting, theorems, figures, story."""

from tunebound.theory.churn.evidence import ChurnEvidence

__all__ = ["ChurnEvidence"]
