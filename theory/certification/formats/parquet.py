"""Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from tunebound.theory.certification.containers import affordable
from tunebound.theory.certification.formats.arrow import brief, columns_of


def read_parquet(path: Path) -> dict[str, Any]:
    """Columns by name; columns of lists hold vectors."""
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            groups = [
                file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)
            ]
            values = sum(
                group.column(index).num_values
                for group in groups
                for index in range(group.num_columns)
            )
            affordable((values,), "the table")
            table = file.read()
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"not Parquet, or damaged ({brief(error)}): write it again") from error
    return columns_of(table)
