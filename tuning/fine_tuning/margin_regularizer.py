"""Maximal margin regularizer: push the class centres of the encoded features apart."""

from __future__ import annotations

import logging

import torch
from torch import Tensor, nn

from tunebound._ground import checks

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
    first, second = torch.triu_indices(len(count), len(count), offset=1, device=features.device)
    squared = (centres[first] - centres[second]).square().sum(dim=-1)
    # the square root has no gradient at 0, so it never sees one
    coincide = squared == 0
    apart = torch.where(coincide, 0.0, torch.where(coincide, 1.0, squared).sqrt())
    pairs = ((count[first] > 0) & (count[second] > 0)).to(features.dtype)
    return (pairs / (1 + apart)).sum() / pairs.sum().clamp(min=1)


class MaximalMarginRegularizer(nn.Module):
    """Adds α/(1 + ‖c₊ − c₋‖) to a loss, c± the class centres of the encoded features in the batch.

    With more than two classes it is α times the mean over the pairs of classes in the batch. It
    acts on the encoder: its gradient moves the features, not the head. A batch that lacks a class,
    so that no pair is left, adds exactly 0, and a line of debug logging says so.

    Parameters
    ----------
    weight : float
        α, positive.

    Notes
    -----
    Fu, So & Collier, "A Stability Analysis of Fine-Tuning a Pre-Trained Model", arXiv:2301.09820.
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = checks.real_number("weight", weight, above=0)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """The penalty of a batch.

        Parameters
        ----------
        features : (batch, d) floating-point Tensor
            Encoded features.
        labels : (batch,) Tensor
            Class of each sample: any numbers, equal ones for the same class.

        Returns
        -------
        () Tensor
            In [0, α], differentiable in the features; float32 for features of lower precision,
            whose squares would overflow.

        Raises
        ------
        ValueError, TypeError
            For arguments of another shape or kind.
        """
        if not torch.is_floating_point(features):
            raise TypeError(
                f"features must be floating-point, got {features.dtype}; pass what the encoder"
                " returns"
            )
        if features.ndim != 2 or not len(features):
            raise ValueError(
                "features must have shape (batch, d) with at least one sample, got"
                f" {tuple(features.shape)}"
            )
        if labels.shape != features.shape[:1]:
            raise ValueError(
                f"labels must have shape ({len(features)},) to match features, got"
                f" {tuple(labels.shape)}"
            )
        if torch.is_floating_point(labels) and not bool(torch.isfinite(labels).all()):
            raise ValueError(
                "labels must be finite; they hold NaN or infinity, so drop samples without a label"
            )
        if features.dtype.itemsize < torch.float32.itemsize:
            features = features.float()
        classes, which = torch.unique(labels, return_inverse=True)
        if len(classes) < 2:
            logger.debug(
                "the batch of %d samples holds one class, %s; the margin regularizer adds nothing",
                len(features),
                classes.tolist(),
            )
        membership = nn.functional.one_hot(which, len(classes)).to(features)
        return self.weight * margin_penalty(features, membership)

    def extra_repr(self) -> str:
        return f"weight={self.weight:g}"
