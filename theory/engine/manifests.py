"""The manifest of a study: what its tables depend on, and who may write into its directory."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from tunebound import synthetic
from tunebound._ground.checks import whole_number
from tunebound._ground.storage import is_partial, write_text
from tunebound.theory.engine.members import FOLDER, HandedOver, Kept, Members, content
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting
from tunebound.theory.engine.shards import FOLDERS
from tunebound.theory.engine.workers import PACKAGES, versions

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
# in every manifest: what is asked for, what that makes, and what is noted for the record
ASKED = ("setting", "suite", "seed", "options", "theorems", "parts")
MADE = ("members", "draws", "digest", "shards")
NOTED = ("started", "machine", "versions")
# in that of a grid: its design, and what is impossible of it
GRID, LEFT_OUT = "grid", "left_out"
# true where the members cannot be made again and are kept in files
KEPT = "kept"
SHORT = 60  # characters of two values that a message can hold
MANY = 10**7  # more members, and so more shards, than any study has


def described(
    setting: Setting,
    options: Options,
    members: Members,
    theorems: Sequence[str],
    shards: int,
    *,
    named: bool,
) -> dict[str, Any]:
    """What the tables depend on, in values that JSON can hold; `named`: whether the members are a
    suite that is made again from its name.
    """
    sources = members.specifications
    handed_over = isinstance(members, HandedOver)
    parts: dict[str, str] = {}
    if handed_over:
        digest = content(setting, sources)
    else:
        digest = hashlib.sha256("\n".join(map(repr, sources)).encode()).hexdigest()
        for source in sources:
            parts |= setting.parts(source)
    manifest = {
        "setting": setting.name,
        "suite": members.name,
        "seed": None if isinstance(members, HandedOver) else members.seed,
        "options": json.loads(json.dumps(asdict(options))),
        "theorems": list(theorems),
        "parts": parts,
        "members": len(sources),
        "draws": 0 if handed_over else len({setting.draw(source) for source in sources}),
        "digest": digest,
        "shards": shards,
    }
    if isinstance(members, synthetic.Grid):
        return manifest | {GRID: dict(members.design), LEFT_OUT: dict(members.left_out)}
    return manifest if named else manifest | {KEPT: True}


def population(manifest: Mapping[str, Any]) -> str:
    """What a study is made over, in words."""
    name = manifest["suite"]
    if GRID in manifest:
        return f"the grid {name}"
    return str(name) if name == HandedOver.name else f"the {name} suite"


def members_again(
    directory: Path, manifest: Mapping[str, Any], setting: Setting
) -> synthetic.Suite[Any] | Kept:
    """The members of a study in its directory, each made or read when it is asked for."""
    if GRID in manifest:
        return synthetic.make_grid(**manifest[GRID], name=manifest["suite"])
    if manifest.get(KEPT):
        return Kept(setting, directory)
    options = setting.options.of(manifest["options"], setting=setting.name)
    return setting.suite(manifest["suite"], manifest["seed"], options)


def identity(manifest: Mapping[str, Any]) -> str:
    """What tells a study from others, in hexadecimal digits."""
    depended_on = {key: manifest[key] for key in (*ASKED, *MADE)}
    return hashlib.sha256(json.dumps(depended_on, sort_keys=True).encode()).hexdigest()


def read_manifest(
    directory: str | os.PathLike[str], *, argument: str = "directory"
) -> dict[str, Any]:
    """What a run directory says of itself; `argument` is what errors call it.

    Raises
    ------
    FileNotFoundError
        If the directory holds no study.
    ValueError, TypeError
        If its manifest is damaged.
    """
    path = Path(directory) / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            f"{argument} {directory} holds no study (no {MANIFEST}); make one with `tunebound run"
            f" --output {directory}`"
        )
    remedy = "delete the directory and run the study again"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not readable as JSON ({error}); {remedy}") from error
    lacking = [
        key for key in (*ASKED, *MADE, *NOTED) if not isinstance(stored, dict) or key not in stored
    ]
    if lacking:
        raise ValueError(f"{path} lacks {', '.join(lacking)}: it is no manifest; {remedy}")
    for key in ("members", "shards"):
        whole_number(f"{path}: {key}", stored[key], low=1, high=MANY, remedy=remedy)
    return stored


def check_directory(target: Path, manifest: dict[str, Any]) -> None:
    """Refuse a directory that holds anything but this study, or a part of it."""
    if target.exists() and not target.is_dir():
        raise ValueError(f"output {target} is a file; name a directory")
    # looked at before the manifest, which a process beside this one may write in between
    strange = target.is_dir() and not all(map(_left_behind, target.iterdir()))
    if (target / MANIFEST).exists():
        there = read_manifest(target)
        differing = [key for key in manifest if there.get(key) != manifest[key]]
        if differing:
            other = population(there)
            of = f", of {other}" if other != population(manifest) else ""
            # the digest of other specifications says nothing to people
            told = [key for key in differing if key != "digest"] or differing
            what = "; ".join(_difference(key, there.get(key), manifest[key]) for key in told)
            raise ValueError(
                f"output {target} holds another study{of} (there and here differ: {what}); choose"
                " another directory or delete it"
            )
    elif strange:
        raise ValueError(
            f"output {target} is not empty and holds no study; choose another directory"
        )


def _difference(key: str, there: object, here: object) -> str:
    """One entry of two manifests, with its values where they are short."""
    if isinstance(there, dict) and isinstance(here, dict):
        names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
        return "; ".join(
            _difference(f"{key} {name}", there.get(name), here.get(name)) for name in names
        )
    values = f"{there!r} and {here!r}"
    return f"{key}, {values}" if len(values) <= SHORT else key


def _left_behind(path: Path) -> bool:
    """Whether it is what a run that was killed before its first shard leaves."""
    if path.is_dir():
        return path.name in (*FOLDERS, FOLDER) and not any(path.iterdir())
    return is_partial(path) and path.name.startswith(f".{MANIFEST}.")


def claim_directory(target: Path, manifest: dict[str, Any]) -> None:
    """Make the directory of a study, or see that it is its own."""
    check_directory(target, manifest)
    if (target / MANIFEST).exists():
        return
    target.mkdir(parents=True, exist_ok=True)
    import torch  # what reads tables alone does not wait for it

    about = {
        **manifest,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "python": platform.python_version(),
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        },
        "versions": _versions(manifest),
    }
    write_text(target / MANIFEST, json.dumps(about, indent=2) + "\n")


def compare_versions(target: Path, manifest: Mapping[str, Any]) -> None:
    """Say where a study goes on under other versions than it was begun with."""
    changed = changes(read_manifest(target)["versions"], _versions(manifest))
    if changed:
        logger.warning(
            "%s: the study goes on under other versions than it was begun with (%s)",
            target,
            changed,
        )


def changes(first: Mapping[str, str], second: Mapping[str, str]) -> str:
    """The versions that are not the same, as text; empty where all are."""
    return ", ".join(
        f"{name} {first.get(name)} -> {second.get(name)}"
        for name in sorted({*first, *second})
        if first.get(name) != second.get(name)
    )


def _versions(manifest: Mapping[str, Any]) -> dict[str, str]:
    return versions((*PACKAGES, *_sources(manifest["parts"])))


def _sources(parts: Mapping[str, str]) -> list[str]:
    """Installed packages that the parts come from, other than this one."""
    top = {module.partition(".")[0] for module in parts.values()} - {"tunebound"}
    # it reads what every installed package says of itself
    known = packages_distributions() if top else {}
    return sorted({package for name in top for package in known.get(name, ())})
