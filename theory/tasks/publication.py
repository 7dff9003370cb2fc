"""The committed results of studies of tasks, and the tables in the documentation made of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pandas as pd

from tunebound._ground.storage import write_text
from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.generated import commit_of, csv_of, filled, markdown
from tunebound.theory.engine.loading import so_far
from tunebound.theory.engine.manifests import read_manifest
from tunebound.theory.tasks import columns
from tunebound.theory.tasks.tables import (
    Cells,
    by_preparation,
    by_size,
    by_task,
    decided,
    inseparable,
    tightness,
)

COMMAND = "python -m tunebound.theory.tasks"
PAGE = Path("docs/real-tasks.md")
STORED = Path("docs/results/tasks")
ENVIRONMENTS, BOUNDS, ABOUT = "environments.csv", "bounds.csv", "about.json"
ELSEWHERE = ("folder", "cache")  # options that say where things were, which nobody else has


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tables:
    """What is committed of studies.

    Attributes
    ----------
    environments : DataFrame
        Without the numbers that members have in their suites.
    bounds : DataFrame
        One row a theorem and quantity: on how many environments it was held against what was
        measured, the largest excess, and on how many it was above 0.
    versions : dict
    runs : list
        Seed and options of each study, and how many environments it added.
    """

    environments: pd.DataFrame
    bounds: pd.DataFrame
    versions: dict[str, str]
    runs: list[dict[str, Any]]

    @classmethod
    def read(cls, stored: Path) -> Self:
        """The tables that `publish` has written."""
        about = json.loads((stored / ABOUT).read_text(encoding="utf-8"))
        return cls(
            environments=pd.read_csv(stored / ENVIRONMENTS),
            bounds=pd.read_csv(stored / BOUNDS),
            versions=about["versions"],
            runs=about["runs"],
        )

    @classmethod
    def of(cls, results: Results, manifest: Mapping[str, Any]) -> Self:
        """Those of one study."""
        by = results.rows.groupby([tables.THEOREM, tables.QUANTITY])
        bounds = pd.DataFrame(
            {
                "environments": by[tables.ENVIRONMENT].nunique(),
                "largest_excess": by[tables.EXCESS].max(),
                "violations": by[tables.EXCESS].agg(lambda excess: int((excess > 0).sum())),
            }
        )
        options = manifest["options"].items()
        chosen = {name: value for name, value in options if name not in ELSEWHERE}
        return cls(
            environments=results.environments.drop(columns=tables.MEMBER),
            bounds=bounds.reset_index(),
            versions=manifest["versions"],
            runs=[
                {
                    "seed": manifest["seed"],
                    "options": chosen,
                    "environments": len(results.environments),
                }
            ],
        )

    def joined(self, results: Results, manifest: Mapping[str, Any]) -> Self:
        """These and what a study adds to them: environments that are here already are left out of
        it.
        """
        here, offered = (
            pd.MultiIndex.from_frame(frame[[tables.ENVIRONMENT, columns.ENCODER, columns.SEED]])
            for frame in (self.environments, results.environments)
        )
        new = results.environments[~offered.isin(here)]
        rows = results.rows[results.rows[tables.MEMBER].isin(new[tables.MEMBER])]
        more = self.of(dataclasses.replace(results, environments=new, rows=rows), manifest)
        by = pd.concat([self.bounds, more.bounds]).groupby([tables.THEOREM, tables.QUANTITY])
        total = by.agg({"environments": "sum", "largest_excess": "max", "violations": "sum"})
        return dataclasses.replace(
            self,
            environments=pd.concat([self.environments, more.environments]),
            bounds=total.reset_index(),
            runs=_added_up([*self.runs, *more.runs]),
        )

    @property
    def ordered(self) -> pd.DataFrame:
        """The environments, by task, preparation, labels, size and subsample."""
        by = [columns.TASK, columns.PREPARATION, columns.LABELS, columns.N, columns.SUBSAMPLE]
        return self.environments.sort_values(by, ignore_index=True)


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
        "inseparable": inseparable(environments),
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
                f"- Seed {run['seed']}, {_share(run)}{told}."
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
    """Write the committed results of studies, and the page's tables, below the root of the
    repository; of a study that goes on, what is there.

    Parameters
    ----------
    directories : sequence of Path
        Of studies of this setting, for example one a machine. The first may be docs/results/tasks
        itself: then what the studies add to the tables there is added.
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
    first, *others = directories
    found = None
    if (first / ABOUT).exists():
        found = Tables.read(first)
    else:
        others = [first, *others]
    for directory in others:
        manifest = read_manifest(directory)
        if manifest["setting"] != "tasks":
            raise ValueError(f"{directory} is a study of {manifest['setting']}, not of tasks")
        if found is not None and manifest["versions"] != found.versions:
            raise ValueError(f"{directory} was computed with other versions; run it again")
        results = so_far(directory)
        found = Tables.of(results, manifest) if found is None else found.joined(results, manifest)
    assert found is not None
    about = {"commit": commit_of(root), "versions": found.versions, "runs": found.runs}
    stored = root / STORED
    stored.mkdir(parents=True, exist_ok=True)
    written = {
        stored / ENVIRONMENTS: csv_of(found.ordered),
        stored / BOUNDS: csv_of(found.bounds),
        stored / ABOUT: json.dumps(about, indent=1, ensure_ascii=False) + "\n",
    }
    for path, text in written.items():
        write_text(path, text)
    write_text(root / PAGE, page_of((root / PAGE).read_text(encoding="utf-8"), stored))
    return [*written, root / PAGE]


def _added_up(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The studies; one that went on after it was published stands once."""
    found: dict[str, dict[str, Any]] = {}
    for run in runs:
        study = json.dumps([run["seed"], run["options"]], sort_keys=True)
        if study not in found:
            found[study] = dict(run)
        elif "environments" in found[study]:  # not in what was published before it was counted
            found[study]["environments"] += run["environments"]
    return [*found.values()]


def _share(run: Mapping[str, Any]) -> str:
    """How many environments it added, where that was written down."""
    return f"{run['environments']} environments: " if "environments" in run else ""


def _told(name: str, value: Any) -> str:
    if value == []:
        return "all" if name == "only" else "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
