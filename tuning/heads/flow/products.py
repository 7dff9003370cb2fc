"""Weighted sums Σ_j w_j z_j z_jᵀ, for many weights of the same samples."""

from __future__ import annotations

import copy
from typing import Self

import torch
from torch import Tensor


class Products:
    """The products z_j z_jᵀ of samples Z (B, n, r): their lower triangles, all else is symmetry."""

    def __init__(self, Z: Tensor) -> None:
        self.size = Z.shape[-1]
        row, column = torch.tril_indices(self.size, self.size, device=Z.device)
        self.triangles = (Z[..., row] * Z[..., column]).mT.contiguous()  # (B, r (r + 1)/2, n)
        place = row.new_empty((self.size, self.size))
        place[row, column] = place[column, row] = torch.arange(len(row), device=Z.device)
        self.places = place.flatten()

    def subset(self, chosen: Tensor) -> Self:
        """The same for some of the data sets, by their numbers (K,)."""
        part = copy.copy(self)
        part.triangles = self.triangles[chosen]
        return part

    def sums(self, weights: Tensor) -> Tensor:
        """(B, m, r, r) of weights (B, m, n)."""
        # entries before heads: gathered as whole rows, and the product is faster in this order
        entries = torch.bmm(self.triangles, weights.mT).index_select(1, self.places)
        return entries.mT.unflatten(-1, (self.size, self.size))
