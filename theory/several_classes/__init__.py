"""Softmax heads on separable data of several classes: setting, theorems, figures, story."""

from tunebound.theory.several_classes.evidence import ClassEvidence

__all__ = ["ClassEvidence"]
