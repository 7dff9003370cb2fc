"""Softmax heads on separable data of several classes, every sample left out along gradient
descent.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tunebound import bounds, synthetic, tuning
from tunebound._ground.checks import WEIGHTINGS, choice, real_number, step_count
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting, register_setting
from tunebound.theory.several_classes import columns
from tunebound.theory.several_classes.evidence import ClassEvidence

if TYPE_CHECKING:
    from tunebound.theory.engine.presentation import Presentation
    from tunebound.theory.engine.search_space import SearchSpace

MOST_EXACT_STEPS = 1e8  # days of work; beyond it only the flow gets there


@dataclass(frozen=True, kw_only=True)
class ClassOptions(Options):
    """Options of a study of several classes.

    Attributes
    ----------
    steps : float
        Gradient steps of every run, a whole number.
    exact : bool
        Take every step, instead of following them in log-time.
    weighting : {"1/n", "1/(n-1)"}
        Weight of the other samples when one is left out.
    rate_fraction : float
        Step size as a share of the limit 2/β of each data set, in (0, 1].
    device : str
        "auto" (CUDA where there is one), "cpu" or "cuda".
    """

    steps: float = 1e30
    exact: bool = False
    weighting: str = "1/n"
    rate_fraction: float = 0.5
    device: str = "auto"


class SeveralClasses(
    Setting[synthetic.ClassSpecification, synthetic.ClassDataset, ClassEvidence, ClassOptions]
):
    """Separators, left-out separators and all softmax heads of data sets of several classes."""

    name = "several-classes"
    summary = (
        "a softmax head for several classes tuned on frozen features by gradient descent, each"
        " sample left out in turn"
    )
    measures = "leave-one-out distance of unit directions (0 to 2)"
    factors = (
        columns.RIVALS,
        columns.CLASSES,
        columns.N,
        columns.D,
        columns.MARGIN,
        columns.RADIUS,
        columns.RATE_FRACTION,
    )
    options = ClassOptions

    def suite_names(self) -> tuple[str, ...]:
        return synthetic.class_suite_names()

    def suite(
        self, name: str, seed: int, options: ClassOptions
    ) -> synthetic.Suite[synthetic.ClassDataset]:
        return synthetic.make_class_suite(name, seed)

    def check(self, options: ClassOptions) -> None:
        most = MOST_EXACT_STEPS if options.exact else tuning.LATEST_STEP
        step_count("steps", options.steps, high=most)
        choice("weighting", options.weighting, WEIGHTINGS)
        real_number(
            "rate_fraction",
            options.rate_fraction,
            above=0,
            high=1,
            remedy="it is a share of the largest stable step size",
        )
        tuning.torch_device("device", options.device)

    def cost(
        self, source: synthetic.ClassSpecification | synthetic.ClassDataset, options: ClassOptions
    ) -> float:
        """Multiplications and what costs about as much, of all heads and separators of one data
        set.
        """
        n, classes, r = source.n, source.classes, min(source.n, source.d)
        taken = min(options.steps, np.inf if options.exact else tuning.DESCENT_STEPS)
        separators = 50 * n**2 * classes**3 * r
        descent = n**2 * classes * (r + 20) * taken
        if options.exact:
            return separators + descent
        # some 60 steps of the solver: a Jacobian of K r numbers and its factors
        return separators + descent + 60 * n * (n * (classes * r) ** 2 + (classes * r) ** 3)

    def batch_key(self, source: synthetic.ClassSpecification | synthetic.ClassDataset) -> Hashable:
        return source.n, source.d, source.classes

    def evidence(
        self,
        members: Sequence[synthetic.ClassDataset],
        sources: Sequence[synthetic.ClassSpecification | synthetic.ClassDataset],
        options: ClassOptions,
    ) -> list[ClassEvidence]:
        """Separators, left-out separators and all heads of data sets of one shape, tuned
        together.
        """
        separators = [bounds.max_margin_classes(data.X, data.y) for data in members]
        left_out = [
            bounds.leave_one_out_classes(data.X, data.y, separator)
            for data, separator in zip(members, separators, strict=True)
        ]
        directions = np.stack(
            [
                np.concatenate([[separator.weights], others.weights])
                for separator, others in zip(separators, left_out, strict=True)
            ]
        )
        directions /= np.linalg.norm(directions, axis=(-2, -1), keepdims=True)
        X, y = np.stack([data.X for data in members]), np.stack([data.y for data in members])
        classes = members[0].classes
        limits = tuning.learning_rate_limits(X, weighting=options.weighting, classes=classes)
        common: dict[str, Any] = {
            "classes": classes,
            "learning_rate": options.rate_fraction * np.asarray(limits),
            "weighting": options.weighting,
            "reference": directions,
            "device": options.device,
        }
        if options.exact:
            run = tuning.tune_heads(X, y, steps=int(options.steps), **common)
        else:
            run = tuning.flow_heads(X, y, until=options.steps, **common)
        return [
            ClassEvidence(
                data=data,
                separator=separator,
                left_out=others,
                run=run[index],
                rate_fraction=options.rate_fraction,
            )
            for index, (data, separator, others) in enumerate(
                zip(members, separators, left_out, strict=True)
            )
        ]

    def save(self, member: synthetic.ClassDataset, path: str | os.PathLike[str]) -> None:
        member.to_npz(path)

    def load(self, path: str | os.PathLike[str]) -> synthetic.ClassDataset:
        return synthetic.ClassDataset.from_npz(path)

    def search_space(self) -> SearchSpace:
        from tunebound.theory.several_classes.search import ClassSearch

        return ClassSearch()

    def presentation(self) -> Presentation:
        from tunebound.theory.several_classes.story import PRESENTATION

        return PRESENTATION


register_setting(SeveralClasses())
