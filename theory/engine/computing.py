"""Every member of a suite turned into evidence and tidy rows, in memory and over processes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from tunebound.theory.engine import tables
from tunebound.theory.engine.bars import bars
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting
from tunebound.theory.engine.statement import Theorem
from tunebound.theory.engine.workers import in_processes, processes_to_use

# work units of one shard: a few seconds, so that progress shows and little is lost on interruption
SHARD_COST = 4e10
SHARD_MEMBERS = 64


@dataclass(frozen=True)
class Results:
    """The tidy tables of a study.

    Attributes
    ----------
    rows : DataFrame
        One row per (environment, theorem, quantity, steps): draw, design factors, measured, bound,
        excess (measured − bound − resolution, the worst over samples), resolution, worst,
        worst_measured, worst_bound, provenance, maximum.
    environments : DataFrame
        One row per environment: draw, design factors, constants and certificates.
    skipped : DataFrame
        One row per (environment, theorem) whose assumption failed, with the assumption.
    """

    rows: pd.DataFrame
    environments: pd.DataFrame
    skipped: pd.DataFrame

    def __str__(self) -> str:
        counted = f"{len(self.rows):,} rows on {len(self.environments):,} environments"
        if tables.THEOREM in self.rows:
            counted += f" of {self.rows[tables.THEOREM].nunique()} theorems"
        return f"{counted}; {len(self.skipped):,} times an assumption failed"

    def __repr__(self) -> str:
        return f"<Results: {self}>"

    def _repr_html_(self) -> str:
        shown = ((name, getattr(self, name)) for name in TABLES)
        return f"<p>{escape(str(self))}</p>" + "".join(
            f"<details><summary><code>{name}</code></summary>{frame.head().to_html()}</details>"
            for name, frame in shown
        )


TABLES = tuple(Results.__dataclass_fields__)


def of_members(results: Results, first: int, end: int) -> Results:
    """What the tables say of the members first, …, end − 1."""
    found = (getattr(results, name) for name in TABLES)
    return Results(
        *(
            frame[frame[tables.MEMBER].between(first, end - 1)].reset_index(drop=True)
            if len(frame)
            else frame
            for frame in found
        )
    )


def checked_options(setting: Setting, values: Mapping[str, Any] | None) -> Options:
    """Defaults of the setting, overridden by the values, checked."""
    options = setting.options.of(values, setting=setting.name)
    setting.check(options)
    return options


def examine(
    setting: Setting,
    members: Sequence[Any],
    options: Options,
    known: Iterable[Theorem],
    numbers: Sequence[int],
    specifications: Sequence[Any],
) -> Results:
    """The tables of some members of one batch key, computed here and now; `numbers` are theirs in
    the suite. A member that is its own specification was handed over and is no draw of a design.
    """
    rows: dict[str, list[Any]] = defaultdict(list)
    environments, skipped = [], []
    known = tuple(known)
    found = setting.evidence(members, specifications, options)
    for number, member, specification, evidence in zip(
        numbers, members, specifications, found, strict=True
    ):
        columns = evidence.columns()
        key = {
            tables.MEMBER: number,
            tables.ENVIRONMENT: getattr(specification, "name", f"given-{number}"),
            # What was handed over is its own source, and a draw of nothing.
            tables.DRAW: "" if specification is member else setting.draw(specification),
        }
        environments.append({**key, **columns})
        factors = {name: columns[name] for name in (*setting.factors, *setting.stands_for)}
        for theorem in known:
            failed = [each.statement for each in theorem.assumptions if not each.check(evidence)]
            if failed:
                skipped.append({**key, tables.THEOREM: theorem.name, tables.ASSUMPTION: failed[0]})
                continue
            for claim in theorem.claims_of(evidence):
                said = claim.columns()
                alike = {**key, **factors, tables.THEOREM: theorem.name}
                maximum = theorem.maximum if claim.maximum is None else claim.maximum
                count = len(said[tables.STEPS])
                for name in {**alike, **said}:
                    rows[name] += said[name] if name in said else [alike[name]] * count
                rows[tables.MAXIMUM] += [maximum] * count
    return Results(
        pd.DataFrame(rows),
        pd.DataFrame(environments),
        pd.DataFrame(
            skipped,
            columns=[
                tables.MEMBER,
                tables.ENVIRONMENT,
                tables.DRAW,
                tables.THEOREM,
                tables.ASSUMPTION,
            ],
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
    jobs = processes_to_use(jobs)
    shards = plan(suite.specifications, setting, options)
    calls = [(setting, suite, shard, options, known) for shard in shards]
    parts: dict[int, Results] = {}
    with tqdm(
        total=len(suite.specifications), desc="verifying", unit="set", delay=2, disable=None
    ) as progress:
        for number, part in in_processes(shard_tables, calls, jobs):
            parts[number] = part
            progress.update(len(part.environments))
    return concatenate([parts[number] for number in range(len(shards))])


def concatenate(parts: Sequence[Results]) -> Results:
    """One set of tables out of several, in the order of the members."""
    joined = {}
    for table in TABLES:
        frames = [frame for part in parts if len(frame := getattr(part, table))]
        frame = pd.concat(frames, ignore_index=True) if frames else getattr(parts[0], table)
        if not len(frame.columns):
            frame = pd.DataFrame(columns=tables.ROWS)
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


def shard_tables(
    setting: Setting,
    suite: Any,
    shard: Sequence[int],
    options: Options,
    known: Sequence[Theorem],
) -> Results:
    """The tables of one shard of a suite, computed with one thread."""
    members = [suite[number] for number in shard]
    import torch  # what reads tables alone does not wait for it

    # One thread: the processes share the cores, and sums keep one order whatever the machine.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        # The study has a bar of its own; those of the computations would run through it.
        with threadpool_limits(1), bars(shown=False):
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
