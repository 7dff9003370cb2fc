"""Mutate what `scope.toml` lists and say which mutants no test kills: `make mutate`."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.equivalents import read_equivalents
from tests.mutation.results import Change, Mutant, read_mutants
from tests.mutation.scope import ROOT, Part, choose

PORTIONS = ("_ground", "bounds", "synthetic", "theory", "tuning")
BESIDE = ("tests", "docs")
# Not mutated: what is raised or warned, and lines that are nothing but a text.
SETTINGS = """
[tool.mutmut]
source_paths = ["tunebound"]
only_mutate = {modules}
also_copy = {beside}
do_not_mutate_patterns = ['^\\s*raise ', '^\\s*f?"[^"]*"?,?\\)?$', 'warnings\\.warn']
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "tests.mutation.quick", "-m", "not slow"]
pytest_add_cli_args_test_selection = {tests}
timeout_multiplier = 4.0
timeout_constant = 5.0
use_git_change_detection = false
"""
OPEN = ("survived", "not run")
COLUMNS = ("killed", "timeout", "equivalent", "survived", "not run")


def copy_tree(part: Part, folder: Path) -> None:
    """The tree as it is installed, all portions below one `tunebound`, with mutmut's settings."""
    shutil.rmtree(folder, ignore_errors=True)
    unwanted = shutil.ignore_patterns("__pycache__")
    for portion in PORTIONS:
        shutil.copytree(ROOT / portion, folder / "tunebound" / portion, ignore=unwanted)
    for name in BESIDE:
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
    for module in part.files():
        path = folder / "tunebound" / module
        path.write_text(undecorated(path.read_text(encoding="utf-8")), encoding="utf-8")
    settings = SETTINGS.format(
        modules=json.dumps([f"tunebound/{module}" for module in part.files()]),
        beside=json.dumps(BESIDE),
        tests=json.dumps(part.tests),
    )
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text(project + settings, encoding="utf-8")


def undecorated(text: str) -> str:
    """The same module with `within_float64` applied at its end: mutmut skips what is decorated."""
    guarded = re.compile(r"^@(within_float64\(.*\))\ndef (\w+)", re.MULTILINE)
    applied = [f"\n{name} = {guard}({name})\n" for guard, name in guarded.findall(text)]
    return guarded.sub(r"def \2", text) + "".join(applied)


def run_mutmut(folder: Path, processes: int) -> None:
    """Every mutant of a part against its tests."""
    command = [sys.executable, "-c", "from mutmut.__main__ import cli; cli()", "run"]
    subprocess.run(
        [*command, "--max-children", str(processes)],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
    )


@dataclass(frozen=True)
class Tally:
    """Mutants and the reasons of those that are known to be equivalent."""

    mutants: list[Mutant]
    reasons: Mapping[Change, str]

    def rows(self) -> dict[str, Counter[str]]:
        """How many mutants of each module were killed, survived, …"""
        rows: dict[str, Counter[str]] = {}
        for mutant in self.mutants:
            known = mutant.status == "survived" and mutant.change in self.reasons
            row = rows.setdefault(mutant.change.module, Counter())
            row["equivalent" if known else mutant.status] += 1
        return rows

    def survivors(self) -> list[Change]:
        """What no test killed and no reason explains."""
        survived = (mutant.change for mutant in self.mutants if mutant.status == "survived")
        return sorted(change for change in survived if change not in self.reasons)

    def stale(self) -> list[Change]:
        """What is called equivalent and was killed, or is no mutant of its module."""
        modules = {mutant.change.module for mutant in self.mutants}
        open_ = {mutant.change for mutant in self.mutants if mutant.status in OPEN}
        return sorted(
            change for change in self.reasons if change.module in modules and change not in open_
        )


def report(tally: Tally) -> int:
    """Print a row a module, then the survivors; return the status to end with."""
    rows = tally.rows()
    print(f"| module | mutants | {' | '.join(COLUMNS)} |\n| --- |{' --- |' * (len(COLUMNS) + 1)}")
    for module, row in [*rows.items(), ("all", sum(rows.values(), Counter()))]:
        counts = " | ".join(str(row[column]) for column in COLUMNS)
        print(f"| {module} | {row.total()} | {counts} |")
    for change in tally.survivors():
        print(f"\nsurvived: {change}")
    for change in tally.stale():
        print(f"\nno survivor, take it out of tests/mutation/equivalent.toml: {change}")
    return 1 if tally.survivors() or tally.stale() else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("parts", nargs="*", help="names of parts in scope.toml; all by default")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "mutation")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--report", action="store_true", help="of an earlier run, without a new one"
    )
    options = parser.parse_args()
    parts = choose(options.parts)
    for part in parts:
        folder = options.folder / part.name
        if not options.report:
            copy_tree(part, folder)
            run_mutmut(folder, options.processes)
        elif not (folder / "mutants").is_dir():
            parser.error(f"{folder} holds no mutants of an earlier run: leave --report out")
    mutants = [
        mutant
        for part in parts
        for module in part.files()
        for mutant in read_mutants(options.folder / part.name, module)
    ]
    return report(Tally(mutants, read_equivalents()))


if __name__ == "__main__":
    sys.exit(main())
