"""Studies, in memory and in directories, where they continue after an interruption."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tunebound import synthetic
from tunebound._ground.checks import instance, path, sequence, shown, whole_number
from tunebound._ground.storage import sweep
from tunebound.theory.engine.computing import (
    Results,
    checked_options,
    examine_members,
    plan,
    shard_tables,
)
from tunebound.theory.engine.loading import load, member_range, shards_in
from tunebound.theory.engine.manifests import (
    KEPT,
    MANY,
    check_directory,
    claim_directory,
    compare_versions,
    described,
    population,
)
from tunebound.theory.engine.members import Members, keep, members_of, setting_for
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting, find_setting
from tunebound.theory.engine.shards import FOLDERS, some
from tunebound.theory.engine.statement import Theorem, find_theorems, theorems
from tunebound.theory.engine.workers import cluster, in_processes, processes_to_use

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Study:
    """What to compute; results depend on this alone.

    Attributes
    ----------
    setting : str
        Name of a setting, for example "head".
    suite : str, Suite or sequence of environments
        A suite's name, a grid or suite itself, or for example a list of `SeparableDataset`.
    seed : int
        Of a suite given by name.
    options : mapping
        Options of the setting that differ from its defaults.
    theorems : sequence of str or Theorem, optional
        Those to compute, of this setting; all of them by default.
    """

    setting: str = "head"
    suite: Any = "standard"
    seed: int = 0
    options: Mapping[str, Any] | None = None
    theorems: str | Theorem | Sequence[str | Theorem] | None = None

    def resolved(self) -> tuple[Setting, Options, Members]:
        """The setting, all options and the lazy suite; raises on what is unknown or out of
        range.
        """
        setting = find_setting(self.setting)
        options = checked_options(setting, self.options)
        return setting, options, members_of(self.suite, setting, self.seed, options)

    def tested(self) -> tuple[Theorem, ...]:
        """The theorems to compute, in the order of registration."""
        registered = theorems(self.setting)
        if self.theorems is None:
            return tuple(registered.values())
        chosen = {each.name: each for each in find_theorems(self.theorems)}
        setting_for(self.suite, chosen.values(), self.setting)
        return tuple(chosen[name] for name in sorted(chosen, key=[*registered, *chosen].index))

    def summary(
        self,
        directory: Path,
        *,
        share: tuple[int, int] = (1, 1),
        members: tuple[int, int] | None = None,
    ) -> str:
        """What `compute` would compute into a directory, in words; raises where it would refuse."""
        setting, options, suite = self.resolved()
        shards = plan(suite.specifications, setting, options)
        mine = shards_of(shards, share, members)
        manifest = self._manifest(setting, options, suite, len(shards))
        check_directory(directory, manifest)
        stored = shards_in(directory, manifest)
        missing = {*stored.missing(), *stored.damaged()}.intersection(mine)
        todo = sum(len(shards[number]) for number in missing)
        part = "" if len(mine) == len(shards) else f", the part of {len(shards)} that is asked for"
        chosen = ", ".join(f"{name}={value}" for name, value in asdict(options).items())
        seed = "" if manifest["seed"] is None else f", seed {manifest['seed']}"
        lines = [
            f"setting {setting.name}: {setting.summary}",
            str(suite)
            if isinstance(suite, synthetic.Grid)
            else f"{population(manifest)}{seed}: {manifest['members']} members"
            f" ({manifest['draws']} independent draws), from"
            f" {suite.specifications[0].name} to {suite.specifications[-1].name}",
            f"options: {chosen}",
            f"theorems: {', '.join(manifest['theorems']) or 'none'}",
            *([f"made of: {', '.join(manifest['parts'])}"] if manifest["parts"] else []),
            f"directory {directory}: {len(missing)} of {len(mine)} shards ({todo} members) to"
            f" compute{part}",
        ]
        return "\n".join(lines)

    def manifest(self) -> dict[str, Any]:
        """What the tables depend on, in values that JSON can hold: two studies are the same where
        these are.
        """
        setting, options, members = self.resolved()
        shards = plan(members.specifications, setting, options)
        return self._manifest(setting, options, members, len(shards))

    def _manifest(
        self, setting: Setting, options: Options, members: Members, shards: int
    ) -> dict[str, Any]:
        names = [each.name for each in self.tested()]
        for name in names:
            if name not in theorems(self.setting):
                raise ValueError(
                    f"theorem {name!r} is not registered, and a report would not find it; decorate"
                    " its function with @theory.theorem"
                )
        named = isinstance(self.suite, str)
        return described(setting, options, members, names, shards, named=named)


def shards_of(
    plans: Sequence[Sequence[int]], share: tuple[int, int], members: tuple[int, int] | None
) -> list[int]:
    """Which of the planned shards, lists of members, are in a share of those that hold one of some
    members; refuses what is no share, and members that there are none of.
    """
    pair = sequence("share", share, of="two whole numbers")
    if len(pair) != 2:
        raise ValueError(f"share must be two whole numbers (i, N), got {shown(share)}")
    parts = whole_number("share: the number of shares", pair[1], low=1, high=MANY)
    part = whole_number("share: the number of the share", pair[0], low=1, high=parts)
    count = sum(map(len, plans))
    wanted = set(range(*member_range((0, count) if members is None else members, count)))
    # the dearest come first, so that every share has some of them
    chosen = [number for number, shard in enumerate(plans) if not wanted.isdisjoint(shard)]
    return chosen[part - 1 :: parts]


def study(
    sets: Any = "smoke",
    theorems: str | Theorem | Sequence[str | Theorem] | None = None,
    *,
    setting: str | None = None,
    seed: int = 0,
    output: str | os.PathLike[str] | None = None,
    jobs: int | None = None,
    backend: str | None = None,
    address: str | None = None,
    **options: Any,
) -> Results:
    """Compute the tables of a suite, a grid, or data sets of one's own.

    Parameters
    ----------
    sets : str, Suite or sequence of environments
        A suite's name, a suite or grid (`synthetic.make_grid`), or for example a list of
        `SeparableDataset`, which are draws of no design: verdicts on them give no limit.
    theorems : str, Theorem or sequence of them, optional
        Those to test; all of the setting by default.
    setting : str, optional
        Name of the setting that they belong to. By default that of the theorems, else the one that
        takes the sets; head tuning where that does.
    seed : int
        Of a suite given by name.
    output : path, optional
        Directory of the study, which is then continued there after an interruption, as `run` does;
        what was handed over is kept in it. In memory by default.
    jobs : int, optional
        Processes; all cores by default. Results do not depend on it.
    backend, address : str, optional
        Of a cluster, as in `run`.
    **options
        Options of the setting.

    Returns
    -------
    Results
        Their rows are those that `verify` judges.

    Raises
    ------
    ValueError, TypeError
        For unknown names, options out of range, sets that the setting does not take, or a directory
        that holds another study; before any work.

    Examples
    --------
    >>> from tunebound import synthetic
    >>> sets = synthetic.make_grid("gaussian", n=[8, 16], d=4, margin=0.5, radius=4.0)
    >>> results = study(sets, "H-anytime", steps=100, jobs=1)
    >>> sorted(results.rows["n"].unique().tolist()), results.rows["theorem"].unique().tolist()
    ([8, 16], ['H-anytime'])
    """
    chosen = None if theorems is None else find_theorems(theorems)
    asked = Study(setting_for(sets, chosen, setting).name, sets, seed, options, chosen)
    if output is not None:
        return run(asked, output, jobs=jobs, backend=backend, address=address)
    found, checked, members = asked.resolved()
    with cluster(backend, address):
        return examine_members(found, members, checked, asked.tested(), jobs)


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
        table, and the checksums of each shard; the environments too, where they were handed over. A
        shard that is not what was written is computed again, and named in a warning of the log.
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
    members: tuple[int, int] | None = None,
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
    members : tuple of int, optional
        (a, b): a share of those shards alone that hold one of the members a, …, b − 1, numbered
        from 0. Shards are computed whole, so that ranges which divide one both compute it.

    Returns
    -------
    int
        0 where the study is finished and `load` reads it.
    """
    instance("study", study, Study, remedy="pass a theory.Study")
    jobs = processes_to_use(jobs)
    setting, options, suite = study.resolved()
    target = path("directory", directory)
    known = study.tested()
    plans = plan(suite.specifications, setting, options)
    mine = shards_of(plans, share, members)
    manifest = study._manifest(setting, options, suite, len(plans))
    claim_directory(target, manifest)
    for folder in (target, *(target / name for name in FOLDERS)):
        sweep(folder)
    if manifest.get(KEPT):
        keep(setting, suite, target)
    shards = shards_in(target, manifest)
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
            desc=population(manifest),
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
