"""One draw of one design, and what was measured on it at every level."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from tunebound._ground.storage import read_arrays, write_arrays
from tunebound.theory.engine.setting import Cell
from tunebound.theory.predictions import columns
from tunebound.theory.predictions.design import Measured, find_design

FORMAT = "tunebound-prediction"


@dataclass(frozen=True)
class Draw:
    """What a member is: everything follows from it.

    Attributes
    ----------
    design : str
    seed : int
    levels : tuple of float
        At which it is measured.
    """

    design: str
    seed: int
    levels: tuple[float, ...]

    @property
    def name(self) -> str:
        """Readable and unique within a suite."""
        return f"{self.design}-s{self.seed}"

    def make(self) -> Draw:
        """Itself: a design makes its data level by level."""
        return self


@dataclass(frozen=True)
class DrawEvidence:
    """What was measured on a draw.

    Attributes
    ----------
    draw : Draw
    outcomes : mapping
        Outcome → `Measured`, one value a level.
    """

    draw: Draw
    outcomes: Mapping[str, Measured]

    def columns(self) -> dict[str, Cell]:
        cells: dict[str, Cell] = {
            columns.DESIGN: self.draw.design,
            columns.SEED: self.draw.seed,
            **{columns.level(k): float(level) for k, level in enumerate(self.draw.levels)},
        }
        for outcome, found in self.outcomes.items():
            for k in range(len(self.draw.levels)):
                cells[columns.measured(outcome, k)] = float(found.values[k])
                cells[columns.resolution(outcome, k)] = float(found.resolution[k])
        return cells


def examine(draw: Draw) -> DrawEvidence:
    """Measure a draw at its levels.

    Raises
    ------
    ValueError
        If the design's function does not give each outcome that it has a prediction of, once a
        level.
    """
    design = find_design(draw.design)
    outcomes = dict(design.measure(draw.seed, draw.levels))
    shapes = {name: found.values.shape for name, found in outcomes.items()}
    expected = {each.outcome: (len(draw.levels),) for each in design.predictions}
    if shapes != expected:
        raise ValueError(
            f"design {design.name!r} measured {shapes}, and has predictions of {expected}; make its"
            " function give one value a level for each outcome"
        )
    return DrawEvidence(draw, outcomes)


def save(draw: Draw, path: str | os.PathLike[str]) -> None:
    """Write what a draw is made from."""
    write_arrays(
        path,
        {
            "format": FORMAT,
            "design": draw.design,
            "seed": draw.seed,
            "levels": [float(level) for level in draw.levels],
        },
    )


def load(path: str | os.PathLike[str]) -> Draw:
    """Read what `save` wrote; ValueError for any other file."""
    try:
        stored = read_arrays(path, format_name=FORMAT, entries=("design", "seed", "levels"))
    except ValueError as error:
        raise ValueError(
            f"{path} holds no draw of a prediction's design ({error}); name a file that `save`"
            " wrote"
        ) from error
    return Draw(stored["design"].item(), stored["seed"].item(), tuple(stored["levels"].tolist()))
