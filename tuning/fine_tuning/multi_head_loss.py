"""Multi-head loss: many linear heads on the same features, prediction by their mean."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tunebound._ground import checks
from tunebound.tuning.encoders.tokens import seeded


class MultiHeadLoss(nn.Module):
    """H linear heads from random starts, trained side by side: the loss is the mean of their
    cross-entropies.

    Heads are linear, so the mean of their logits is the logits of one linear head, their mean:
    prediction costs no more than with a single one. The mean of the losses gives each head 1/H of
    its own gradient; a step size H times that of a single head makes each follow its own descent.

    Parameters
    ----------
    features : int
        Size d of an encoded feature.
    classes : int
        At least 2.
    heads : int
        H, at least 1.
    scale : float
        Standard deviation of the normal starts of weights (d^-1/2 suits features of unit entries);
        biases start at zero.
    bias : bool
        Whether heads have one.
    seed : int
        Of the starts; the global generator is left alone.

    Attributes
    ----------
    weight : (H, classes, d) Parameter
    bias : (H, classes) Parameter or None

    Notes
    -----
    Fu, So & Collier, "A Stability Analysis of Fine-Tuning a Pre-Trained Model", arXiv:2301.09820.
    """

    def __init__(
        self,
        features: int,
        classes: int = 2,
        *,
        heads: int = 16,
        scale: float = 0.1,
        bias: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.features = checks.whole_number("features", features, low=1)
        self.classes = checks.whole_number("classes", classes, low=2)
        self.heads = checks.whole_number("heads", heads, low=1)
        scale = checks.real_number("scale", scale, above=0)
        checks.true_or_false("bias", bias)
        with seeded(seed):
            self.weight = nn.Parameter(scale * torch.randn(self.heads, self.classes, self.features))
        self.bias = nn.Parameter(torch.zeros(self.heads, self.classes)) if bias else None

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Mean over heads and samples of the cross-entropy, in nats.

        Parameters
        ----------
        features : (batch, d) Tensor
        labels : (batch,) int64 Tensor
            Class of each sample, in [0, classes).

        Returns
        -------
        () Tensor

        Raises
        ------
        ValueError, TypeError
            For arguments of another shape or kind, or a class out of range.
        """
        self._check(features)
        if not len(features):
            raise ValueError("features must hold at least one sample, got none; skip empty batches")
        if labels.dtype != torch.int64:
            raise TypeError(
                f"labels must be int64 classes, got {labels.dtype}; map labels -1 and +1 by (labels"
                " > 0).long()"
            )
        if labels.shape != features.shape[:1]:
            raise ValueError(
                f"labels must have shape ({len(features)},) to match features, got"
                f" {tuple(labels.shape)}"
            )
        if (
            not torch.compiler.is_compiling()
            and not 0 <= int(labels.min()) <= int(labels.max()) < self.classes
        ):
            raise ValueError(
                f"labels must lie in [0, {self.classes}), got"
                f" {int(labels.min())}..{int(labels.max())}; raise classes"
            )
        logits = torch.einsum("bd,hcd->bch", features, self.weight)
        if self.bias is not None:
            logits = logits + self.bias.mT
        return nn.functional.cross_entropy(logits, labels[:, None].expand(-1, self.heads))

    def logits(self, features: Tensor) -> Tensor:
        """Mean of the heads' logits, (batch, classes), for features (batch, d)."""
        self._check(features)
        bias = None if self.bias is None else self.bias.mean(dim=0)
        return nn.functional.linear(features, self.weight.mean(dim=0), bias)

    def mean_head(self) -> nn.Linear:
        """The mean head as a layer of its own, which predicts what `logits` does."""
        made = nn.utils.skip_init(
            nn.Linear,
            self.features,
            self.classes,
            bias=self.bias is not None,
            device=self.weight.device,
            dtype=self.weight.dtype,
        )
        with torch.no_grad():
            made.weight.copy_(self.weight.mean(dim=0))
            if self.bias is not None:
                made.bias.copy_(self.bias.mean(dim=0))
        return made

    def extra_repr(self) -> str:
        return (
            f"features={self.features}, classes={self.classes}, heads={self.heads},"
            f" bias={self.bias is not None}"
        )

    def _check(self, features: Tensor) -> None:
        if features.ndim != 2 or features.shape[1] != self.features:
            raise ValueError(
                f"features must have shape (batch, {self.features}), got {tuple(features.shape)}"
            )
        if not torch.is_floating_point(features):
            raise TypeError(
                f"features must be floating-point, got {features.dtype}; pass what the encoder"
                " returns"
            )
