"""A fine-tuning method: small features."""

from dataclasses import dataclass

from torch import Tensor

from tunebound import tuning


@tuning.register_method
@dataclass(frozen=True)
class FeatureDecay(tuning.Method):
    """α mean_j ‖f_w(x_j)‖² over the samples of the batch that count."""

    strength: float = 0.01
    name = "feature_decay"
    summary = "penalises the size of the features"
    formula = "F(w) + α mean_j ‖f_w(x_j)‖²"
    source = "an example"

    def penalty(self, state) -> Tensor:
        squares = state.features.square().sum(dim=1)
        # a batch of nothing but the left-out sample counts none: its mean is 0, not 0/0
        return self.strength * (state.counted * squares).sum() / state.counted.sum().clamp(min=1)
