"""The tables of a study read from its directory, whole or in part."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tunebound._ground.checks import path, sequence
from tunebound._ground.registry import find_named
from tunebound.theory.engine.computing import Results, concatenate
from tunebound.theory.engine.manifests import identity, read_manifest
from tunebound.theory.engine.shards import Shards, some


def load(
    directory: str | os.PathLike[str],
    *,
    theorems: str | Sequence[str] | None = None,
    columns: str | Sequence[str] | None = None,
) -> Results:
    """The tables of a finished study, held against their checksums.

    Parameters
    ----------
    directory : path
    theorems : str or sequence of str, optional
        Read the rows of these alone, of what was measured and of what was skipped.
    columns : str or sequence of str, optional
        Read these columns alone, of each table those that it has, beside `member`, which ties the
        tables together.

    Raises
    ------
    FileNotFoundError
        If the directory holds no study.
    ValueError
        If the study in it is unfinished or damaged (running it again continues or mends it), has
        not computed one of the theorems, or has no such column.
    """
    target = path("directory", directory)
    manifest = read_manifest(target)
    computed = dict.fromkeys(manifest["theorems"])
    names = None
    if theorems is not None:
        names = _named("theorems", "theorem of this study", theorems, computed)
    shards = shards_in(target, manifest)
    again = "`tunebound run` with the same options"
    missing = shards.missing()
    if missing:
        raise ValueError(
            f"{target}: {len(missing)} of {shards.count} shards are missing; {again} continues the"
            " study"
        )
    damaged = shards.damaged()
    if damaged:
        raise ValueError(
            f"{target}: {some([*damaged.values()])}: not what this study wrote; {again} computes"
            f" {len(damaged)} of {shards.count} shards again"
        )
    chosen = None
    if columns is not None:
        chosen = _named("columns", "column", columns, dict.fromkeys(sorted(shards.columns())))
    return concatenate([shards.read(number, names, chosen) for number in range(shards.count)])


def so_far(directory: Path) -> Results:
    """The tables of what is there of a study that goes on, held against their checksums.

    Raises
    ------
    FileNotFoundError, ValueError
        If the directory holds no study, or nothing of one yet.
    """
    shards = shards_in(directory, read_manifest(directory))
    absent = {*shards.missing(), *shards.damaged()}
    parts = [shards.read(number) for number in range(shards.count) if number not in absent]
    if not parts:
        raise ValueError(f"{directory}: nothing of the study is there yet")
    return concatenate(parts)


def _named(
    argument: str, kind: str, asked: str | Sequence[str], known: Mapping[str, None]
) -> tuple[str, ...]:
    names = (asked,) if isinstance(asked, str) else tuple(sequence(argument, asked, of="names"))
    if not names:
        raise ValueError(f"{argument}: no {kind} is named; leave it out to read all")
    for name in names:
        try:
            find_named(kind, name, known)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{argument}: {error}") from None
    return names


def shards_in(directory: Path, manifest: Mapping[str, Any]) -> Shards:
    """The shards of the study of that manifest in a directory."""
    return Shards(directory, identity(manifest), manifest["shards"])
