"""Head tuning: a linear head on separable data, every sample left out along gradient descent."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tunebound import bounds, synthetic, tuning
from tunebound._ground.checks import choice, real_number, step_count
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting, register_setting
from tunebound.theory.head import columns
from tunebound.theory.head.evidence import HeadEvidence

if TYPE_CHECKING:
    from tunebound.theory.engine.presentation import Presentation
    from tunebound.theory.engine.search_space import SearchSpace

MOST_EXACT_STEPS = 1e8  # days of work; beyond it only the flow gets there
STEP_LIMITS = ("stable", "published")
CORNERS = np.array([[1.0, 0.1], [1.0, -0.1], [-1.0, 0.1], [-1.0, -0.1]])


@dataclass(frozen=True, kw_only=True)
class HeadOptions(Options):
    """Options of a study of head tuning.

    Attributes
    ----------
    steps : float
        Gradient steps of every run, a whole number.
    exact : bool
        Take every step, instead of following them in log-time.
    weighting : {"1/n", "1/(n-1)"}
        Weight of the other samples when one is left out.
    rate_fraction : float
        Step size as a share of the limit of each data set, in (0, 1], so that one value is legal
        for all of them.
    step_limit : {"stable", "published"}
        That limit: 2/β, up to which descent is stable, or the smaller of it and the published
        condition 2/(σ_max(X)/4), so that every run is inside both.
    device : str
        "auto" (CUDA where there is one), "cpu" or "cuda".
    dtype : {"float64", "mixed", "float32"}
        Arithmetic of exact steps.
    families : tuple of str
        Families of the suite's data sets, instead of those that are written out in it.
    """

    steps: float = 1e30
    exact: bool = False
    weighting: str = "1/n"
    rate_fraction: float = 0.5
    step_limit: str = "stable"
    device: str = "auto"
    dtype: str = "float64"
    families: tuple[str, ...] = ()


class HeadTuning(
    Setting[synthetic.Specification, synthetic.SeparableDataset, HeadEvidence, HeadOptions]
):
    """Separators, left-out separators and all heads of separable data sets."""

    name = "head"
    summary = (
        "a linear head tuned on frozen features by gradient descent, each sample left out in turn"
    )
    measures = "leave-one-out distance of unit directions (0 to 2)"
    factors = (
        columns.FAMILY,
        columns.N,
        columns.D,
        columns.RADIUS_OVER_MARGIN,
        columns.RATE_FRACTION,
    )
    family = columns.FAMILY
    options = HeadOptions
    suite_options = ("families",)

    def suite_names(self) -> tuple[str, ...]:
        return synthetic.suite_names()

    def suite(
        self, name: str, seed: int, options: HeadOptions
    ) -> synthetic.Suite[synthetic.SeparableDataset]:
        return synthetic.make_suite(name, seed, families=options.families)

    def check(self, options: HeadOptions) -> None:
        """Try the options on four points, so that a bad one is refused before any work."""
        real_number(
            "rate_fraction",
            options.rate_fraction,
            above=0,
            high=1,
            remedy="it is a share of the largest stable step size",
        )
        choice("step_limit", options.step_limit, STEP_LIMITS)
        if options.exact and options.steps == HeadOptions().steps:
            raise ValueError(
                f"steps={options.steps:g}, the default, cannot be taken one by one; name fewer"
                " beside exact, steps=10_000 (--exact --steps 10000) say"
            )
        steps = step_count(
            "steps", options.steps, high=MOST_EXACT_STEPS if options.exact else tuning.LATEST_STEP
        )
        if not options.exact and options.dtype != "float64":
            raise ValueError(
                f"dtype={options.dtype!r} is for exact steps; the flow computes in float64: add"
                " exact (--exact), or leave dtype out"
            )
        tuning.tune_heads(
            CORNERS,
            np.sign(CORNERS[:, 0]),
            steps=1,
            weighting=options.weighting,
            device=options.device,
            dtype=options.dtype,
        )
        tuning.flow_records(steps)

    def cost(
        self, source: synthetic.Specification | synthetic.SeparableDataset, options: HeadOptions
    ) -> float:
        """Passes over numbers and what takes about as long, of all heads of one data set."""
        n, r = source.n, min(source.n, source.d)
        taken = min(options.steps, np.inf if options.exact else tuning.DESCENT_STEPS)
        # bounds, claims and rows, which hardly depend on the size
        rest = 3e8
        descent = n**2 * (source.d + 10) * taken
        if options.exact:
            return rest + descent
        # some 60 steps of the solver: a Jacobian and its factors, whose multiplications go three
        # times as fast, then six stages with about 40 passes over the activities
        return rest + descent + 60 * n * ((n * r**2 + r**3) / 3 + 40 * n * (r + 20))

    def batch_key(self, source: synthetic.Specification | synthetic.SeparableDataset) -> Hashable:
        return source.n, source.d

    def parts(self, source: synthetic.Specification) -> Mapping[str, str]:
        family = synthetic.find_family(source.family)
        return {family.name: family.draw.__module__}

    def evidence(
        self,
        members: Sequence[synthetic.SeparableDataset],
        sources: Sequence[synthetic.Specification | synthetic.SeparableDataset],
        options: HeadOptions,
    ) -> list[HeadEvidence]:
        """Separators, left-out separators and all heads of data sets of one shape, tuned
        together.
        """
        separators = [bounds.max_margin(data.X, data.y) for data in members]
        left_out = [
            bounds.leave_one_out_separators(data.X, data.y, separator)
            for data, separator in zip(members, separators, strict=True)
        ]
        directions = np.stack(
            [
                np.concatenate([[separator.weights], others.weights])
                for separator, others in zip(separators, left_out, strict=True)
            ]
        )
        directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
        X, y = np.stack([data.X for data in members]), np.stack([data.y for data in members])
        limits = tuning.learning_rate_limits(X, weighting=options.weighting)
        published = [bounds.constants.published_step_size_limit(data.X).value for data in members]
        if options.step_limit == "published":
            limits = np.minimum(limits, published)
        common: dict[str, Any] = {
            "learning_rate": options.rate_fraction * limits,
            "weighting": options.weighting,
            "reference": directions,
            "device": options.device,
        }
        if options.exact:
            run = tuning.tune_heads(X, y, steps=int(options.steps), dtype=options.dtype, **common)
        else:
            run = tuning.flow_heads(X, y, until=options.steps, **common)
        return [
            HeadEvidence(
                data=data,
                separator=separator,
                left_out=others,
                run=run[index],
                exact=options.exact or options.steps <= tuning.DESCENT_STEPS,
                rate_fraction=options.rate_fraction,
                published_step_limit=published[index],
            )
            for index, (data, separator, others) in enumerate(
                zip(members, separators, left_out, strict=True)
            )
        ]

    def save(self, member: synthetic.SeparableDataset, path: str | os.PathLike[str]) -> None:
        member.to_npz(path)

    def load(self, path: str | os.PathLike[str]) -> synthetic.SeparableDataset:
        return synthetic.SeparableDataset.from_npz(path)

    def search_space(self) -> SearchSpace:
        from tunebound.theory.head.search import HeadSearch

        return HeadSearch()

    def presentation(self) -> Presentation:
        from tunebound.theory.head.story import PRESENTATION

        return PRESENTATION


register_setting(HeadTuning())
