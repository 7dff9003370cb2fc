"""Multi-head loss: many linear heads on the same features, prediction by their mean."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from tunebound._ground import checks
from tunebound.tuning.encoders.tokens import seeded
from tunebound.tuning.fine_tuning.batches import (
    IGNORED,
    ignored_label,
    require_labels,
    require_pooled,
    require_together,
)

LARGEST_SCALE = 1e37  # a normal number is below 10, and float32 ends at 3e38


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
    class_weight : (classes,) array_like, optional
        Weight of each class, at least 0, not all 0; the mean over samples is weighted by them. All
        alike by default.
    ignore_index : int
        Label of samples that count in nothing.
    label_smoothing : float
        ε in [0, 1]: a label is replaced by 1 − ε of itself and ε of all classes alike.

    Attributes
    ----------
    weight : (H, classes, d) Parameter
    bias : (H, classes) Parameter or None
    class_weight : (classes,) buffer or None

    Notes
    -----
    Fu, So & Collier, "A Stability Analysis of Fine-Tuning a Pre-Trained Model", arXiv:2301.09820.

    `class_weight`, `ignore_index` and `label_smoothing` are those of
    `torch.nn.functional.cross_entropy` (there `weight`): with one head the values are equal. A
    batch of which nothing counts has loss 0, where that of torch is NaN.

    Features of lower precision than the heads, as of a bf16 encoder, are taken in that of the
    heads; softmax and mean are in float32 at least. Compiles without a graph break; compiled, a
    label out of range is left to torch.
    """

    class_weight: Tensor | None

    def __init__(
        self,
        features: int,
        classes: int = 2,
        *,
        heads: int = 16,
        scale: float = 0.1,
        bias: bool = True,
        seed: int = 0,
        class_weight: ArrayLike | Tensor | None = None,
        ignore_index: int = IGNORED,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.features = checks.whole_number("features", features, low=1)
        self.classes = checks.whole_number("classes", classes, low=2)
        self.heads = checks.whole_number("heads", heads, low=1)
        scale = checks.real_number("scale", scale, above=0, high=LARGEST_SCALE)
        checks.true_or_false("bias", bias)
        self.ignore_index = ignored_label(ignore_index)
        self.label_smoothing = checks.real_number("label_smoothing", label_smoothing, low=0, high=1)
        self.register_buffer("class_weight", _class_weight(class_weight, self.classes))
        with seeded(seed):
            self.weight = nn.Parameter(scale * torch.randn(self.heads, self.classes, self.features))
        self.bias = nn.Parameter(torch.zeros(self.heads, self.classes)) if bias else None

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Mean over heads and samples of the cross-entropy, in nats.

        Parameters
        ----------
        features : (batch, d) Tensor
        labels : (batch,) int64 Tensor
            Class of each sample, in [0, classes), or `ignore_index`.

        Returns
        -------
        () Tensor

        Raises
        ------
        ValueError, TypeError
            For arguments of another shape or kind, or a class out of range; features that are not
            pooled to one vector a sample, among them output objects of an encoder.
        """
        features = self._ready(features)
        require_labels(labels, features)
        if labels.dtype != torch.int64:
            raise TypeError(
                f"labels must be int64 classes, got {labels.dtype}; map labels -1 and +1 by (labels"
                " > 0).long()"
            )
        if not torch.compiler.is_compiling():
            self._require_classes(labels)
        logits = torch.einsum("bd,hcd->bch", features, self.weight)
        if self.bias is not None:
            logits = logits + self.bias.mT
        if logits.dtype.itemsize < torch.float32.itemsize:
            logits = logits.float()
        weight = None if self.class_weight is None else self.class_weight.to(logits.dtype)
        total = nn.functional.cross_entropy(
            logits,
            labels[:, None].expand(-1, self.heads),
            weight=weight,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            reduction="sum",
        )
        counted = (labels != self.ignore_index).to(logits.dtype)
        if weight is not None:
            counted = counted * weight[torch.where(counted > 0, labels, 0)]
        mass = self.heads * counted.sum()
        return total / torch.where(mass > 0, mass, 1.0)

    def logits(self, features: Tensor) -> Tensor:
        """Mean of the heads' logits, (batch, classes), for features (batch, d)."""
        features = self._ready(features)
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

    def _ready(self, features: Tensor) -> Tensor:
        """Features (batch, d) in the precision of the heads, where that is not a lower one."""
        require_pooled(features, self.features)
        require_together("features", features, "the heads", self.weight)
        given, own = features.dtype, self.weight.dtype
        if given == own or torch.is_autocast_enabled(features.device.type):
            return features  # autocast brings both to one precision
        if given.itemsize >= own.itemsize:
            raise TypeError(
                f"features are {given} and the heads {own}; convert one of them: loss.to({given})"
                f" or features.to({own})"
            )
        return features.to(own)

    def _require_classes(self, labels: Tensor) -> None:
        outside = (labels != self.ignore_index) & ((labels < 0) | (labels >= self.classes))
        if bool(outside.any()):
            wrong = labels[outside]
            raise ValueError(
                f"labels must lie in [0, {self.classes}), got {int(wrong.min())} to"
                f" {int(wrong.max())}; raise classes, or mark samples without a label by"
                f" {self.ignore_index}"
            )


def _class_weight(value: ArrayLike | Tensor | None, classes: int) -> Tensor | None:
    if value is None:
        return None
    given = value.detach().cpu() if isinstance(value, Tensor) else value
    weight = checks.non_negative_array("class_weight", given)
    if weight.shape != (classes,) or not weight.any():
        raise ValueError(
            f"class_weight must hold a weight for each of the {classes} classes, not all 0, got"
            f" {weight.tolist()}"
        )
    return torch.tensor(weight, dtype=torch.get_default_dtype())
