"""Maximal margin regularizer: push the class centres of the encoded features apart."""

from __future__ import annotations

import logging

import torch
from torch import Tensor, nn

from tunebound._ground import checks
from tunebound.tuning.fine_tuning.batches import (
    IGNORED,
    ignored_label,
    require_labels,
    require_pooled,
)

logger = logging.getLogger(__name__)


def margin_penalty(features: Tensor, membership: Tensor) -> Tensor:
    """Mean over the pairs of classes that are present of 1/(1 + ‖c_k − c_l‖), c_k the centre of
    class k.

    Parameters
    ----------
    features : (batch, d) Tensor
        Encoded features.
    membership : (batch, classes) Tensor
        How much a sample counts for a class, at least 0; a class is present if its column has a
        positive sum.

    Returns
    -------
    () Tensor
        In [0, 1]; exactly 0 with fewer than two classes present. Where two centres coincide, the
        gradient is taken to be 0, which is a subgradient of the distance. Features that are NaN
        give NaN.
    """
    count = membership.sum(dim=0)
    centres = membership.mT @ features / torch.where(count > 0, count, 1.0)[:, None]
    squared = (centres[:, None] - centres).square().sum(dim=-1)
    # the square root has no gradient at 0, so it never sees one
    coincide = squared == 0
    apart = torch.where(coincide, 0.0, torch.where(coincide, 1.0, squared).sqrt())
    present = (count > 0).to(features.dtype)
    pairs = torch.outer(present, present).triu(diagonal=1)
    return (pairs / (1 + apart)).sum() / pairs.sum().clamp(min=1)


def class_membership(labels: Tensor, counted: Tensor) -> Tensor:
    """Which sample is of which class, for labels of any values, in shapes that they do not change.

    Parameters
    ----------
    labels : (batch,) Tensor
        Equal for samples of one class.
    counted : (batch,) bool Tensor
        Samples that belong to a class at all; the same for equal labels.

    Returns
    -------
    (batch, batch) bool Tensor
        Column i is the class of sample i if i is the first of its class, else empty.
    """
    alike = (labels[:, None] == labels) & counted
    has_an_earlier_one = alike.triu(diagonal=1).any(dim=0)
    return alike & ~has_an_earlier_one


class MaximalMarginRegularizer(nn.Module):
    """Adds α/(1 + ‖c₊ − c₋‖) to a loss, c± the class centres of the encoded features in the batch.

    With more than two classes it is α times the mean over the pairs of classes in the batch. It
    acts on the encoder: its gradient moves the features, not the head. A batch that lacks a class,
    so that no pair is left, adds exactly 0, and a line of debug logging says so.

    Parameters
    ----------
    weight : float
        α, positive.
    ignore_index : int
        Label of samples that count in nothing, as in `torch.nn.functional.cross_entropy`.

    Notes
    -----
    Fu, So & Collier, "A Stability Analysis of Fine-Tuning a Pre-Trained Model", arXiv:2301.09820.

    Compiles without a graph break (``torch.compile(..., fullgraph=True)``). Compiled, it looks at
    no label's value: labels that are NaN count in nothing instead of being refused, and memory is
    that of all pairs of samples, batch²·d, instead of all pairs of classes.
    """

    def __init__(self, weight: float = 1.0, *, ignore_index: int = IGNORED) -> None:
        super().__init__()
        self.weight = checks.real_number("weight", weight, above=0)
        self.ignore_index = ignored_label(ignore_index)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """The penalty of a batch.

        Parameters
        ----------
        features : (batch, d) floating-point Tensor
            Encoded features.
        labels : (batch,) Tensor
            Class of each sample: any numbers, equal ones for the same class, or `ignore_index`.

        Returns
        -------
        () Tensor
            In [0, α], differentiable in the features; float32 for features of lower precision,
            whose squares would overflow.

        Raises
        ------
        ValueError, TypeError
            For arguments of another shape or kind; features that are not pooled to one vector a
            sample, among them output objects of an encoder.
        """
        require_pooled(features)
        require_labels(labels, features)
        if features.dtype.itemsize < torch.float32.itemsize:
            features = features.float()
        membership = class_membership(labels, labels != self.ignore_index)
        if not torch.compiler.is_compiling():
            _require_numbers(labels)
            membership = membership[:, membership.any(dim=0)]
            if membership.shape[1] < 2:
                logger.debug(
                    "the batch of %d samples holds one class or none, %s; the margin regularizer"
                    " adds nothing",
                    len(features),
                    labels.unique().tolist(),
                )
        return self.weight * margin_penalty(features, membership.to(features))

    def extra_repr(self) -> str:
        return f"weight={self.weight:g}, ignore_index={self.ignore_index}"


def _require_numbers(labels: Tensor) -> None:
    if torch.is_floating_point(labels) and not bool(torch.isfinite(labels).all()):
        raise ValueError(
            "labels must be finite; they hold NaN or infinity, so drop samples without a label"
        )
