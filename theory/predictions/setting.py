"""Registered predictions: every draw of every design, measured at every level of its factor."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tunebound import synthetic
from tunebound._ground.checks import choice, whole_number
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting, register_setting
from tunebound.theory.predictions import columns
from tunebound.theory.predictions.design import Design, designs, find_design
from tunebound.theory.predictions.evidence import Draw, DrawEvidence, examine, load, save

if TYPE_CHECKING:
    from tunebound.theory.engine.presentation import Presentation

# Seeds below are free for whoever designs; those of a suite begin here, and those of the next
# suite seed as much later.
FIRST = 10_000
SHARE_OF_A_SHARD = 5e9  # in the engine's units: eight draws of a design are computed together


@dataclass(frozen=True, kw_only=True)
class PredictionOptions(Options):
    """Options of a study of predictions.

    Attributes
    ----------
    designs : tuple of str
        Designs to draw, instead of all of them.
    draws : int
        Of each design; 0 for the suite's own number.
    """

    designs: tuple[str, ...] = ()
    draws: int = 0


# Suite → draws of a design and the levels at which they are measured.
SUITES: Mapping[str, Callable[[Design], tuple[int, tuple[float, ...]]]] = {
    "smoke": lambda design: (1, design.levels[:2]),
    "predictions": lambda design: (design.draws, design.levels),
}


def make_suite(
    name: str, seed: int, chosen: Sequence[str] = (), draws: int = 0
) -> synthetic.Suite[Draw]:
    """Independent draws of the designs.

    Parameters
    ----------
    name : {"smoke", "predictions"}
        "smoke": one draw of each design, at two levels, in seconds. "predictions": enough draws to
        decide, at all levels.
    seed : int
        At least 0; suites of different seeds share no draw.
    chosen : sequence of str
        Designs, instead of all of them.
    draws : int
        Of each design, at most 10,000; 0 for the suite's own number.
    """
    sized = SUITES[choice("suite", name, tuple(SUITES))]
    first = FIRST * (1 + whole_number("seed", seed, low=0))
    whole_number("draws", draws, low=0, high=FIRST)
    drawn = []
    for design in [find_design(each) for each in chosen] or designs().values():
        own, levels = sized(design)
        drawn += [
            Draw(design.name, first + number, tuple(map(float, levels)))
            for number in range(draws or own)
        ]
    return synthetic.Suite(name, seed, tuple(drawn))


class Predictions(Setting[Draw, Draw, DrawEvidence, PredictionOptions]):
    """One factor varies, all else is held, and every draw is measured at every level."""

    name = "predictions"
    summary = (
        "what the theory predicts of n, steps, B/γ, step size, distance, L, heads and MMR: one"
        " factor at a time, each draw at every level"
    )
    measures = "what each prediction says"
    factors = (columns.DESIGN, columns.SEED)
    options = PredictionOptions
    suite_options = ("designs", "draws")

    def suite_names(self) -> tuple[str, ...]:
        return tuple(SUITES)

    def suite(self, name: str, seed: int, options: PredictionOptions) -> synthetic.Suite[Draw]:
        return make_suite(name, seed, options.designs, options.draws)

    def cost(self, source: Draw, options: PredictionOptions) -> float:
        return SHARE_OF_A_SHARD

    def batch_key(self, source: Draw) -> Hashable:
        return source.design

    def evidence(
        self, members: Sequence[Draw], sources: Sequence[Draw], options: PredictionOptions
    ) -> list[DrawEvidence]:
        return [examine(draw) for draw in members]

    def save(self, member: Draw, path: str | os.PathLike[str]) -> None:
        save(member, path)

    def load(self, path: str | os.PathLike[str]) -> Draw:
        return load(path)

    def presentation(self) -> Presentation:
        from tunebound.theory.predictions.story import PRESENTATION

        return PRESENTATION


register_setting(Predictions())
