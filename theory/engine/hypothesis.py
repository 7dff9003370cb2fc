"""Directional claims: an effect of predicted sign, judged by its sign over independent tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from tunebound._ground.checks import choice, shown
from tunebound._ground.registry import Registry
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.folders import modules_called
from tunebound.theory.engine.setting import home_of

SCALES = ("log ratio", "difference", "trend")


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """A claim that something moves a measured quantity up or down.

    Attributes
    ----------
    name, statement, source : str
        Short name, the claim in words, and who makes it.
    setting : str
        Whose studies it reads, for example "remedies".
    predicted : {-1, 1}
        Sign of the effect if the claim is true.
    scale : {"log ratio", "difference", "trend"}
        What an effect is: ln(with/without), with − without, or a slope or correlation along a
        factor.
    effects : callable
        Tables of a study → one effect for each independent unit (a task, or a group of matched
        environments), indexed by the unit's name. NaN: the claim does not speak of that unit.
        Infinite ratios are kept: only order counts.
    """

    name: str
    statement: str
    source: str
    setting: str
    predicted: int
    scale: str
    effects: Callable[[Results], pd.Series]


_HYPOTHESES: Registry[Hypothesis] = Registry(
    "hypothesis", partial(modules_called, "theorems"), "tunebound.theorems"
)


def hypothesize(
    name: str,
    *,
    statement: str,
    source: str,
    setting: str,
    predicted: int,
    scale: str = "log ratio",
) -> Callable[[Callable[[Results], pd.Series]], Hypothesis]:
    """Register the decorated function, tables of a study → effects by unit, as a hypothesis; the
    name then means the `Hypothesis`.

    Parameters
    ----------
    name : str
        Short and unique; registering the same function again (a notebook cell run twice) replaces
        it.
    statement, source : str
        The claim in words, and who makes it.
    setting : str
        Whose studies the function reads.
    predicted : {-1, 1}
        Sign of the effect if the claim is true.
    scale : {"log ratio", "difference", "trend"}
        What an effect is: ln(with/without), with − without, or a slope or correlation along a
        factor.

    Raises
    ------
    ValueError
        If another function is registered under the name, or `predicted` or `scale` is none of the
        above.
    """
    if not isinstance(predicted, (int, np.integer)) or predicted not in (-1, 1):
        raise ValueError(
            f"predicted must be -1 or 1, got {shown(predicted)}; a claim without a direction is no"
            " hypothesis here"
        )
    choice("scale", scale, SCALES)

    def register(effects: Callable[[Results], pd.Series]) -> Hypothesis:
        new = Hypothesis(
            name=name,
            statement=statement,
            source=source,
            setting=setting,
            predicted=int(predicted),
            scale=scale,
            effects=effects,
        )
        _HYPOTHESES.add(name, new, effects)
        return new

    return register


def hypotheses(setting: str | None = None) -> dict[str, Hypothesis]:
    """The registered hypotheses by name, by their settings and in the order of registration.

    Parameters
    ----------
    setting : str, optional
        Those that read studies of this setting; all of them by default.
    """
    if setting is not None and not isinstance(setting, str):
        raise TypeError(f"setting must be named by text, got {shown(setting)}")
    if setting is not None:
        known = _HYPOTHESES.known(home_of(setting))
        return {name: each for name, each in known.items() if each.setting == setting}
    return dict(sorted(_HYPOTHESES.known().items(), key=lambda entry: entry[1].setting))


def find_hypothesis(name: str) -> Hypothesis:
    """The hypothesis of that name."""
    return _HYPOTHESES.find(name)
