"""Studies in directories: a manifest, shards of tables, continued where they were interrupted."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from tunebound import synthetic
from tunebound._ground.checks import instance, path, whole_number
from tunebound._ground.storage import is_partial, replacing, sweep
from tunebound.theory.engine.computing import (
    Results,
    checked_options,
    concatenate,
    plan,
    shard_tables,
)
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting, find_setting
from tunebound.theory.engine.shards import FOLDERS, Shards, some
from tunebound.theory.engine.statement import theorems
from tunebound.theory.engine.workers import PACKAGES, cluster, in_processes, versions

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
# in every manifest: what is asked for, what that makes, and what is noted for the record
ASKED = ("setting", "suite", "seed", "options", "theorems", "parts")
MADE = ("members", "draws", "digest", "shards")
NOTED = ("started", "machine", "versions")
MANY = 10**7  # more shards than any study has


@dataclass(frozen=True)
class Study:
    """What to compute; results depend on this alone.

    Attributes
    ----------
    setting : str
        Name of a setting, for example "head".
    suite : str
    seed : int
    options : mapping
        Options of the setting that differ from its defaults.
    """

    setting: str = "head"
    suite: str = "standard"
    seed: int = 0
    options: Mapping[str, Any] | None = None

    def resolved(self) -> tuple[Setting, Options, synthetic.Suite]:
        """The setting, all options and the lazy suite; raises on what is unknown or out of
        range.
        """
        setting = find_setting(self.setting)
        options = checked_options(setting, self.options)
        return setting, options, setting.suite(self.suite, self.seed, options)

    def summary(self, directory: Path) -> str:
        """What `run` would compute into a directory, in words; raises where it would refuse."""
        setting, options, suite = self.resolved()
        shards = plan(suite.specifications, setting, options)
        manifest = self._manifest(setting, options, suite, shards)
        _check_directory(directory, manifest)
        stored = _shards(directory, manifest)
        missing = [*stored.missing(), *stored.damaged()]
        todo = sum(len(shards[number]) for number in missing)
        chosen = ", ".join(f"{name}={value}" for name, value in asdict(options).items())
        lines = [
            f"setting {setting.name}: {setting.summary}",
            f"suite {self.suite}, seed {self.seed}: {len(suite.specifications)} members"
            f" ({manifest['draws']} independent draws), from"
            f" {suite.specifications[0].name} to {suite.specifications[-1].name}",
            f"options: {chosen}",
            f"theorems: {', '.join(manifest['theorems']) or 'none'}",
            *([f"made of: {', '.join(manifest['parts'])}"] if manifest["parts"] else []),
            f"directory {directory}: {len(missing)} of {len(shards)} shards ({todo} members) to"
            " compute",
        ]
        return "\n".join(lines)

    def manifest(self) -> dict[str, Any]:
        """What the tables depend on, in values that JSON can hold: two studies are the same where
        these are.
        """
        setting, options, suite = self.resolved()
        shards = plan(suite.specifications, setting, options)
        return self._manifest(setting, options, suite, shards)

    def _manifest(
        self,
        setting: Setting,
        options: Options,
        suite: synthetic.Suite,
        shards: Sequence[Sequence[int]],
    ) -> dict[str, Any]:
        parts: dict[str, str] = {}
        for source in suite.specifications:
            parts |= setting.parts(source)
        described = "\n".join(map(repr, suite.specifications))
        return {
            "setting": self.setting,
            "suite": self.suite,
            "seed": self.seed,
            "options": _plain(asdict(options)),
            "theorems": list(theorems(self.setting)),
            "parts": parts,
            "members": len(suite.specifications),
            "draws": len({setting.draw(source) for source in suite.specifications}),
            "digest": hashlib.sha256(described.encode()).hexdigest(),
            "shards": len(shards),
        }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(values))


def run(
    study: Study,
    directory: str | os.PathLike[str],
    *,
    jobs: int | None = None,
    backend: str | None = None,
    address: str | None = None,
) -> Results:
    """Compute a study into a directory, or continue one that was interrupted there.

    Parameters
    ----------
    study : Study
    directory : path
        Created where it does not exist. Holds `manifest.json`, one folder of Parquet shards a
        table, and the checksums of each shard. A shard that is not what was written is computed
        again, and named in a warning of the log.
    jobs : int, optional
        Processes; all cores, or all workers of a cluster, by default. Results do not depend on it.
    backend : "dask", optional
        Compute on a cluster instead; tables travel back, so that no file system has to be shared.
        Inside a `joblib.parallel_config` its backend is used without being named here.
    address : str, optional
        Of the cluster's scheduler, for example "tcp://10.0.0.1:8786".

    Returns
    -------
    Results

    Raises
    ------
    ValueError
        If the directory holds another study, or the study asks for something unknown; before any
        work.
    ImportError
        If the backend is not installed.
    ConnectionError
        If no scheduler answers, it has no workers, or a worker has other versions of what results
        depend on; the worker is named.
    """
    instance("study", study, Study, remedy="pass a theory.Study")
    setting, options, suite = study.resolved()
    target = path("directory", directory)
    known = tuple(theorems(study.setting).values())
    plans = plan(suite.specifications, setting, options)
    manifest = study._manifest(setting, options, suite, plans)
    _claim_directory(target, manifest)
    for folder in (target, *(target / name for name in FOLDERS)):
        sweep(folder)
    shards = _shards(target, manifest)
    damaged = shards.damaged()
    if damaged:
        logger.warning(
            "%s: %s: not what this study wrote; computed again", target, some([*damaged.values()])
        )
    unfinished = [*shards.missing(), *damaged]
    if unfinished and len(unfinished) < len(plans):
        _compare_versions(target, manifest)
    calls = [(setting, suite, plans[number], options, known) for number in unfinished]
    todo = sum(len(plans[number]) for number in unfinished)
    with (
        tqdm(
            total=todo, desc=f"{study.suite} suite", unit="set", delay=2, disable=None
        ) as progress,
        cluster(backend, address),
    ):
        for call, tables in in_processes(shard_tables, calls, jobs):
            shards.store(unfinished[call], tables)
            progress.update(len(plans[unfinished[call]]))
    return load(target)


def load(directory: str | os.PathLike[str]) -> Results:
    """The tables of a finished study, held against their checksums.

    Raises
    ------
    FileNotFoundError
        If the directory holds no study.
    ValueError
        If the study in it is unfinished or damaged; running it again continues or mends it.
    """
    target = path("directory", directory)
    shards = _shards(target, read_manifest(target))
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
    return concatenate([shards.read(number) for number in range(shards.count)])


def _shards(directory: Path, manifest: Mapping[str, Any]) -> Shards:
    depended_on = {key: manifest[key] for key in (*ASKED, *MADE)}
    identity = hashlib.sha256(json.dumps(depended_on, sort_keys=True).encode()).hexdigest()
    return Shards(directory, identity, manifest["shards"])


def read_manifest(directory: str | os.PathLike[str]) -> dict[str, Any]:
    """What a run directory says of itself.

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
            f"directory {str(directory)!r} holds no study (no {MANIFEST}); make one with `tunebound"
            f" run --output {directory}`"
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
    whole_number(f"{path}: shards", stored["shards"], low=1, high=MANY, remedy=remedy)
    return stored


