"""Studies in directories: a manifest, shards of tables, continued where they were interrupted."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import torch
from tqdm import tqdm

from tunebound import synthetic
from tunebound._ground.storage import replacing
from tunebound.theory.engine.computing import (
    TABLES,
    Results,
    checked_options,
    concatenate,
    in_processes,
    plan,
    shard_tables,
)
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting, find_setting
from tunebound.theory.engine.statement import Theorem, theorems

MANIFEST = "manifest.json"
PACKAGES = ("tunebound", "numpy", "scipy", "torch", "cvxpy", "pandas", "pyarrow")


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
        missing = missing_shards(directory, len(shards))
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


def run(study: Study, directory: str | os.PathLike[str], *, jobs: int | None = None) -> Results:
    """Compute a study into a directory, or continue one that was interrupted there.

    Parameters
    ----------
    study : Study
    directory : path
        Created where it does not exist. Holds `manifest.json` and one folder of Parquet shards a
        table; a shard is complete or absent.
    jobs : int, optional
        Processes; all cores by default. Results do not depend on it.

    Returns
    -------
    Results

    Raises
    ------
    ValueError
        If the directory holds another study, or the study asks for something unknown; before any
        work.
    """
    setting, options, suite = study.resolved()
    target = Path(directory)
    known = tuple(theorems(study.setting).values())
    shards = plan(suite.specifications, setting, options)
    _claim_directory(target, study._manifest(setting, options, suite, shards))
    missing = missing_shards(target, len(shards))
    tasks = (
        joblib.delayed(_store_shard)(setting, suite, shards[number], options, known, target, number)
        for number in missing
    )
    todo = sum(len(shards[number]) for number in missing)
    with tqdm(
        total=todo, desc=f"{study.suite} suite", unit="set", delay=2, disable=None
    ) as progress:
        for finished in in_processes(tasks, jobs, len(missing)):
            progress.update(finished)
    return load(target)


def missing_shards(directory: Path, count: int) -> list[int]:
    """Which of so many shards a directory does not hold yet."""
    return [number for number in range(count) if not _shard(directory, TABLES[-1], number).exists()]


def load(directory: str | os.PathLike[str]) -> Results:
    """The tables of a finished study.

    Raises
    ------
    FileNotFoundError
        If the directory holds no study.
    ValueError
        If the study in it is unfinished; running it again continues it.
    """
    target = Path(directory)
    manifest = read_manifest(target)
    count = manifest["shards"]
    missing = missing_shards(target, count)
    if missing:
        raise ValueError(
            f"{target}: {len(missing)} of {count} shards are missing; `tunebound run` with the same"
            " options continues the study"
        )
    return concatenate(
        [
            Results(*(pd.read_parquet(_shard(target, table, number)) for table in TABLES))
            for number in range(count)
        ]
    )


def read_manifest(directory: str | os.PathLike[str]) -> dict[str, Any]:
    """What a run directory says of itself."""
    path = Path(directory) / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            f"{directory} holds no study (no {MANIFEST}); make one with `tunebound run --output"
            f" {directory}`"
        )
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path} is not readable as JSON ({error}); delete the directory and run the study"
            " again"
        ) from error


def _store_shard(
    setting: Setting,
    suite: Any,
    shard: Sequence[int],
    options: Options,
    known: Sequence[Theorem],
    target: Path,
    number: int,
) -> int:
    results = shard_tables(setting, suite, shard, options, known)
    for table in TABLES:
        with replacing(_shard(target, table, number)) as partial:
            getattr(results, table).to_parquet(partial, index=False)
    return len(shard)


def _shard(target: Path, table: str, number: int) -> Path:
    return target / table / f"{number:05d}.parquet"


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
    elif target.is_dir() and any(target.iterdir()):
        raise ValueError(
            f"output {target} is not empty and holds no study; choose another directory"
        )


def _claim_directory(target: Path, manifest: dict[str, Any]) -> None:
    _check_directory(target, manifest)
    if (target / MANIFEST).exists():
        return
    for table in TABLES:
        (target / table).mkdir(parents=True, exist_ok=True)
    about = {
        **manifest,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "python": platform.python_version(),
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        },
        "versions": {name: _version(name) for name in (*PACKAGES, *_sources(manifest["parts"]))},
    }
    with replacing(target / MANIFEST) as partial:
        partial.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def _sources(parts: Mapping[str, str]) -> list[str]:
    """Installed packages that the parts come from, other than this one."""
    known = packages_distributions()
    top = {module.partition(".")[0] for module in parts.values()} - {"tunebound"}
    return sorted({package for name in top for package in known.get(name, ())})


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
