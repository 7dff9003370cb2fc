"""Tables as text, .csv and .tsv, in UTF-8."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.csv

from tunebound.theory.certification.formats.arrow import columns_of

DELIMITERS = ",;\t|"


def read_text(path: Path) -> dict[str, Any]:
    """Columns under the names of the first line; under "0", "1", ... where that holds numbers only.

    The delimiter is the tab in a .tsv, else the one of comma, semicolon, tab and bar that occurs
    most in the first line.
    """
    first = _first_line(path)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(DELIMITERS, key=first.count)
    header = next(csv.reader([first], delimiter=delimiter))
    named = not all(map(_is_number, header))
    try:
        table = pyarrow.csv.read_csv(
            path,
            read_options=pyarrow.csv.ReadOptions(
                column_names=None if named else [str(position) for position in range(len(header))]
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


def _first_line(path: Path) -> str:
    """The first line, after all were found to be text."""
    first = ""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise ValueError(
                    f"line {number} is not UTF-8 text: save the file as CSV in UTF-8"
                ) from None
            if "\0" in text:
                raise ValueError(f"line {number} holds a zero byte: save the file as CSV in UTF-8")
            first = first or text.strip("\r\n")
    if not first:
        raise ValueError("there are only empty lines: write the names of the columns and rows")
    return first


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
