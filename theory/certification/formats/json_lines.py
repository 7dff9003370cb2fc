"""One JSON object a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.json

from tunebound.theory.certification.formats.arrow import brief, columns_of


def read_lines(path: Path) -> dict[str, Any]:
    """Columns by key; what a line lacks is missing there."""
    try:
        table = pyarrow.json.read_json(path)
    except pyarrow.ArrowException as error:
        raise ValueError(
            f"{brief(error)}: write one JSON object with the same keys in each line"
        ) from error
    return columns_of(table)
