"""Studies: every member of a suite turned into evidence and tidy rows; stored in shards, resumed,
spread over processes.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import platform
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import torch
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from tunebound import synthetic
from tunebound._ground.storage import replacing
from tunebound.theory.engine import tables
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting, find_setting
from tunebound.theory.engine.statement import Theorem, theorems

MANIFEST = "manifest.json"
# work units of one shard: a few seconds, so that progress shows and little is lost on interruption
SHARD_COST = 4e10
SHARD_MEMBERS = 64
PACKAGES = ("tunebound", "numpy", "scipy", "torch", "cvxpy", "pandas", "pyarrow")


@dataclass(frozen=True)
class Results:
    """The tidy tables of a study.

    Attributes
    ----------
    rows : DataFrame
        One row per (environment, theorem, quantity, steps): design factors, measured, bound, excess
        (measured − bound − resolution, the worst over samples), resolution, worst, worst_measured,
        worst_bound, provenance, maximum.
    environments : DataFrame
        One row per environment: design factors, constants and certificates.
    skipped : DataFrame
        One row per (environment, theorem) whose assumption failed, with the assumption.
    """

    rows: pd.DataFrame
    environments: pd.DataFrame
    skipped: pd.DataFrame


TABLES = tuple(Results.__dataclass_fields__)


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
        _check_directory(directory, {**self.manifest(), "shards": len(shards)})
        missing = missing_shards(directory, len(shards))
        todo = sum(len(shards[number]) for number in missing)
        parts = self.manifest()["parts"]
        chosen = ", ".join(f"{name}={value}" for name, value in asdict(options).items())
        lines = [
            f"setting {setting.name}: {setting.summary}",
            f"suite {self.suite}, seed {self.seed}: {len(suite.specifications)} members, from"
            f" {suite.specifications[0].name} to {suite.specifications[-1].name}",
            f"options: {chosen}",
            f"theorems: {', '.join(theorems(self.setting)) or 'none'}",
            *([f"made of: {', '.join(parts)}"] if parts else []),
            f"directory {directory}: {len(missing)} of {len(shards)} shards ({todo} members) to"
            " compute",
        ]
        return "\n".join(lines)

    def manifest(self) -> dict[str, Any]:
        """What the tables depend on, in values that JSON can hold: two studies are the same where
        these are.
        """
        setting, options, suite = self.resolved()
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
            "digest": hashlib.sha256(described.encode()).hexdigest(),
        }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(values))


def checked_options(setting: Setting, values: Mapping[str, Any] | None) -> Options:
    """Defaults of the setting, overridden by the values, checked."""
    options = setting.options.of(values, setting=setting.name)
    setting.check(options)
    return options


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
    _claim_directory(target, {**study.manifest(), "shards": len(shards)})
    missing = missing_shards(target, len(shards))
    tasks = (
        joblib.delayed(_store_shard)(setting, suite, shards[number], options, known, target, number)
        for number in missing
    )
    todo = sum(len(shards[number]) for number in missing)
    with tqdm(
        total=todo, desc=f"{study.suite} suite", unit="set", delay=2, disable=None
    ) as progress:
        for finished in _parallel(tasks, jobs, len(missing)):
            progress.update(finished)
    return load(target)


def missing_shards(directory: Path, count: int) -> list[int]:
    """Which of so many shards a directory does not hold yet."""
    return [number for number in range(count) if not _shard(directory, TABLES[-1], number).exists()]


def study(
    sets: Any = "smoke",
    *,
    setting: str = "head",
    known: Iterable[Theorem] | None = None,
    seed: int = 0,
    jobs: int | None = None,
    **options: Any,
) -> Results:
    """Compute the tables of a suite, or of environments of one's own, in memory.

    Parameters
    ----------
    sets : str, Suite or sequence of environments
        A suite's name, a suite, or for example a list of `SeparableDataset`.
    setting : str
        Name of the setting that they belong to.
    known : iterable of Theorem, optional
        The theorems to test; all of the setting by default.
    seed : int
        Of a suite given by name.
    jobs : int, optional
        Processes; all cores by default. Results do not depend on it.
    **options
        Options of the setting.

    Returns
    -------
    Results

    Raises
    ------
    ValueError
        For unknown names or options out of range; before any work.
    """
    chosen = find_setting(setting)
    checked = checked_options(chosen, options)
    members = suite_of(sets, chosen, seed, checked)
    tested = theorems(setting).values() if known is None else known
    return examine_members(chosen, members, checked, list(tested), jobs)


@dataclass(frozen=True)
class _Members:
    """Environments in memory, in the shape of a suite."""

    specifications: tuple[Any, ...]

    def __getitem__(self, index: int) -> Any:
        return self.specifications[index]


def suite_of(sets: Any, setting: Setting, seed: int, options: Options) -> Any:
    """A suite by its name, a suite itself, or environments in the shape of one."""
    if isinstance(sets, str):
        return setting.suite(sets, seed, options)
    if hasattr(sets, "specifications"):
        return sets
    chosen = tuple(sets) if isinstance(sets, (list, tuple)) else (sets,)
    if not chosen:
        raise ValueError(
            "suite is empty; pass a suite's name or at least one environment of the setting"
            f" {setting.name!r}"
        )
    return _Members(chosen)


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


def examine(
    setting: Setting,
    members: Sequence[Any],
    options: Options,
    known: Iterable[Theorem],
    numbers: Sequence[int],
    specifications: Sequence[Any],
) -> Results:
    """The tables of some members of one batch key, computed here and now; `numbers` are theirs in
    the suite.
    """
    rows, environments, skipped = [], [], []
    known = tuple(known)
    for number, specification, evidence in zip(
        numbers, specifications, setting.evidence(members, specifications, options), strict=True
    ):
        columns = evidence.columns()
        key = {
            tables.MEMBER: number,
            tables.ENVIRONMENT: getattr(specification, "name", f"given-{number}"),
        }
        environments.append({**key, **columns})
        factors = {name: columns[name] for name in (*setting.factors, *setting.stands_for)}
        for theorem in known:
            failed = [each.statement for each in theorem.assumptions if not each.check(evidence)]
            if failed:
                skipped.append({**key, tables.THEOREM: theorem.name, tables.ASSUMPTION: failed[0]})
                continue
            for claim in theorem.claims(evidence):
                maximum = theorem.maximum if claim.maximum is None else claim.maximum
                rows += [
                    {**key, **factors, tables.THEOREM: theorem.name, **row, tables.MAXIMUM: maximum}
                    for row in claim.rows()
                ]
    return Results(
        pd.DataFrame(rows),
        pd.DataFrame(environments),
        pd.DataFrame(
            skipped, columns=[tables.MEMBER, tables.ENVIRONMENT, tables.THEOREM, tables.ASSUMPTION]
        ),
    )


def examine_members(
    setting: Setting,
    suite: Any,
    options: Options,
    known: Sequence[Theorem],
    jobs: int | None = None,
) -> Results:
    """The tables of a whole suite, in memory."""
    shards = plan(suite.specifications, setting, options)
    tasks = (
        joblib.delayed(_shard_tables)(setting, suite, shard, options, known) for shard in shards
    )
    parts = []
    with tqdm(
        total=len(suite.specifications), desc="verifying", unit="set", delay=2, disable=None
    ) as progress:
        for part in _parallel(tasks, jobs, len(shards)):
            parts.append(part)
            progress.update(len(part.environments))
    return concatenate(parts)


def concatenate(parts: Sequence[Results]) -> Results:
    """One set of tables out of several, in the order of the members."""
    joined = {}
    for table in TABLES:
        frames = [frame for part in parts if len(frame := getattr(part, table))]
        frame = pd.concat(frames, ignore_index=True) if frames else getattr(parts[0], table)
        joined[table] = (
            frame.sort_values(tables.MEMBER, kind="stable", ignore_index=True)
            if len(frame)
            else frame
        )
    return Results(**joined)


def plan(specifications: Sequence[Any], setting: Setting, options: Options) -> list[list[int]]:
    """Member numbers of each shard: equal batch keys together, bounded work, the most expensive
    first.
    """
    groups: dict[Any, list[int]] = defaultdict(list)
    for number, specification in enumerate(specifications):
        groups[setting.batch_key(specification)].append(number)
    shards, costs = [], []
    for members in groups.values():
        each = max(setting.cost(specifications[number], options) for number in members)
        together = max(1, min(SHARD_MEMBERS, int(SHARD_COST // each) if each < SHARD_COST else 1))
        for first in range(0, len(members), together):
            shards.append(members[first : first + together])
            costs.append(each * len(shards[-1]))
    order = sorted(range(len(shards)), key=lambda shard: -costs[shard])
    return [shards[shard] for shard in order]


def _parallel(tasks: Iterable[Any], jobs: int | None, count: int) -> Iterable[Any]:
    workers = min(jobs or joblib.cpu_count(), max(count, 1))
    if workers == 1:
        return (function(*args, **kwargs) for function, args, kwargs in tasks)
    return joblib.Parallel(n_jobs=workers, return_as="generator_unordered")(tasks)


def _shard_tables(
    setting: Setting,
    suite: Any,
    shard: Sequence[int],
    options: Options,
    known: Sequence[Theorem],
) -> Results:
    members = [suite[number] for number in shard]
    # One thread: the processes share the cores, and sums keep one order whatever the machine.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    said = io.StringIO()
    try:
        # The study has a bar of its own; those of the computations, which see no terminal here,
        # would run through it.
        with threadpool_limits(1), contextlib.redirect_stderr(said):
            return examine(
                setting,
                members,
                options,
                known,
                shard,
                [suite.specifications[number] for number in shard],
            )
    finally:
        torch.set_num_threads(threads)
        sys.stderr.write(said.getvalue())


def _store_shard(
    setting: Setting,
    suite: Any,
    shard: Sequence[int],
    options: Options,
    known: Sequence[Theorem],
    target: Path,
    number: int,
) -> int:
    results = _shard_tables(setting, suite, shard, options, known)
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
