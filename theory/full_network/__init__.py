"""Full tuning of small networks: setting, theorems, figures, story."""

from tunebound.theory.full_network.evidence import NetworkEvidence

__all__ = ["NetworkEvidence"]
