"""Where results are committed, and how they are read: a study elsewhere goes on from there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from tunebound.theory.engine.loading import load
from tunebound.theory.full_tasks import columns

STORED = Path("docs/results/full-tasks")
ENVIRONMENTS, ABOUT = "environments.csv", "about.json"


def is_stored(directory: Path) -> bool:
    """Whether it holds committed results, and no study."""
    return (directory / ABOUT).exists()


def stored_runs(directory: Path) -> pd.DataFrame:
    """The runs that are committed."""
    return pd.read_csv(directory / ENVIRONMENTS, dtype={columns.PREDICTIONS: str})


def stored_about(directory: Path) -> dict[str, Any]:
    """What is committed of where they come from: the commit, versions, and studies."""
    return dict(json.loads((directory / ABOUT).read_text(encoding="utf-8")))


def runs_in(directory: Path) -> pd.DataFrame:
    """The runs of a finished study, or of committed results."""
    return stored_runs(directory) if is_stored(directory) else load(directory).environments
