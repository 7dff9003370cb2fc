"""Multi-head loss."""

from dataclasses import dataclass
from typing import ClassVar

from tunebound.tuning.fine_tuning.methods.method import Method, Strength, register


@register
@dataclass(frozen=True)
class MultiHead(Method):
    """H linear heads on the same features, each following its own loss; prediction by their mean
    (Fu, So & Collier, 2023).
    """

    weight: float = 16
    name: ClassVar[str] = "multi_head"
    summary: ClassVar[str] = "tunes 16 linear heads on the same features and predicts by their mean"
    formula: ClassVar[str] = "F(w) = (1/H) Σ_h F(w, head h)"
    source: ClassVar[str] = "Fu, So & Collier (2023, arXiv:2301.09820)"
    strength: ClassVar[Strength | None] = Strength("the number of heads H", least=1, whole=True)

    def heads(self) -> int:
        return int(self.weight)
