"""Tables as text, .csv and .tsv, in UTF-8."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.csv

from tunebound.theory.certification.formats.arrow import columns_of
from tunebound.theory.certification.formats.text import LONGEST_ROW, text_of

DELIMITERS = ",;\t|"


def read_text(path: Path) -> dict[str, Any]:
    """Columns under the names of the first line; under "0", "1", ... where that holds numbers only.

    The delimiter is the tab in a .tsv, else the one of comma, semicolon, tab and bar that occurs
    most in the first line.
    """
    first, quotes = text_of(path)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(DELIMITERS, key=first.count)
    if quotes % 2:
        _require_closed_quotes(path, delimiter)
    header = next(csv.reader([first], delimiter=delimiter))
    named = not all(map(_is_number, header))
    if named and "" in header:
        raise ValueError(
            f"column {header.index('')} has no name in the first line: name it, or leave it out (a"
            " pandas frame writes its index there unless index=False)"
        )
    try:
        table = pyarrow.csv.read_csv(
            path,
            read_options=pyarrow.csv.ReadOptions(
                block_size=LONGEST_ROW,
                use_threads=False,  # the threads do not say which row is wrong
                column_names=None if named else [str(position) for position in range(len(header))],
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=len(header) > 1
            ),
            convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True),
        )
    except pyarrow.ArrowException as error:
        raise ValueError(
            f"{error}: give all rows as many cells as the first".replace("\n", " ")
        ) from error
    if table.num_rows == 0:
        raise ValueError("there are no rows below the header: write them")
    return columns_of(table)


def _require_closed_quotes(path: Path, delimiter: str) -> None:
    # PyArrow would take all rows behind a quote that is never closed for one cell
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.reader(stream, delimiter=delimiter, strict=True)
        try:
            for _ in rows:
                pass
        except csv.Error as error:
            raise ValueError(
                f"a quote that is wrong before line {rows.line_num + 1} ({error}): close or double"
                " it"
            ) from error


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
