"""Multi-head loss."""

from dataclasses import dataclass

from tunebound.tuning.fine_tuning.methods.method import Method, StrengthRange, register_method


@register_method
@dataclass(frozen=True)
class MultiHead(Method):
    """H linear heads on the same features, each following its own loss; prediction by their mean
    (Fu, So & Collier, 2023).
    """

    strength: float = 16
    name = "multi_head"
    summary = "tunes 16 linear heads on the same features and predicts by their mean"
    formula = "F(w) = (1/H) Σ_h F(w, head h)"
    source = "Fu, So & Collier (2023, arXiv:2301.09820)"
    claims = "leave-one-out"
    strengths = (2, 4, 16, 32, 64)
    strength_range = StrengthRange("the number of heads H", least=1, whole=True)

    def heads(self) -> int:
        return int(self.strength)
