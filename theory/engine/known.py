"""Theorems and hypotheses by name, and all that is known of one."""

from __future__ import annotations

from typing import TypeAlias

from tunebound._ground.registry import find_named
from tunebound.theory.engine import hypothesis
from tunebound.theory.engine.answers import answer
from tunebound.theory.engine.reached import reached
from tunebound.theory.engine.statement import Theorem, theorems

Known: TypeAlias = Theorem | hypothesis.Hypothesis


def statements(setting: str | None = None) -> dict[str, Known]:
    """Theorems, then hypotheses, by name; those of one setting if it is named."""
    return {**theorems(setting), **hypothesis.hypotheses(setting)}


def find_known(name: str, setting: str | None = None) -> Known:
    """The theorem or hypothesis of that name; a refusal with the closest one where there is
    none.
    """
    return find_named("theorem or hypothesis", name, statements(setting))


def facts(known: Known) -> dict[str, str]:
    """What is known of a statement beside itself, by the word that names it; nothing empty."""
    said = {"source": known.source, "setting": known.setting}
    if isinstance(known, Theorem):
        rates = (f"exponent {power:+g} in {factor}" for factor, power in known.rates.items())
        said |= {
            "known": known.status,
            "found": str(answer(known) or ""),
            "how tight it can get": str(reached(known) or ""),
            "domain": known.domain,
            "asks for": "; ".join(each.statement for each in known.assumptions),
            "predicts": ", ".join(rates),
        }
    return {word: text for word, text in said.items() if text}
