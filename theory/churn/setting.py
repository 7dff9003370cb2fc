"""Churn: the predictions of a linear head with each sample left out, one by one."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tunebound import bounds, synthetic, tuning
from tunebound._ground.checks import whole_number
from tunebound.theory.churn import columns
from tunebound.theory.churn.evidence import ChurnEvidence
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting, register_setting

if TYPE_CHECKING:
    from tunebound.theory.engine.presentation import Presentation
    from tunebound.theory.engine.search_space import SearchSpace


@dataclass(frozen=True, kw_only=True)
class ChurnOptions(Options):
    """Options of a study of churn.

    Attributes
    ----------
    steps : int
        Gradient steps of every run.
    points : int
        Points at which is predicted, for each data set.
    families : tuple of str
        Families of the suite's data sets, instead of those that are written out in it.
    """

    steps: int = 1000
    points: int = 200
    families: tuple[str, ...] = ()


class Churn(
    Setting[synthetic.Specification, synthetic.SeparableDataset, ChurnEvidence, ChurnOptions]
):
    """Separators, left-out separators and heads of separable data sets, and their predictions."""

    name = "churn"
    summary = (
        "predictions of a linear head that change when a sample is left out, in the limit and"
        " after gradient steps"
    )
    measures = "share of (point, sample) pairs that flip (0 to 1)"
    factors = (columns.FAMILY, columns.N, columns.D, columns.MARGIN, columns.RADIUS)
    options = ChurnOptions
    suite_options = ("families",)

    def suite_names(self) -> tuple[str, ...]:
        return synthetic.suite_names()

    def suite(
        self, name: str, seed: int, options: ChurnOptions
    ) -> synthetic.Suite[synthetic.SeparableDataset]:
        return synthetic.make_suite(name, seed, families=options.families)

    def check(self, options: ChurnOptions) -> None:
        tuning.record_steps(options.steps)
        whole_number("points", options.points, low=1)

    def cost(
        self, source: synthetic.Specification | synthetic.SeparableDataset, options: ChurnOptions
    ) -> float:
        return source.n**2 * (source.d + 10.0) * options.steps

    def batch_key(self, source: synthetic.Specification | synthetic.SeparableDataset) -> Hashable:
        return source.n, source.d

    def parts(self, source: synthetic.Specification) -> Mapping[str, str]:
        family = synthetic.find_family(source.family)
        return {family.name: family.draw.__module__}

    def evidence(
        self,
        members: Sequence[synthetic.SeparableDataset],
        sources: Sequence[synthetic.Specification | synthetic.SeparableDataset],
        options: ChurnOptions,
    ) -> list[ChurnEvidence]:
        X, y = np.stack([data.X for data in members]), np.stack([data.y for data in members])
        run = tuning.tune_heads(X, y, steps=options.steps)
        separators = [bounds.max_margin(data.X, data.y) for data in members]
        return [
            ChurnEvidence(
                data=data,
                points=drawn_points(data, options.points),
                separator=separator,
                left_out=bounds.leave_one_out_separators(data.X, data.y, separator),
                run=run[index],
            )
            for index, (data, separator) in enumerate(zip(members, separators, strict=True))
        ]

    def save(self, member: synthetic.SeparableDataset, path: str | os.PathLike[str]) -> None:
        member.to_npz(path)

    def load(self, path: str | os.PathLike[str]) -> synthetic.SeparableDataset:
        return synthetic.SeparableDataset.from_npz(path)

    def search_space(self) -> SearchSpace:
        from tunebound.theory.churn.search import ChurnSearch

        return ChurnSearch()

    def presentation(self) -> Presentation:
        from tunebound.theory.churn.story import PRESENTATION

        return PRESENTATION


def drawn_points(data: synthetic.SeparableDataset, m: int) -> np.ndarray:
    """Points (m, d), normal with the samples' second moment, the same for the same data set."""
    mixing = np.random.default_rng(data.seed or 0).standard_normal((m, data.n))
    return mixing @ data.X / np.sqrt(data.n)


register_setting(Churn())
