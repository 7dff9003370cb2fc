"""Studies in directories: a manifest, shards of tables, continued where they were interrupted."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tunebound import synthetic
from tunebound._ground.checks import whole_number
from tunebound._ground.storage import sweep
from tunebound.theory.engine.computing import (
    Results,
    checked_options,
    concatenate,
    plan,
    shard_tables,
)
from tunebound.theory.engine.manifests import (
    MANY,
    check_directory,
    claim_directory,
    compare_versions,
    identity,
    read_manifest,
)
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting, find_setting
from tunebound.theory.engine.shards import FOLDERS, Shards, some
from tunebound.theory.engine.statement import Theorem, theorems
from tunebound.theory.engine.workers import cluster, in_processes

logger = logging.getLogger(__name__)


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

    def tested(self) -> tuple[Theorem, ...]:
        """The theorems to compute, in the order of registration."""
        return tuple(theorems(self.setting).values())

    def summary(self, directory: Path) -> str:
        """What `run` would compute into a directory, in words; raises where it would refuse."""
        setting, options, suite = self.resolved()
        shards = plan(suite.specifications, setting, options)
        manifest = self._manifest(setting, options, suite, shards)
        check_directory(directory, manifest)
        stored = shards_in(directory, manifest)
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
    ChildProcessError
        If a process of this machine is killed, as happens where memory is short.
    """
    compute(study, directory, jobs=jobs, backend=backend, address=address)
    return load(directory)


def compute(
    study: Study,
    directory: str | os.PathLike[str],
    *,
    share: tuple[int, int] = (1, 1),
    jobs: int | None = None,
    backend: str | None = None,
    address: str | None = None,
) -> int:
    """Compute a share of a study into a directory and say how many shards are still missing there.

    The shares of one study can be computed at the same time, on any machines, into one directory
    that they see, or into several, which `merge` unites. The tables are those of `run`.

    Parameters
    ----------
    study, directory, jobs, backend, address
        As in `run`, which also says what is raised.
    share : tuple of int
        (i, N): the i-th of N shares, counted from 1.

    Returns
    -------
    int
        0 where the study is finished and `load` reads it.
    """
    parts = whole_number("number of shares", share[1], low=1, high=MANY)
    part = whole_number("number of the share", share[0], low=1, high=parts)
    setting, options, suite = study.resolved()
    if not os.fspath(directory):
        raise ValueError("directory is empty text; name the directory of the study")
    target = Path(directory)
    known = study.tested()
    plans = plan(suite.specifications, setting, options)
    manifest = study._manifest(setting, options, suite, plans)
    claim_directory(target, manifest)
    for folder in (target, *(target / name for name in FOLDERS)):
        sweep(folder)
    shards = shards_in(target, manifest)
    # the dearest come first, so that every share has some of them
    mine = range(part - 1, len(plans), parts)
    damaged = {number: names for number, names in shards.damaged().items() if number in mine}
    if damaged:
        logger.warning(
            "%s: %s: not what this study wrote; computed again", target, some([*damaged.values()])
        )
    missing = shards.missing()
    unfinished = [number for number in mine if number in missing or number in damaged]
    if unfinished and len(missing) < len(plans):
        compare_versions(target, manifest)
    calls = [(setting, suite, plans[number], options, known) for number in unfinished]
    asked = sum(len(plans[number]) for number in mine)
    with (
        tqdm(
            total=asked,
            initial=asked - sum(len(plans[number]) for number in unfinished),
            desc=f"{study.suite} suite",
            unit="set",
            delay=2,
            disable=None,
        ) as progress,
        cluster(backend, address),
    ):
        for call, tables in in_processes(shard_tables, calls, jobs):
            shards.store(unfinished[call], tables)
            progress.update(len(plans[unfinished[call]]))
    return len(shards.missing())


def load(directory: str | os.PathLike[str]) -> Results:
    """The tables of a finished study, held against their checksums.

    Raises
    ------
    FileNotFoundError
        If the directory holds no study.
    ValueError
        If the study in it is unfinished or damaged; running it again continues or mends it.
    """
    target = Path(directory)
    shards = shards_in(target, read_manifest(target))
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


def shards_in(directory: Path, manifest: Mapping[str, Any]) -> Shards:
    """The shards of the study of that manifest in a directory."""
    return Shards(directory, identity(manifest), manifest["shards"])
