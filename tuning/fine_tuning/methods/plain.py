"""Plain fine-tuning: the reference of all comparisons."""

from tunebound.tuning.fine_tuning.methods.method import Method, register_method


@register_method
class Plain(Method):
    """w ← w − η∇F(w) on mini-batches with dropout."""

    name = "plain"
    summary = "mini-batch gradient descent on the logistic loss, with dropout on the features"
    formula = "w ← w − η∇(1/|S_b|) Σ_{j∈S_b} ln(1 + exp(−y_j o_w(x_j)))"
    source = "the reference of all comparisons"
    strength_range = None
