"""Regularised heads: a quadratic penalty, exact minimisers, every sample left out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tunebound import synthetic, tuning
from tunebound._ground.arrays import Floats
from tunebound._ground.checks import real_number, whole_number
from tunebound.bounds import regularised
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting, register_setting
from tunebound.theory.regularised_heads import columns
from tunebound.theory.regularised_heads.evidence import AtStrength, RegularisedEvidence

if TYPE_CHECKING:
    from tunebound.theory.engine.presentation import Presentation
    from tunebound.theory.engine.search_space import SearchSpace

Source = synthetic.MirroredSpecification | synthetic.MirroredDataset
ITERATIONS = 20  # of Newton's method, about


@dataclass(frozen=True, kw_only=True)
class RegularisedOptions(Options):
    """Options of a study of regularised heads.

    Attributes
    ----------
    strongest : float
        Largest weight λ of the penalty (λ/2)‖w‖².
    weakest : float
        Smallest weight, above 0.
    strengths : int
        How many weights there are from the one to the other, in equal ratios; at least 2.
    points : int
        Points at which is predicted, for each data set.
    """

    strongest: float = 1.0
    weakest: float = 1e-4
    strengths: int = 5
    points: int = 50

    def values(self) -> list[float]:
        """The weights, the largest first."""
        return [float(v) for v in np.geomspace(self.strongest, self.weakest, self.strengths)]


class RegularisedHeads(
    Setting[
        synthetic.MirroredSpecification,
        synthetic.MirroredDataset,
        RegularisedEvidence,
        RegularisedOptions,
    ]
):
    """Minimisers with every sample and without each, against what one of them tells of all."""

    name = "regularised-heads"
    summary = (
        "a linear head with a quadratic penalty on data that need not be separable, minimised with"
        " each sample left out in turn"
    )
    measures = "leave-one-out change of the regularised head"
    factors = (columns.CLOUD, columns.N, columns.D, columns.OVERLAP, columns.GAP)
    judged_at = "tightest"
    options = RegularisedOptions

    def suite_names(self) -> tuple[str, ...]:
        return synthetic.mirrored_suite_names()

    def suite(
        self, name: str, seed: int, options: RegularisedOptions
    ) -> synthetic.Suite[synthetic.MirroredDataset]:
        return synthetic.make_mirrored_suite(name, seed)

    def check(self, options: RegularisedOptions) -> None:
        weakest = real_number("weakest", options.weakest, above=0)
        real_number("strongest", options.strongest, above=weakest, remedy="it is above weakest")
        whole_number("strengths", options.strengths, low=2)
        whole_number("points", options.points, low=1)

    def cost(self, source: Source, options: RegularisedOptions) -> float:
        size = min(source.n, source.d)
        return options.strengths * ITERATIONS * source.n**2 * (size + 10.0) ** 2

    def evidence(
        self,
        members: Sequence[synthetic.MirroredDataset],
        sources: Sequence[Source],
        options: RegularisedOptions,
    ) -> list[RegularisedEvidence]:
        return [
            _examine(data, source, options) for data, source in zip(members, sources, strict=True)
        ]

    def save(self, member: synthetic.MirroredDataset, path: str | os.PathLike[str]) -> None:
        member.to_npz(path)

    def load(self, path: str | os.PathLike[str]) -> synthetic.MirroredDataset:
        return synthetic.MirroredDataset.from_npz(path)

    def search_space(self) -> SearchSpace:
        from tunebound.theory.regularised_heads.search import RegularisedSearch

        return RegularisedSearch()

    def presentation(self) -> Presentation:
        from tunebound.theory.regularised_heads.story import PRESENTATION

        return PRESENTATION


def _examine(
    data: synthetic.MirroredDataset, source: Source, options: RegularisedOptions
) -> RegularisedEvidence:
    points = drawn_points(data, options.points)
    at = []
    for strength in options.values():
        heads = tuning.minimise_heads(data.X, data.y, strength=strength)
        approximation = regularised.approximate_leave_one_out(
            data.X, data.y, heads.weights[0], lam=strength
        )
        at.append(AtStrength(data=data, points=points, heads=heads, approximation=approximation))
    return RegularisedEvidence(data, source, tuple(at))


def drawn_points(data: synthetic.MirroredDataset, m: int) -> Floats:
    """Points (m, d), normal with the samples' second moment, the same for the same data set."""
    mixing = np.random.default_rng(0).standard_normal((m, data.n))
    return mixing @ data.X / np.sqrt(data.n)


register_setting(RegularisedHeads())
