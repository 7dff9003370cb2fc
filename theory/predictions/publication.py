"""The committed results of the full suite, and the tables in the documentation that are made of
them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tunebound._ground.storage import write_text
from tunebound.theory.engine.generated import filled, markdown
from tunebound.theory.engine.loading import load
from tunebound.theory.engine.manifests import read_manifest
from tunebound.theory.predictions import table
from tunebound.theory.predictions.design import designs
from tunebound.theory.predictions.findings import Finding, judge, registered

SUITE = "predictions"
STORED = Path("docs/predictions.json")
# Page → its generated blocks.
BLOCKS: Mapping[str, tuple[str, ...]] = {
    "README.md": ("predictions",),
    "docs/predictions.md": ("designs", "results"),
}
COMMAND = "python -m tunebound.theory.predictions"


def document(findings: Sequence[Finding], manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What is committed: findings, and what they depend on.

    Parameters
    ----------
    findings : sequence of Finding
    manifest : mapping
        Of the study.

    Raises
    ------
    ValueError
        If the study is not the full suite as it is written out.
    """
    own = {"suite": SUITE, "options": {"designs": [], "draws": 0}}
    differing = [key for key, value in own.items() if manifest[key] != value]
    if differing:
        raise ValueError(
            f"the study's {', '.join(differing)} differ from those of `tunebound run --suite"
            f" {SUITE}`; only that is committed"
        )
    return {
        "suite": manifest["suite"],
        "seed": manifest["seed"],
        "versions": manifest["versions"],
        "findings": [asdict(finding) for finding in findings],
    }


def read(stored: str) -> tuple[dict[str, Any], list[Finding]]:
    """A committed document, and its findings.

    Parameters
    ----------
    stored : str
        JSON.
    """
    values = json.loads(stored)
    findings = [
        Finding(**{**entry, "change": tuple(entry["change"])}) for entry in values["findings"]
    ]
    return values, findings


def block(name: str, values: Mapping[str, Any], findings: Sequence[Finding]) -> str:
    """The text of a generated block.

    Parameters
    ----------
    name : {"predictions", "designs", "results"}
    values : mapping
        The committed document.
    findings : sequence of Finding
    """
    if name == "designs":
        designed = [
            (
                f"`{each.name}`",
                f"{each.factor}: {table.levels(each)}",
                each.population,
                each.held,
                str(each.draws),
            )
            for each in designs().values()
        ]
        columns = ("design", "factor and its levels", "population", "held", "draws")
        return markdown(columns, designed)
    if name == "results":
        rows = [
            (f"`{each.prediction}`", *table.cells(each), *table.details(each)) for each in findings
        ]
        text = markdown(("prediction", *table.COLUMNS, *table.DETAILS), rows)
        versions = ", ".join(f"{package} {at}" for package, at in values["versions"].items())
        return f"{text}\n\nSuite `{values['suite']}`, seed {values['seed']}; {versions}."
    return markdown(table.COLUMNS, [table.cells(each) for each in findings])


def publish(directory: Path, root: Path) -> list[Path]:
    """Write the committed results of a study, and the blocks made of them, below the root of the
    repository.

    Parameters
    ----------
    directory : Path
        Of a finished study of the suite "predictions".
    root : Path

    Returns
    -------
    list of Path
        The files that were written.
    """
    findings = judge(load(directory))
    values = document(findings, read_manifest(directory))
    missing = registered().keys() - {each.prediction for each in findings if each.draws}
    if missing:
        raise ValueError(f"the study tested nothing of {', '.join(sorted(missing))}; run it again")
    # no infinite interval belongs there: allow_nan refuses it
    texts = {
        root / STORED: json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    }
    for page, names in BLOCKS.items():
        text = (root / page).read_text(encoding="utf-8")
        for name in names:
            text = filled(text, name, block(name, values, findings), command=COMMAND)
        texts[root / page] = text
    for path, text in texts.items():
        write_text(path, text)
    return list(texts)
