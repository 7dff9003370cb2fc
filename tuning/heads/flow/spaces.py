"""Where the changes of heads within a step are computed: among the features, or among the samples.

All changes are sums Σ_j c_j z_j over samples. With fewer features than samples a change is that
vector; else it is the pair of c and of its products with the samples, K c for their Gram matrix K,
so that a product of matrices is needed where features would need two.
"""

from __future__ import annotations

import copy
from typing import Protocol, Self

import torch
from torch import Tensor

from tunebound.tuning.heads.flow import systems
from tunebound.tuning.heads.flow.changes import Change
from tunebound.tuning.heads.flow.products import Products
from tunebound.tuning.heads.flow.rosenbrock import WRITTEN, Stages
from tunebound.tuning.heads.flow.systems import System

PRODUCT_MEMORY = 2**27  # bytes of all z_j z_jᵀ of a data set


class Space(Protocol):
    """Changes of heads, whose last axes are heads and numbers. Where weights (B, m, n) of the
    samples are given, it is as a pair, with room for products.
    """

    def stages(self, heads: int) -> Stages:
        """Room for a step of so many heads a set."""

    def subset(self, chosen: Tensor) -> Self:
        """The same for some of the data sets, by their numbers (K,)."""

    def start(self, W: Tensor) -> Tensor:
        """What is to be known of heads (B, m, r) before they change."""

    def opposed(self, start: Tensor, change: Change | None, out: Tensor) -> Tensor:
        """−z_jᵀw of heads after a change, (B, m, n), into `out`."""

    def sums(self, pair: Change) -> Change:
        """The changes Σ_j weights_j z_j, in the pair where there is need."""

    def along_sums(self, pair: Change, out: Tensor) -> Tensor:
        """`along` of the `sums`, into `out`, which is another tensor."""

    def along(self, change: Tensor, out: Tensor | None = None) -> Tensor:
        """z_jᵀ of a change by its tensor, (B, m, n), not to be written to; into `out` where there
        is need.
        """

    def lift(self, change: Tensor) -> Tensor:
        """A change by its tensor, in the coordinates of the heads, (B, m, r)."""

    def system(self, weights: Tensor, kappa: Tensor, workspace: Tensor) -> System:
        """Systems with the curvature Σ_j weights_j z_j z_jᵀ, for weights (B, m, n) and κ (B, m, 1);
        see `systems`.
        """


class FeatureSpace:
    """Changes (B, m, r) in the coordinates of samples Z (B, n, r), fewer than samples."""

    def __init__(self, Z: Tensor) -> None:
        self.Z = Z
        _, n, r = Z.shape
        self.products = Products(Z) if 4 * n * r * (r + 1) <= PRODUCT_MEMORY else None

    def subset(self, chosen: Tensor) -> Self:
        part = copy.copy(self)
        part.Z = self.Z[chosen]
        part.products = None if self.products is None else self.products.subset(chosen)
        return part

    def stages(self, heads: int) -> Stages:
        batch, _, r = self.Z.shape
        return Stages(self.Z.new_empty((WRITTEN, batch, heads, r)), Change.among_features)

    def start(self, W: Tensor) -> Tensor:
        return W

    def opposed(self, start: Tensor, change: Change | None, out: Tensor) -> Tensor:
        W = start if change is None else start + change.whole
        return torch.bmm(-W, self.Z.mT, out=out)

    def sums(self, pair: Change) -> Change:
        # up to five times faster in this order where features are few
        sums = torch.bmm(self.Z.mT, pair.weights.mT).mT.contiguous()
        return Change.among_features(sums)

    def along_sums(self, pair: Change, out: Tensor) -> Tensor:
        return self.along(self.sums(pair).whole, out=out)

    def along(self, change: Tensor, out: Tensor | None = None) -> Tensor:
        return torch.bmm(change, self.Z.mT, out=out)

    def lift(self, change: Tensor) -> Tensor:
        return change

    def system(self, weights: Tensor, kappa: Tensor, workspace: Tensor) -> System:
        r = self.Z.shape[-1]
        matrices, *scratch = workspace.view(3, *weights.shape[:2], r, r)
        if self.products is None:
            weighted = (weights[..., None] * self.Z[:, None]).mT
            torch.matmul(weighted, self.Z[:, None], out=matrices)
        else:
            matrices.copy_(self.products.sums(weights))
        return systems.of_matrices(matrices, scratch, kappa)


class SampleSpace:
    """Changes (2, B, m, n): weights of the samples Z (B, n, r), not more than features, and the
    products with them.
    """

    def __init__(self, Z: Tensor) -> None:
        self.Z, self.gram = Z, torch.bmm(Z, Z.mT)

    def subset(self, chosen: Tensor) -> Self:
        part = copy.copy(self)
        part.Z, part.gram = self.Z[chosen], self.gram[chosen]
        return part

    def stages(self, heads: int) -> Stages:
        batch, n, _ = self.Z.shape
        return Stages(self.Z.new_empty((WRITTEN, 2, batch, heads, n)), Change.among_samples)

    def start(self, W: Tensor) -> Tensor:
        return torch.bmm(-W, self.Z.mT)

    def opposed(self, start: Tensor, change: Change | None, out: Tensor) -> Tensor:
        return out.copy_(start) if change is None else torch.sub(start, change.products, out=out)

    def sums(self, pair: Change) -> Change:
        torch.bmm(pair.weights, self.gram, out=pair.products)
        return pair

    def along_sums(self, pair: Change, out: Tensor) -> Tensor:
        return torch.bmm(pair.weights, self.gram, out=out)

    def along(self, change: Tensor, out: Tensor | None = None) -> Tensor:
        return change[1]

    def lift(self, change: Tensor) -> Tensor:
        return torch.bmm(change[0], self.Z)

    def system(self, weights: Tensor, kappa: Tensor, workspace: Tensor) -> System:
        return systems.of_samples(self.gram, weights, kappa, workspace)
