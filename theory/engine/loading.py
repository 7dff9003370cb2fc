"""The tables of a study read from its directory, whole or in part."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tunebound._ground.checks import path, sequence, shown, whole_number
from tunebound._ground.registry import find_named
from tunebound.theory.engine.commands import continuing
from tunebound.theory.engine.computing import Results, concatenate, of_members
from tunebound.theory.engine.manifests import identity, read_manifest
from tunebound.theory.engine.shards import Shards, some


def load(
    directory: str | os.PathLike[str],
    *,
    theorems: str | Sequence[str] | None = None,
    columns: str | Sequence[str] | None = None,
    members: tuple[int, int] | None = None,
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
    members : tuple of int, optional
        (a, b): read the members a, …, b − 1 alone, numbered from 0; the others may be missing.

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
    missing = shards.missing()
    if missing and members is None:
        raise ValueError(
            f"{target}: {len(missing)} of {shards.count} shards are missing;"
            f" {continuing(target, manifest)} continues the study"
        )
    damaged = shards.damaged()
    if damaged:
        raise ValueError(
            f"{target}: {some([*damaged.values()])}: not what this study wrote;"
            f" {continuing(target, manifest)} computes {len(damaged)} of {shards.count} shards"
            " again"
        )
    numbers = list(range(shards.count))
    if members is not None:
        first, end = member_range(members, manifest["members"])
        numbers = [number for number in numbers if number not in missing]
        remedy = f"{continuing(target, manifest)} continues the study"
        numbers = shards.holding(numbers, range(first, end), remedy=remedy)
    chosen = None
    if columns is not None:
        chosen = _named(
            "columns", "column", columns, dict.fromkeys(sorted(shards.columns(numbers)))
        )
    found = concatenate([shards.read(number, names, chosen) for number in numbers])
    return found if members is None else of_members(found, first, end)


def member_range(members: object, count: int) -> tuple[int, int]:
    """Two whole numbers a < b that name the members a, …, b − 1 of so many; anything else is
    refused.
    """
    pair = sequence("members", members, of="two whole numbers")
    if len(pair) != 2:
        raise ValueError(f"members must be two whole numbers (a, b), got {shown(members)}")
    remedy = f"the members of this study are 0:{count}"
    first = whole_number("members: the first", pair[0], low=0, high=count - 1, remedy=remedy)
    end = whole_number("members: the end", pair[1], low=first + 1, high=count, remedy=remedy)
    return first, end


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
