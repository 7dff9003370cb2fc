"""The committed results of studies of tasks, and the tables in the documentation made of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from tunebound._ground.storage import replacing
from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.generated import filled, markdown
from tunebound.theory.engine.loading import load
from tunebound.theory.engine.manifests import read_manifest
from tunebound.theory.tasks import columns
from tunebound.theory.tasks.tables import (
    Cells,
    by_preparation,
    by_size,
    by_task,
    decided,
    tightness,
)

COMMAND = "python -m tunebound.theory.tasks"
PAGE = Path("docs/real-tasks.md")
STORED = Path("docs/results/tasks")
ENVIRONMENTS, BOUNDS, ABOUT = "environments.csv", "bounds.csv", "about.json"
ELSEWHERE = ("folder", "cache")  # options that say where things were, which nobody else has
BLOCKS = ("tasks", "sizes", "tightness", "preparations", "claims", "bounds", "solvers", "run")


def joined(parts: Sequence[Results]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The environments of several studies, each once, and the worst case of every bound.

    Returns
    -------
    environments : DataFrame
        Without the numbers that members have in their suites.
    bounds : DataFrame
        One row a theorem and quantity: on how many environments it was held against what was
        measured, the largest excess, and on how many it was above 0.
    """
    names = [tables.ENVIRONMENT, columns.ENCODER, columns.SEED]
    environments = pd.concat([part.environments for part in parts]).drop_duplicates(names)
    rows = pd.concat([part.rows for part in parts])
    by = rows.groupby([tables.THEOREM, tables.QUANTITY])
    bounds = pd.DataFrame(
        {
            "environments": by[tables.ENVIRONMENT].nunique(),
            "largest_excess": by[tables.EXCESS].max(),
            "violations": by[tables.EXCESS].agg(lambda excess: int((excess > 0).sum())),
        }
    )
    ordered = [columns.TASK, columns.PREPARATION, columns.LABELS, columns.N, columns.SUBSAMPLE]
    return (
        environments.drop(columns=tables.MEMBER).sort_values(ordered, ignore_index=True),
        bounds.reset_index(),
    )


def blocks(environments: pd.DataFrame, bounds: pd.DataFrame, about: Mapping[str, Any]) -> dict:
    """The texts of all generated blocks of the page, by name."""
    asked = environments.dropna(subset=[columns.OTHER_SOLVER])
    solvers = asked.groupby(columns.TASK)[columns.OTHER_SOLVER].agg(["size", "max"])
    versions = ", ".join(f"{package} {at}" for package, at in about["versions"].items())
    options = [
        ", ".join(f"{name} {_told(name, value)}" for name, value in run["options"].items())
        for run in about["runs"]
    ]
    texts: dict[str, Cells] = {
        "tasks": by_task(environments),
        "sizes": by_size(environments),
        "tightness": tightness(environments),
        "preparations": by_preparation(environments),
        "claims": decided(environments),
        "bounds": (
            ("theorem", "quantity", "environments", "violations", "largest excess"),
            tuple(
                (
                    f"`{row.theorem}`",
                    row.quantity,
                    str(row.environments),
                    str(row.violations),
                    f"{row.largest_excess:.1e}",
                )
                for row in bounds.itertuples()
            ),
        ),
        "solvers": (
            ("task", "margins", "largest relative difference"),
            tuple(
                (str(task), str(int(size)), f"{most:.1e}")
                for task, size, most in solvers.itertuples()
            ),
        ),
    }
    made = {name: markdown(*cells) for name, cells in texts.items()}
    made["run"] = "\n".join(
        [
            f"{len(environments)} environments, published at commit `{about['commit'][:12]}`;"
            f" {versions}.",
            *(
                f"- Seed {run['seed']}, {told}."
                for run, told in zip(about["runs"], options, strict=True)
            ),
        ]
    )
    return made


def page_of(page: str, stored: Path) -> str:
    """The page with all blocks made of the stored results."""
    environments = pd.read_csv(stored / ENVIRONMENTS)
    bounds = pd.read_csv(stored / BOUNDS)
    about = json.loads((stored / ABOUT).read_text(encoding="utf-8"))
    for name, text in blocks(environments, bounds, about).items():
        page = filled(page, name, text, command=COMMAND)
    return page


def publish(directories: Sequence[Path], root: Path) -> list[Path]:
    """Write the committed results of finished studies, and the page's tables, below the root of
    the repository.

    Parameters
    ----------
    directories : sequence of Path
        Of studies of this setting, for example one a machine.
    root : Path

    Returns
    -------
    list of Path
        The files that were written.

    Raises
    ------
    ValueError
        If a study is of another setting, or two were computed with different versions.
    """
    manifests = [read_manifest(directory) for directory in directories]
    for directory, manifest in zip(directories, manifests, strict=True):
        if manifest["setting"] != "tasks":
            raise ValueError(f"{directory} is a study of {manifest['setting']}, not of tasks")
        if manifest["versions"] != manifests[0]["versions"]:
            raise ValueError(f"{directory} was computed with other versions; run it again")
    environments, bounds = joined([load(directory) for directory in directories])
    about = {
        "commit": _commit(root),
        "versions": manifests[0]["versions"],
        "runs": [
            {
                "seed": manifest["seed"],
                "options": {
                    name: value
                    for name, value in manifest["options"].items()
                    if name not in ELSEWHERE
                },
            }
            for manifest in manifests
        ],
    }
    stored = root / STORED
    stored.mkdir(parents=True, exist_ok=True)
    written = {
        stored / ENVIRONMENTS: _csv(environments),
        stored / BOUNDS: _csv(bounds),
        stored / ABOUT: json.dumps(about, indent=1, ensure_ascii=False) + "\n",
    }
    for path, text in written.items():
        _write(path, text)
    _write(root / PAGE, page_of((root / PAGE).read_text(encoding="utf-8"), stored))
    return [*written, root / PAGE]


def _csv(frame: pd.DataFrame) -> str:
    text = StringIO()
    frame.to_csv(text, index=False, float_format="%.9g", lineterminator="\n")
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _told(name: str, value: Any) -> str:
    if value == []:
        return "all" if name == "only" else "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _commit(root: Path) -> str:
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ValueError(f"{root} is no git repository ({done.stderr.strip()}): pass --root")
    return done.stdout.strip()
