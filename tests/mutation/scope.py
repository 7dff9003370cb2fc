"""What is mutated and what judges it, read from `scope.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Part:
    """Modules that the same tests judge.

    Attributes
    ----------
    name : str
        Of the part, and of the folder it is mutated in.
    modules, tests : tuple of str
        Patterns of modules, and files of tests, from the root of the repository.
    """

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]

    def files(self) -> list[str]:
        """The modules that the patterns stand for."""
        paths = (path for pattern in self.modules for path in sorted(ROOT.glob(pattern)))
        return [path.relative_to(ROOT).as_posix() for path in paths]


def read_parts() -> list[Part]:
    """All parts, most important first."""
    text = (ROOT / "tests/mutation/scope.toml").read_text(encoding="utf-8")
    return [
        Part(entry["name"], tuple(entry["modules"]), tuple(entry["tests"]))
        for entry in tomllib.loads(text)["part"]
    ]


def choose(names: Iterable[str]) -> list[Part]:
    """The parts of these names, all where none is given."""
    parts, wanted = read_parts(), set(names)
    unknown = wanted - {part.name for part in parts}
    if unknown:
        known = ", ".join(part.name for part in parts)
        raise SystemExit(f"no part is named {', '.join(sorted(unknown))}: choose among {known}")
    return [part for part in parts if not wanted or part.name in wanted]
