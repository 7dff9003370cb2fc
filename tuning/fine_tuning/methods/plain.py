"""Plain fine-tuning: the reference of all comparisons."""

from typing import ClassVar

from tunebound.tuning.fine_tuning.methods.method import Method, Strength, register


@register
class Plain(Method):
    """w ← w − η∇F(w) on mini-batches with dropout."""

    name: ClassVar[str] = "plain"
    summary: ClassVar[str] = (
        "mini-batch gradient descent on the logistic loss, with dropout on the features"
    )
    formula: ClassVar[str] = "w ← w − η∇(1/|S_b|) Σ_{j∈S_b} ln(1 + exp(−y_j o_w(x_j)))"
    source: ClassVar[str] = "the reference of all comparisons"
    strength: ClassVar[Strength | None] = None
