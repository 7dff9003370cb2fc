"""Arrow tables: IPC files and streams, which are Feather files and the shards of data sets too."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.ipc

from tunebound.theory.certification.containers import LARGEST_BYTES


def read_arrow(path: Path) -> dict[str, Any]:
    """Columns by name; columns of lists hold vectors."""
    with path.open("rb") as stream:
        magic = stream.read(6)
    if magic[:4] == b"FEA1":
        raise ValueError("Feather of version 1: write it again with pyarrow.feather.write_feather")
    try:
        if magic == b"ARROW1":
            with pyarrow.ipc.open_file(path) as reader:
                batches = [reader.get_batch(index) for index in range(reader.num_record_batches)]
                table = pyarrow.Table.from_batches(batches, reader.schema)
        else:
            with path.open("rb") as stream, pyarrow.ipc.open_stream(stream) as reader:
                table = reader.read_all()
        # offsets of a damaged file may point anywhere
        table.validate(full=True)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(
            f"not an Arrow table, or damaged ({brief(error)}): write it again"
        ) from error
    return columns_of(table)


def columns_of(table: pyarrow.Table) -> dict[str, Any]:
    """Columns of a table as pandas series."""
    for name, times in Counter(table.column_names).items():
        if times > 1:
            raise ValueError(f"{times} columns are named {name!r}: rename all but one")
    if table.num_rows == 0:
        raise ValueError("the table has no rows: write them")
    if table.nbytes > LARGEST_BYTES:
        raise ValueError(
            f"the table takes {table.nbytes / 2**30:,.1f} GiB: save fewer rows or columns"
        )
    return {name: table.column(name).to_pandas() for name in table.column_names}


def brief(error: Exception) -> str:
    """The first line of a library's message."""
    return str(error).strip().partition("\n")[0]
