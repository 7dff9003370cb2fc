"""What a report needs to know of a setting."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from tunebound._ground.registry import find_named
from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.verdict import Verdict

NUMBER = re.compile(r"[▼▲+−×-]?[ ]?[\d.∞]|–?$")


def _always(results: Results) -> bool:
    return True


def _no_tables(results: Results) -> list[Table]:
    return []


def _no_headline(results: Results, verdicts: Sequence[Verdict]) -> str:
    return ""


@dataclass(frozen=True)
class Table:
    """A table of the report, as text.

    Attributes
    ----------
    title, note : str
        Heading, and what the cells are.
    columns : tuple of str
    rows : tuple of tuple of str
        The first cell of each names it.
    """

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Of each column, whether all its cells are or begin with numbers."""
        columns = zip(self.columns, *self.rows, strict=True)
        return tuple(all(map(NUMBER.match, cells)) for _, *cells in columns)


@dataclass(frozen=True)
class Illustration:
    """A figure and what it needs.

    Attributes
    ----------
    draw : callable
        results → figure.
    caption : str
    applies : callable
        results → whether a study has what the figure shows.
    reads : tuple of str
        Theorems whose rows it reads; a study that lacks one of them does without the figure.
    """

    draw: Callable[[Results], Figure]
    caption: str
    applies: Callable[[Results], bool] = _always
    reads: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Presentation:
    """The words and figures of a setting.

    Attributes
    ----------
    title, question : str
        What the study is about, and what it asks, for who has not read the theory.
    subtitle : callable
        (results, manifest) → what was computed, in numbers.
    findings : callable
        (results, verdicts) → the main results as sentences, all numbers taken from the tables.
    certificates : callable
        environments → what backs the constants, as sentences.
    group : str
        Column by which the tightness table is broken down.
    illustrations : mapping
        Name, fit for a file → figure.
    tables : callable
        results → what else the report shows as tables; nothing by default.
    headline : callable
        (results, verdicts) → the answer to the question in one sentence, for who has not read the
        theory, in numbers that the report shows below; empty where verdicts and hypotheses are it.
    member : str
        What one environment is called.
    along : (str, str)
        What environments are followed along, in words and as a symbol.
    """

    title: str
    question: str
    subtitle: Callable[[Results, dict[str, Any]], str]
    findings: Callable[[Results, Sequence[Verdict]], list[str]]
    certificates: Callable[[pd.DataFrame], list[str]]
    group: str
    illustrations: Mapping[str, Illustration]
    tables: Callable[[Results], list[Table]] = _no_tables
    headline: Callable[[Results, Sequence[Verdict]], str] = _no_headline
    member: str = "data set"
    along: tuple[str, str] = ("number of steps", "t")

    def draw(self, name: str, results: Results) -> Figure:
        """The figure of that name; ValueError where there is none, or the study cannot fill it."""
        return find_named("figure", name, self.figures(results)).draw(results)

    def figures(self, results: Results) -> dict[str, Illustration]:
        """The figures that this study can fill."""
        there = set(results.rows[tables.THEOREM]) if len(results.rows) else set()
        return {
            name: illustration
            for name, illustration in self.illustrations.items()
            if there.issuperset(illustration.reads) and illustration.applies(results)
        }
