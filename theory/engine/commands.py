"""Commands that compute a study again, whole or one of its environments."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunebound.theory.engine.manifests import GRID, KEPT, MANIFEST
from tunebound.theory.engine.members import file_of
from tunebound.theory.engine.options import written
from tunebound.theory.engine.setting import find_setting
from tunebound.theory.engine.statement import theorems


def continuing(directory: Path, manifest: Mapping[str, Any]) -> str:
    """The command that goes on with a study in its directory, in backticks; in words where it was
    begun in Python with what no command names.
    """
    try:
        command = _running(directory, manifest)
    except (TypeError, ValueError):  # of a setting that is not known here, or a damaged manifest
        return "the call that began it"
    chosen = GRID not in manifest and manifest["theorems"] != list(theorems(manifest["setting"]))
    if command is None or chosen:
        return "the same call in Python"
    return f"`{shlex.join([*command, '--output', str(directory)])}`"


def replaying(directory: Path, manifest: Mapping[str, Any], member: int, theorem: str) -> str:
    """The command that computes one environment of a study again.

    It goes into a directory beside the study's and is computed with those that share its batch
    there, so that its rows are the same bit for bit. What was handed over is tested alone, from the
    file that is kept of it.
    """
    command = _running(directory, manifest)
    if command is None:
        kept = str(file_of(directory, member))
        return shlex.join(["tunebound", "verify", theorem, "--data", kept, *_set(manifest)])
    again = ["--members", f"{member}:{member + 1}", "--output", f"{directory}-again"]
    return shlex.join([*command, *again])


def _running(directory: Path, manifest: Mapping[str, Any]) -> list[str] | None:
    """`tunebound run` over the population of a study; None where it was handed over."""
    run = ["tunebound", "run"]
    if manifest.get(KEPT):
        return None
    if GRID in manifest:
        return [*run, "--grid", str(directory / MANIFEST)]
    suite, seed = manifest["suite"], manifest["seed"]
    population = ["--setting", manifest["setting"], "--suite", suite]
    return [*run, *population, *(["--seed", str(seed)] if seed else []), *_set(manifest)]


def _set(manifest: Mapping[str, Any]) -> list[str]:
    """`--set` for each option that is not its default."""
    kind = find_setting(manifest["setting"]).options
    chosen, defaults = kind.of(manifest["options"], setting=manifest["setting"]), kind()
    return [
        word
        for name in kind.names()
        if chosen[name] != defaults[name]
        for word in ("--set", f"{name}={written(chosen[name])}")
    ]
