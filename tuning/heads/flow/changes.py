"""Changes of heads within a step, told among the features or among the samples."""

from __future__ import annotations

from typing import NamedTuple, Self

from torch import Tensor


class Change(NamedTuple):
    """A change of heads with the views of it that are read: torch takes as long for a view as for
    arithmetic on few numbers, so that they are made once.

    Attributes
    ----------
    whole : (B, m, r) or (2, B, m, n)
        Coordinates of the change; or weights of the samples, which it is a sum of, and its products
        with them.
    weights, products : (B, m, n)
        The parts of a pair; the whole where it is none.
    """

    whole: Tensor
    weights: Tensor
    products: Tensor

    @classmethod
    def among_features(cls, whole: Tensor) -> Self:
        return cls(whole, whole, whole)

    @classmethod
    def among_samples(cls, both: Tensor) -> Self:
        weights, products = both.unbind()
        return cls(both, weights, products)
