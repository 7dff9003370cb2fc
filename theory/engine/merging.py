"""Shards of one study, computed into several directories, brought together."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tunebound._ground.checks import path, sequence
from tunebound._ground.storage import copy_file, sweep
from tunebound.theory.engine.loading import shards_in
from tunebound.theory.engine.manifests import (
    KEPT,
    MANIFEST,
    NOTED,
    changes,
    check_directory,
    read_manifest,
)
from tunebound.theory.engine.members import adopt
from tunebound.theory.engine.shards import FOLDERS, Shards, some

logger = logging.getLogger(__name__)


def merge(directories: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str]) -> int:
    """Bring the finished shards of one study together in one directory.

    The tables are those of the study made in one go, byte for byte, as long as the packages were
    the same; where their versions differ the log has a warning. Nothing is written before all
    shards were held against their checksums.

    Parameters
    ----------
    directories : sequence of paths
        Studies that `run` or `compute` wrote; none of them has to be finished.
    output : path
        Directory of the united study. May hold a part of it already, and be one of the directories.

    Returns
    -------
    int
        How many shards are still missing; `compute` continues there.

    Raises
    ------
    FileNotFoundError
        If a directory holds no study.
    ValueError
        If none is named, they hold different studies, a shard is damaged, or two directories hold
        different tables of one shard; the message has the names.
    """
    named = sequence("directories", directories, of="paths")
    if not named:
        raise ValueError("directories is empty; name at least one directory of a study")
    target = path("output", output)
    paths = list(dict.fromkeys(path(f"directories[{i}]", each) for i, each in enumerate(named)))
    manifest = _of_all(paths)
    check_directory(target, {key: manifest[key] for key in manifest if key not in NOTED})
    if (target / MANIFEST).exists() and target not in paths:
        paths.insert(0, target)
    holders = _holders([shards_in(place, manifest) for place in paths])
    target.mkdir(parents=True, exist_ok=True)
    for folder in (target, *(target / name for name in FOLDERS)):
        sweep(folder)
    if not (target / MANIFEST).exists():
        copy_file(paths[0] / MANIFEST, target / MANIFEST)
    if manifest.get(KEPT):
        adopt(paths[0], target)
    united = shards_in(target, manifest)
    for number, source in tqdm(
        holders.items(), desc="merging", unit="shard", delay=2, disable=None
    ):
        if source.directory != target:
            united.adopt(number, source)
    return len(united.missing())


def _of_all(paths: Sequence[Path]) -> dict[str, Any]:
    """The manifest of the first directory, whose study the others hold too."""
    first = read_manifest(paths[0], argument="directories:")
    for place in paths[1:]:
        other = read_manifest(place, argument="directories:")
        keys = [key for key in {**first, **other} if key not in NOTED]
        differing = [key for key in keys if first.get(key) != other.get(key)]
        if differing:
            raise ValueError(
                f"{place} holds another study than {paths[0]} (its {', '.join(differing)} differ);"
                " merge directories of one study"
            )
        changed = changes(first["versions"], other["versions"])
        if changed:
            logger.warning(
                "%s was begun under other versions than %s (%s)", place, paths[0], changed
            )
    return first


def _holders(sources: Sequence[Shards]) -> dict[int, Shards]:
    """For every finished shard the first directory that has it; refused where another differs."""
    holders: dict[int, Shards] = {}
    for source in tqdm(sources, desc="checking", unit="directory", delay=2, disable=None):
        damaged = source.damaged()
        if damaged:
            raise ValueError(
                f"{source.directory}: {some([*damaged.values()])}: not what this study wrote;"
                " `tunebound run` with the same options and output computes it again"
            )
        for number in sorted(set(range(source.count)) - set(source.missing())):
            first = holders.setdefault(number, source)
            differing = first.differing(number, source)
            if differing:
                raise ValueError(
                    f"{first.directory} and {source.directory} differ in {some(differing)}, which"
                    " are of the same sets: they were computed by different versions or on machines"
                    " that round differently; keep one of the two"
                )
    return holders
