"""Files of text, in UTF-8."""

from __future__ import annotations

from pathlib import Path

# Bytes that PyArrow takes in at a time; no row may be longer.
LONGEST_ROW = 2**26


def text_of(path: Path) -> tuple[str, int]:
    """The first line that is not empty, and how many quotes there are, after all was found to be
    text.
    """
    first, quotes = "", 0
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise ValueError(
                    f"line {number} is not UTF-8 text: save the file in UTF-8"
                ) from None
            if "\0" in text:
                raise ValueError(f"line {number} holds a zero byte: save the file as text in UTF-8")
            first = first or text.strip("\r\n")
            quotes += text.count('"')
    if not first:
        raise ValueError("there are only empty lines: write the rows")
    return first, quotes
