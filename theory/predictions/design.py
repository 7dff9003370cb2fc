"""A registered prediction and the controlled design that tests it: one factor varies, all else is
held.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground.registry import find_named, modules_in

FOLDER = "tunebound.theory.predictions.designs"


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What is predicted of one outcome along a factor.

    Attributes
    ----------
    name : str
        Short and unique among all predictions.
    outcome : str
        Under which the design's function gives what it measures.
    label : str
        What is measured, for a reader.
    statement, source : str
        The claim in words, and who makes it.
    sign : {-1, 1}
        Of the slope of ln(outcome) in ln(factor).
    exponents : mapping
        Who predicts one → the slope; empty where only the sign is predicted.
    """

    name: str
    outcome: str
    label: str
    statement: str
    source: str
    sign: int
    exponents: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.sign not in (-1, 1) or any(
            np.sign(slope) != self.sign for slope in self.exponents.values()
        ):
            raise ValueError(
                f"prediction {self.name!r} has the sign {self.sign} and the exponents"
                f" {dict(self.exponents)}; give -1 or 1, and exponents of that sign"
            )


@dataclass(frozen=True)
class Measured:
    """An outcome at each level.

    Attributes
    ----------
    values : (K,)
        Non-negative; NaN where there is nothing to measure.
    resolution : (K,)
        What rounding and certificates leave open; values up to it are not used.
    """

    values: NDArray[np.float64]
    resolution: NDArray[np.float64]

    @classmethod
    def of(cls, values: ArrayLike, resolution: ArrayLike = 0.0) -> Measured:
        """The values, with one resolution for all of them or one each."""
        array = np.asarray(values, dtype=np.float64)
        return cls(array, np.broadcast_to(np.asarray(resolution, dtype=np.float64), array.shape))


Measure = Callable[[int, Sequence[float]], Mapping[str, Measured]]


@dataclass(frozen=True, kw_only=True)
class Design:
    """A sweep of one factor on independent draws; every draw is measured at every level.

    Attributes
    ----------
    name : str
    title, factor : str
        What is tuned, and what varies, for a reader.
    levels : tuple of float
        Its values, positive.
    population : str
        What a draw is drawn from.
    held : str
        What stays while the factor varies.
    predictions : tuple of Prediction
        One for each outcome.
    draws : int
        Of the full suite.
    coordinate : callable
        Level → the number in which a slope is taken; the level itself by default.
    in_coordinate : str
        That number for a reader.
    measure : callable
        (seed, levels) → outcome → `Measured`; everything random comes from the seed, so that a
        level is the same in any company.
    """

    name: str
    title: str
    factor: str
    levels: tuple[float, ...]
    population: str
    held: str
    predictions: tuple[Prediction, ...]
    draws: int = 40
    coordinate: Callable[[float], float] = float
    in_coordinate: str = ""
    measure: Measure

    @property
    def axis(self) -> str:
        """In what a slope is taken, for a reader."""
        return self.in_coordinate or self.factor


def sweep(**about: object) -> Callable[[Measure], Design]:
    """Turn the decorated function into a `Design` with these attributes."""

    def designed(measure: Measure) -> Design:
        return Design(measure=measure, **about)  # type: ignore[arg-type]

    return designed


def designs() -> dict[str, Design]:
    """All designs by name: those of the modules in `designs/`, in alphabetical order of the files.

    Raises
    ------
    ValueError
        If two designs, or two predictions, have one name.
    """
    found: dict[str, Design] = {}
    predicted: dict[str, str] = {}
    for module in modules_in(FOLDER):
        for each in vars(import_module(module)).values():
            if not isinstance(each, Design):
                continue
            if each.name in found:
                raise ValueError(f"two designs are named {each.name!r}; rename one of them")
            found[each.name] = each
            for prediction in each.predictions:
                if prediction.name in predicted:
                    raise ValueError(
                        f"the designs {predicted[prediction.name]!r} and {each.name!r} both have a"
                        f" prediction {prediction.name!r}; rename one of them"
                    )
                predicted[prediction.name] = each.name
    return found


def find_design(name: str) -> Design:
    """The design of that name; ValueError with the closest one where there is none."""
    return find_named("design", name, designs())
