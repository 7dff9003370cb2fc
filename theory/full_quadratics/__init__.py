"""Full tuning with known constants: setting, theorems, figures, story."""

from tunebound.theory.full_quadratics.evidence import FullEvidence

__all__ = ["FullEvidence"]
