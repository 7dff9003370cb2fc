"""Softmax heads on separable data of several classes, every sample left out along gradient
descent.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tunebound import bounds, synthetic, tuning
from tunebound._ground.checks import WEIGHTINGS, choice, real_number
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting, register_setting
from tunebound.theory.several_classes import columns
from tunebound.theory.several_classes.evidence import ClassEvidence

if TYPE_CHECKING:
    from tunebound.theory.engine.presentation import Presentation


@dataclass(frozen=True, kw_only=True)
class ClassOptions(Options):
    """Options of a study of several classes.

    Attributes
    ----------
    steps : int
        Gradient steps of every run, at least 1.
    weighting : {"1/n", "1/(n-1)"}
        Weight of the other samples when one is left out.
    rate_fraction : float
        Step size as a share of the limit 2/β of each data set, in (0, 1].
    device : str
        "auto" (CUDA where there is one), "cpu" or "cuda".
    """

    steps: int = 3000
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
        tuning.record_steps(options.steps)
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
        n, classes = source.n, source.classes
        descent = n**2 * classes * (min(source.n, source.d) + 20) * options.steps
        return descent + n**2 * classes**2 * min(n * classes, classes * source.d) * 50

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
        run = tuning.tune_heads(
            X,
            y,
            classes=classes,
            steps=options.steps,
            learning_rate=options.rate_fraction * np.asarray(limits),
            weighting=options.weighting,
            reference=directions,
            device=options.device,
        )
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

    def presentation(self) -> Presentation:
        from tunebound.theory.several_classes.story import PRESENTATION

        return PRESENTATION


register_setting(SeveralClasses())