def _check_directory(target: Path, manifest: dict[str, Any]) -> None:
    """Refuse a directory that holds anything but this study, or a part of it."""
    if target.exists() and not target.is_dir():
        raise ValueError(f"output {target} is a file; name a directory")
    if (target / MANIFEST).exists():
        there = read_manifest(target)
        differing = [key for key in manifest if there.get(key) != manifest[key]]
        if differing:
            raise ValueError(
                f"output {target} holds another study (its {', '.join(differing)} differ); choose"
                " another directory or delete it"
            )
    elif target.is_dir() and not all(map(_left_behind, target.iterdir())):
        raise ValueError(
            f"output {target} is not empty and holds no study; choose another directory"
        )


def _left_behind(path: Path) -> bool:
    """Whether it is what a run that was killed before its first shard leaves."""
    if path.is_dir():
        return path.name in FOLDERS and not any(path.iterdir())
    return is_partial(path) and path.name.startswith(f".{MANIFEST}.")


def _claim_directory(target: Path, manifest: dict[str, Any]) -> None:
    _check_directory(target, manifest)
    if (target / MANIFEST).exists():
        return
    target.mkdir(parents=True, exist_ok=True)
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
    with replacing(target / MANIFEST) as partial:
        partial.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def _compare_versions(target: Path, manifest: Mapping[str, Any]) -> None:
    """Say where a study goes on under other versions than it was begun with."""
    begun, now = read_manifest(target)["versions"], _versions(manifest)
    changed = [
        f"{name} {begun.get(name)} -> {now.get(name)}"
        for name in sorted({*begun, *now})
        if begun.get(name) != now.get(name)
    ]
    if changed:
        logger.warning(
            "%s: the study goes on under other versions than it was begun with (%s)",
            target,
            ", ".join(changed),
        )


def _versions(manifest: Mapping[str, Any]) -> dict[str, str]:
    return versions((*PACKAGES, *_sources(manifest["parts"])))


def _sources(parts: Mapping[str, str]) -> list[str]:
    """Installed packages that the parts come from, other than this one."""
    known = packages_distributions()
    top = {module.partition(".")[0] for module in parts.values()} - {"tunebound"}
    return sorted({package for name in top for package in known.get(name, ())})
