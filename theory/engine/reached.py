"""How tight each bound was found to get: the stored results of searches, as data and in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import TypeAlias

from tunebound.theory.engine.generated import markdown
from tunebound.theory.engine.setting import find_setting
from tunebound.theory.engine.statement import Theorem, theorems

STORED = "reached.json"


@dataclass(frozen=True, kw_only=True)
class Reached:
    """What one search reached.

    Attributes
    ----------
    statement : str
        Of the theorem, as it was searched.
    ratio : float
        The largest measured/bound, at least 0; of counts the nearness to failing. 1 is attained.
    refuted : bool
        Whether it is that of a violation, confirmed with 50 digits; the search ended there.
    shape : str
        Of the data: sizes and the number of steps.
    budget, seed : int
        The search's.
    version : str
        The package's.
    """

    statement: str
    ratio: float
    refuted: bool
    shape: str
    budget: int
    seed: int
    version: str

    def __str__(self) -> str:
        found = "refuted by a search" if self.refuted else "largest a search reached"
        return f"{found}: {self.ratio:.4f} ({self.shape})"


# By name of the theorem; None where no small data meet its assumptions.
Results: TypeAlias = Mapping[str, Reached | None]


def written(results: Results) -> str:
    """The results by name of the theorem, as the file holds them."""
    values = {name: None if each is None else asdict(each) for name, each in results.items()}
    return json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read(text: str) -> dict[str, Reached | None]:
    """The results by name of the theorem, from what `written` gave."""
    return {
        name: None if values is None else Reached(**values)
        for name, values in json.loads(text).items()
    }


@cache
def stored() -> dict[str, Reached | None]:
    """The results that come with the package."""
    return read((files(__package__) / STORED).read_text(encoding="utf-8"))


def reached(theorem: Theorem) -> Reached | None:
    """What a search reached on this very statement; None where there was none."""
    known = stored().get(theorem.name)
    return known if known is not None and known.statement == theorem.statement else None


def searched() -> list[Theorem]:
    """The package's theorems that name a number and whose setting has a search space."""
    return [
        known
        for known in theorems().values()
        if not known.free_constants
        and known.claims.__module__.startswith("tunebound.")
        and find_setting(known.setting).search_space() is not None
    ]


def table(results: Results) -> str:
    """The results as the documentation shows them, in Markdown."""
    known = theorems()
    found = {name: each for name, each in results.items() if each is not None}
    without = [f"`{name}`" for name in results if name not in found]
    rows = [
        (
            f"`{name}`",
            known[name].proof,
            f"{each.ratio:.4f}" + (", refuted" if each.refuted else ""),
            each.shape,
            f"{each.budget:,}",
        )
        for name, each in found.items()
    ]
    text = markdown(
        ("statement", "status of proof", "largest measured/bound", "on", "budget"), rows
    )
    seeds = sorted({each.seed for each in found.values()})
    versions = sorted({each.version for each in found.values()})
    made = f"Seed {', '.join(map(str, seeds))}; tunebound {', '.join(versions)}."
    if without:
        made += f" No small data meet the assumptions of {', '.join(without)}."
    return f"{text}\n\n{made}"
