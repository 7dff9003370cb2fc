"""Multi-head tuning: many heads from random starts on the same data, averaged."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tunebound import bounds, synthetic, tuning
from tunebound._ground.checks import real_number
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting, register_setting
from tunebound.theory.multi_head import columns, starts
from tunebound.theory.multi_head.evidence import SIZES, MultiHeadEvidence
from tunebound.theory.multi_head.starts import HEADS, RandomStarts, StartsSpecification

if TYPE_CHECKING:
    from tunebound.theory.engine.presentation import Presentation

LEFT_OUT_WORK = 165_000  # heads × samples × left-out samples that are followed for the instability
CORNERS = np.array([[1.0, 0.1], [1.0, -0.1], [-1.0, 0.1], [-1.0, -0.1]])


@dataclass(frozen=True, kw_only=True)
class MultiHeadOptions(Options):
    """Options of a study of many heads.

    Attributes
    ----------
    steps : int
        Gradient steps of every head, at least 1.
    weighting : {"1/n", "1/(n-1)"}
        Weight of the other samples when one is left out.
    rate_fraction : float
        Step size as a share of the limit 2/β, in (0, 1].
    device : str
        "auto" (CUDA where there is one), "cpu" or "cuda".
    dtype : {"float64", "mixed", "float32"}
        Arithmetic.
    """

    steps: int = 5_000
    weighting: str = "1/n"
    rate_fraction: float = 0.5
    device: str = "auto"
    dtype: str = "float64"


class MultiHeadTuning(
    Setting[StartsSpecification, RandomStarts, MultiHeadEvidence, MultiHeadOptions]
):
    """All heads of each member, on S and on every S^i."""

    name = "multi-head"
    summary = (
        "the mean of linear heads tuned from independent random starts, 1 to 256 of them, each"
        " sample left out in turn"
    )
    measures = "distance of unit directions (0 to 2)"
    factors = (columns.FAMILY, columns.N, columns.D, columns.SCALE)
    options = MultiHeadOptions

    def suite_names(self) -> tuple[str, ...]:
        return starts.SUITES

    def suite(
        self, name: str, seed: int, options: MultiHeadOptions
    ) -> synthetic.Suite[RandomStarts]:
        return starts.make_suite(name, seed)

    def check(self, options: MultiHeadOptions) -> None:
        """Try the options on four points, so that a bad one is refused before any work."""
        real_number(
            "rate_fraction",
            options.rate_fraction,
            above=0,
            high=1,
            remedy="it is a share of the largest stable step size",
        )
        tuning.record_steps(options.steps)
        tuning.tune_heads(
            CORNERS,
            np.sign(CORNERS[:, 0]),
            steps=1,
            weighting=options.weighting,
            device=options.device,
            dtype=options.dtype,
        )

    def cost(self, source: StartsSpecification | RandomStarts, options: MultiHeadOptions) -> float:
        return options.steps * (HEADS * source.n + LEFT_OUT_WORK) * (source.d + 10)

    def batch_key(self, source: StartsSpecification | RandomStarts) -> Hashable:
        return source.n, source.d

    def evidence(
        self,
        members: Sequence[RandomStarts],
        sources: Sequence[StartsSpecification | RandomStarts],
        options: MultiHeadOptions,
    ) -> list[MultiHeadEvidence]:
        return [_examine(member, options) for member in members]

    def save(self, member: RandomStarts, path: str | os.PathLike[str]) -> None:
        starts.save(member, path)

    def load(self, path: str | os.PathLike[str]) -> RandomStarts:
        return starts.load(path)

    def presentation(self) -> Presentation:
        from tunebound.theory.multi_head.story import PRESENTATION

        return PRESENTATION


def _followed(n: int) -> int:
    """How many heads are followed without each sample: the largest group size that the work
    allows.
    """
    return max(
        size for size in SIZES[1:] if size == SIZES[1] or size * n * (n + 1) <= LEFT_OUT_WORK
    )


def _examine(member: RandomStarts, options: MultiHeadOptions) -> MultiHeadEvidence:
    X, y = member.data.X, member.data.y
    total = options.steps
    steps = np.unique([-(-total // 100), -(-total // 10), total])
    initial = member.draw(HEADS)
    followed = _followed(member.n)
    limit = tuning.learning_rate_limits(X, weighting=options.weighting)
    common: dict[str, Any] = {
        "learning_rate": options.rate_fraction * limit,
        "weighting": options.weighting,
        "device": options.device,
        "dtype": options.dtype,
    }
    heads, left_out, resolution = [], [], []
    for t in steps.tolist():
        # A run keeps single heads at its end only, so that each number of steps is a run of its
        # own.
        whole = tuning.tune_heads(
            X, y, steps=t, init=initial, heads=HEADS, leave_one_out=False, record=[t], **common
        )
        others = tuning.tune_heads(
            X, y, steps=t, init=initial[:followed], heads=followed, record=[t], **common
        )
        heads.append(np.asarray(whole.head_weights)[0])
        left_out.append(np.asarray(others.head_weights)[1:])
        resolution.append(whole.resolution[-1])
    mean_start = tuning.tune_heads(
        X, y, steps=total, leave_one_out=False, record=steps.tolist(), **common
    ).path
    return MultiHeadEvidence(
        starts=member,
        separator=bounds.max_margin(X, y),
        steps=steps,
        initial=initial,
        heads=np.stack(heads),
        left_out=np.stack(left_out),
        mean_start=mean_start,
        resolution=np.array(resolution),
        rate_fraction=options.rate_fraction,
        weighting=options.weighting,
    )


register_setting(MultiHeadTuning())
