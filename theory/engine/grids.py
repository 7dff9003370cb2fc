"""A grid in a TOML file, or in the manifest of a study, and what is to be computed over it."""

from __future__ import annotations

import inspect
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunebound import synthetic
from tunebound._ground.registry import find_named
from tunebound.theory.engine.manifests import GRID, MANIFEST, population, read_manifest
from tunebound.theory.engine.members import setting_for
from tunebound.theory.engine.statement import find_theorems
from tunebound.theory.engine.studies import Study

# what stands beside the levels, which are arguments of `make_grid`
BESIDE: Mapping[str, tuple[type, str]] = {
    "setting": (str, "text"),
    "theorems": (list, "a list of names"),
    "options": (dict, "a table, written [options]"),
}
NEEDED = ("families", "n", "d", "margin")


@dataclass(frozen=True, kw_only=True)
class GridFile:
    """What a grid's file says.

    Attributes
    ----------
    grid : Grid
        Named after the file where it names itself not.
    setting : str or None
    theorems : tuple of str or None
    options : mapping
        Options of the setting that it sets.
    """

    grid: synthetic.Grid
    setting: str | None
    theorems: tuple[str, ...] | None
    options: Mapping[str, Any]

    def study(self, setting: str | None = None, **options: Any) -> Study:
        """The study over the grid, in the setting that is named, else in that of the file, else in
        the one that takes its sets; options override those of the file.
        """
        if setting is not None and self.setting not in (None, setting):
            raise ValueError(
                f"the grid {self.grid.name} is one of the setting {self.setting!r}, and"
                f" {setting!r} is asked for; leave out one of them"
            )
        theorems = None if self.theorems is None else find_theorems(self.theorems)
        chosen = setting_for(self.grid, theorems, setting or self.setting)
        return Study(chosen.name, self.grid, 0, {**self.options, **options}, self.theorems)


def read_grid(path: str | os.PathLike[str]) -> GridFile:
    """Read a grid: the arguments of `synthetic.make_grid` as keys, and beside them, where they are
    wanted, `setting`, `theorems` and the table `[options]`. The `manifest.json` of a study over a
    grid says the same, so that the study can be continued from it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError, ValueError
        If it is no TOML and no manifest of a grid, a key is unknown (the closest one is suggested)
        or missing, or a value is refused; the message names the file.
    """
    source = Path(path)
    if not source.is_file():
        raise FileNotFoundError(f"{source} is no file; name the TOML file of a grid")
    if source.name == MANIFEST:
        stored = _of_manifest(read_manifest(source.parent), source)
    else:
        try:
            stored = tomllib.loads(source.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{source} is not readable as TOML ({error}); correct it") from error
    try:
        return _checked(stored, source.stem)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{source}: {error}") from error


def _of_manifest(manifest: Mapping[str, Any], source: Path) -> dict[str, Any]:
    if GRID not in manifest:
        raise ValueError(
            f"{source} is of {population(manifest)}, which is no grid; name its --suite"
        )
    beside = {key: manifest[key] for key in BESIDE}
    return {**manifest[GRID], "name": manifest["suite"], **beside}


def _checked(stored: Mapping[str, Any], stem: str) -> GridFile:
    levels = inspect.signature(synthetic.make_grid).parameters
    known = dict.fromkeys((*levels, *BESIDE))
    for key in stored:
        find_named("key of a grid", key, known)
    lacking = [key for key in NEEDED if key not in stored]
    if lacking:
        raise ValueError(f"it lacks {', '.join(lacking)}; name the levels of each")
    for key, (kind, written) in BESIDE.items():
        if key in stored and not isinstance(stored[key], kind):
            raise TypeError(f"{key} must be {written}, got {stored[key]!r}")
    theorems = stored.get("theorems")
    if theorems is not None:
        find_theorems(theorems)
    design = {key: value for key, value in stored.items() if key not in BESIDE}
    return GridFile(
        grid=synthetic.make_grid(**{"name": stem, **design}),
        setting=stored.get("setting"),
        theorems=None if theorems is None else tuple(theorems),
        options=stored.get("options", {}),
    )
