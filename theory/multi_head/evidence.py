"""What is measured of heads from random starts on one data set, averaged in groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound import bounds
from tunebound.theory.engine.setting import Cell
from tunebound.theory.engine.statement import Claim
from tunebound.theory.multi_head import columns
from tunebound.theory.multi_head.starts import TESTED, RandomStarts

# of the groups whose heads are averaged: 1, 4, …, 256, so that there are at least two groups
SIZES = tuple(4**k for k in range(5))
# A statement "with probability 1 − δ" is tested at this δ: over a whole suite none should fail by
# chance.
FAILURE = 1e-9
ERROR = "direction error of the mean head, H = {}"
INSTABILITY = "mean instability of the mean head, H = {}"


@dataclass(frozen=True, kw_only=True)
class MultiHeadEvidence:
    """Heads from independent Gaussian starts, on S and on every S^i. K steps, N heads on S, M heads
    on each S^i.

    Heads are independent, so disjoint groups of H of them are independent draws of an H-headed
    model. The first `TESTED` heads on S are measured in groups; the others estimate their
    expectation, so that no bound rests on a head that it is tested on.

    Attributes
    ----------
    starts : RandomStarts
    separator : bounds.Separator
    steps : (K,)
        Numbers of steps t.
    initial : (N, d)
        Starts.
    heads : (K, N, d)
        Heads on S.
    left_out : (K, n, M, d)
        Heads on S^i, from the first M ≤ `TESTED` starts.
    mean_start : (K, d)
        The head on S that starts at the mean of the starts, zero.
    resolution : (K,)
        What rounding leaves open in a distance of unit directions.
    rate_fraction : float
        Step size as a share of the limit 2/β.
    weighting : str
    """

    starts: RandomStarts
    separator: bounds.Separator
    steps: NDArray[np.int64]
    initial: NDArray[np.float64]
    heads: NDArray[np.float64]
    left_out: NDArray[np.float64]
    mean_start: NDArray[np.float64]
    resolution: NDArray[np.float64]
    rate_fraction: float
    weighting: str

    @property
    def n(self) -> int:
        return self.starts.n

    @property
    def margin(self) -> float:
        return self.separator.margin

    @property
    def scale(self) -> float:
        return self.starts.scale

    @property
    def start_spread(self) -> float:
        """√(E‖w(0) − E w(0)‖²) = σ√d."""
        return self.scale * float(np.sqrt(self.starts.d))

    @property
    def left_out_sizes(self) -> tuple[int, ...]:
        """The group sizes for which the instability is measured."""
        return tuple(size for size in SIZES if size <= self.left_out.shape[2])

    @property
    def tested(self) -> NDArray[np.float64]:
        """The heads on S that are measured, shape (K, TESTED, d)."""
        return self.heads[:, :TESTED]

    @property
    def estimating(self) -> NDArray[np.float64]:
        """The heads on S that the expectation is estimated by, shape (K, N − TESTED, d)."""
        return self.heads[:, TESTED:]

    @cached_property
    def expected(self) -> NDArray[np.float64]:
        """Estimate of the expected head E w(t), the mean of the `estimating` heads, shape
        (K, d).
        """
        return self.estimating.mean(axis=1)

    @cached_property
    def expected_norm(self) -> NDArray[np.float64]:
        """‖E w(t)‖, estimated, shape (K,)."""
        return np.linalg.norm(self.expected, axis=-1)

    @cached_property
    def spread(self) -> NDArray[np.float64]:
        """Estimate of ξ(t) = √(E‖w(t) − E w(t)‖²) by the `estimating` heads, shape (K,)."""
        return spread_of(self.estimating)

    @cached_property
    def bias(self) -> NDArray[np.float64]:
        """Direction error of the estimate of the expected head, shape (K,)."""
        return self.direction_error(self.expected)

    @cached_property
    def mean_start_error(self) -> NDArray[np.float64]:
        """Direction error of the head from the mean of the starts, shape (K,)."""
        return self.direction_error(self.mean_start)

    @cached_property
    def certified_bias(self) -> NDArray[np.float64]:
        """Direction error of E w(t), at most: that of its estimate and the estimate's error bar, up
        to `FAILURE`, shape (K,).
        """
        return self.bias + np.asarray(
            bounds.head.chord(drift=self._error_bar, norm=self.expected_norm)
        )

    @cached_property
    def certified_norm(self) -> NDArray[np.float64]:
        """‖E w(t)‖, at least, up to `FAILURE`; 0 where its estimate cannot be told from 0, shape
        (K,).
        """
        return np.maximum(self.expected_norm - self._error_bar, 0.0)

    @property
    def _error_bar(self) -> float | NDArray[np.float64]:
        """Distance of the estimate of the expected head from it, certified up to `FAILURE`."""
        return self.concentration(self.estimating.shape[1])

    def direction_error(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """‖w/‖w‖ − û_S‖ along the last axis."""
        return np.linalg.norm(unit(weights) - self.separator.direction, axis=-1)

    def concentration(
        self, size: int, spread: ArrayLike | None = None, groups: int = 1
    ) -> float | NDArray[np.float64]:
        """Distance of the mean of `size` heads from its expectation, certified up to `FAILURE`."""
        return bounds.multi_head.concentration(
            spread=self.start_spread if spread is None else spread,
            deviation=self.scale,
            heads=size,
            delta=FAILURE,
            groups=groups,
        )

    def groups(self, size: int) -> NDArray[np.float64]:
        """Mean heads on S of disjoint groups of the `tested`, shape (K, TESTED/size, d)."""
        return group_means(self.tested, size)

    def initial_groups(self, size: int) -> NDArray[np.float64]:
        """Means of the starts of the groups, shape (TESTED/size, d)."""
        return group_means(self.initial[:TESTED], size)

    def error(self, size: int) -> NDArray[np.float64]:
        """Direction error of the mean head of each group, shape (K, TESTED/size)."""
        return self.direction_error(self.groups(size))

    def instability(self, size: int) -> NDArray[np.float64]:
        """Mean over i of the distance of the unit directions of the groups' mean heads on S and
        S^i, shape (K, M/size).
        """
        left_out = unit(group_means(self.left_out, size))
        whole = unit(self.groups(size)[:, : left_out.shape[2]])
        return np.linalg.norm(left_out - whole[:, None], axis=-1).mean(axis=1)

    def error_claims(self, bound: Mapping[int, ArrayLike], provenance: str) -> tuple[Claim, ...]:
        """For each group size, the direction error of every group against its bound, of shape (K,
        1) or (K, TESTED/size).
        """
        resolution = self.resolution + np.sqrt(max(self.separator.gap, np.finfo(float).eps))
        claims = []
        for size, right in bound.items():
            measured = self.error(size)
            claims.append(
                Claim(
                    measured=measured,
                    bound=np.broadcast_to(right, measured.shape),
                    steps=self.steps,
                    resolution=resolution,
                    provenance=provenance,
                    quantity=ERROR.format(size),
                )
            )
        return tuple(claims)

    def columns(self) -> dict[str, Cell]:
        last = {size: float(np.sqrt((self.error(size)[-1] ** 2).mean())) for size in SIZES}
        most_heads = SIZES[-1]
        bias, floor = common_bias(last[1], last[most_heads])
        fewest, most = (
            float(self.instability(size)[-1].mean()) for size in (1, self.left_out_sizes[-1])
        )
        return {
            columns.FAMILY: self.starts.data.family,
            columns.N: self.n,
            columns.D: self.starts.d,
            columns.SCALE: self.scale,
            columns.RATIO: self.starts.d / self.n,
            columns.SEED: self.starts.seed,
            columns.WEIGHTING: self.weighting,
            columns.RATE_FRACTION: self.rate_fraction,
            columns.MARGIN: self.margin,
            columns.GAP: self.separator.gap,
            columns.ERROR_ONE: last[1],
            columns.ERROR_MOST: last[most_heads],
            columns.BIAS: bias,
            columns.FLOOR_HEADS: floor,
            columns.MEAN_START_ERROR: float(self.mean_start_error[-1]),
            columns.SPREAD: float(self.spread[-1]),
            columns.START_SPREAD: self.start_spread,
            columns.EXPECTED_NORM: float(self.expected_norm[-1]),
            columns.SLOPE_FEW: float(np.log(last[SIZES[1]] / last[1]) / np.log(SIZES[1])),
            columns.SLOPE_MANY: float(
                np.log(last[most_heads] / last[SIZES[-2]]) / np.log(most_heads / SIZES[-2])
            ),
            columns.LEFT_OUT_HEADS: self.left_out_sizes[-1],
            columns.INSTABILITY_ONE: fewest,
            columns.INSTABILITY_MOST: most,
        }


def unit(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit directions along the last axis."""
    return weights / np.linalg.norm(weights, axis=-1, keepdims=True)


def group_means(weights: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Means over disjoint groups of `size` along the last axis but one; what does not fill a group
    is left out.
    """
    count = weights.shape[-2] // size
    grouped = weights[..., : count * size, :].reshape(
        *weights.shape[:-2], count, size, weights.shape[-1]
    )
    return grouped.mean(axis=-2)


def spread_of(heads: NDArray[np.float64]) -> NDArray[np.float64]:
    """Root of the unbiased estimate of E‖w − E w‖² from the last axis but one."""
    distance = ((heads - heads.mean(axis=-2, keepdims=True)) ** 2).sum(axis=-1)
    return np.sqrt(distance.sum(axis=-1) / (heads.shape[-2] - 1))


def common_bias(error_one: float, error_most: float) -> tuple[float, float]:
    """Fit error² = bias² + c/H through H = 1 and the largest H: the bias, and the H at which both
    parts are equal.

    Where the whole error falls like 1/√H the bias is 0 and that H infinite.
    """
    random = max((error_one**2 - error_most**2) / (1 - 1 / SIZES[-1]), 0.0)
    squared = error_most**2 - random / SIZES[-1]
    return (float(np.sqrt(squared)), random / squared) if squared > 0 else (0.0, np.inf)
