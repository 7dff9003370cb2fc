"""The committed results of studies of full tuning, and the tables in the documentation made of
them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tunebound._ground.storage import write_text
from tunebound.theory.engine import tables
from tunebound.theory.engine.generated import commit_of, csv_of, filled, markdown
from tunebound.theory.engine.loading import so_far
from tunebound.theory.engine.manifests import read_manifest
from tunebound.theory.full_tasks import columns
from tunebound.theory.full_tasks.stored import (
    ABOUT,
    ENVIRONMENTS,
    STORED,
    is_stored,
    stored_about,
    stored_runs,
)
from tunebound.theory.full_tasks.tables import by_method, by_strength, by_task, decided

COMMAND = "python -m tunebound.theory.full_tasks"
PAGE = Path("docs/full-tasks.md")
ELSEWHERE = ("folder", "cache", "ladder")  # options that say where things were
# Of all studies that are published together: runs are compared across them.
SHARED = (
    *("encoder", "n", "steps", "batch_size", "learning_rate", "dropout", "max_length"),
    "precision",
)
KEY = [columns.TASK, columns.METHOD, columns.STRENGTH, columns.SEED, columns.LEFT_OUT]


def blocks(rows: pd.DataFrame, about: Mapping[str, Any]) -> dict[str, str]:
    """The texts of all generated blocks of the page, by name."""
    made = {
        "plain": markdown(*by_task(rows)),
        "strengths": markdown(*by_strength(rows)),
        "methods": markdown(*by_method(rows)),
        "claims": markdown(*decided(rows)),
    }
    versions = ", ".join(f"{package} {at}" for package, at in about["versions"].items())
    count = int((1 + rows[columns.LEFT_OUT]).sum())
    made["run"] = "\n".join(
        [
            f"{len(rows)} environments, {count:,} runs, published at commit"
            f" `{about['commit'][:12]}`; {versions}.",
            *(
                f"- Suite {run['suite']}, seed {run['seed']},"
                f" {run['environments']} of {run['planned']} environments:"
                f" {', '.join(f'{name} {_told(value)}' for name, value in run['options'].items())}."
                for run in about["runs"]
            ),
        ]
    )
    return made


def page_of(page: str, stored: Path) -> str:
    """The page with all blocks made of the stored results."""
    rows, about = stored_runs(stored), stored_about(stored)
    for name, text in blocks(rows, about).items():
        page = filled(page, name, text, command=COMMAND)
    return page


def publish(directories: Sequence[Path], root: Path) -> list[Path]:
    """Write the committed results of studies, and the page's tables, below the root of the
    repository; of a study that goes on, what is there.

    Parameters
    ----------
    directories : sequence of Path
        Of studies of this setting. The first may be docs/results/full-tasks itself: then what the
        studies add is added, and what is in both is theirs.
    root : Path

    Returns
    -------
    list of Path
        The files that were written.

    Raises
    ------
    ValueError
        If a study is of another setting, was computed with other versions, its runs are not
        comparable with those of the first, or committed results are not named first.
    """
    versions: dict[str, str] | None = None
    earlier: list[dict[str, Any]] = []
    runs: list[dict[str, Any]] = []
    parts: list[pd.DataFrame] = []
    for directory in directories:
        if is_stored(directory):
            if versions:
                raise ValueError(f"{directory} holds committed results: name it first")
            about, part = stored_about(directory), stored_runs(directory)
            earlier = about["runs"]
        else:
            about, part = _study(directory)
            runs += about["runs"]
        versions = versions or about["versions"]
        if about["versions"] != versions:
            raise ValueError(f"{directory} was computed with other versions; run it again")
        parts += [part] if len(part) else []
        _comparable(directory, [*earlier, *runs])
    rows = pd.concat(parts).drop_duplicates(KEY, keep="last")
    rows = rows.sort_values(KEY, ignore_index=True)
    again = [*map(_identity, runs)]
    runs = [run for run in earlier if _identity(run) not in again] + runs
    about = {"commit": commit_of(root), "versions": versions, "runs": runs}
    stored = root / STORED
    stored.mkdir(parents=True, exist_ok=True)
    written = {
        stored / ENVIRONMENTS: csv_of(rows),
        stored / ABOUT: json.dumps(about, indent=1, ensure_ascii=False) + "\n",
    }
    for path, text in written.items():
        write_text(path, text)
    write_text(root / PAGE, page_of((root / PAGE).read_text(encoding="utf-8"), stored))
    return [*written, root / PAGE]


def _study(directory: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """What there is of a study, as it is committed."""
    manifest = read_manifest(directory)
    if manifest["setting"] != "full-tasks":
        raise ValueError(f"{directory} is a study of {manifest['setting']}, not of full-tasks")
    found = so_far(directory).environments.drop(columns=[tables.MEMBER, tables.DRAW])
    options = manifest["options"].items()
    run = {
        "suite": manifest["suite"],
        "seed": manifest["seed"],
        "environments": len(found),
        "planned": manifest["members"],
        "options": {name: value for name, value in options if name not in ELSEWHERE},
    }
    return {"versions": manifest["versions"], "runs": [run]}, found


def _identity(run: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a study that has gone on since."""
    return {name: value for name, value in run.items() if name != "environments"}


def _comparable(directory: Path, runs: Sequence[Mapping[str, Any]]) -> None:
    """Refuse runs that differ in more than their suite."""
    first, last = runs[0]["options"], runs[-1]["options"]
    for name in SHARED:
        if last[name] != first[name]:
            raise ValueError(
                f"{directory} has {name} {last[name]} and the first {first[name]}; their runs"
                " cannot be compared, so publish them apart"
            )


def _told(value: Any) -> str:
    if value == []:
        return "all"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
