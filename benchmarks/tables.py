"""What a benchmark gives: a table for the terminal, for Markdown and for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

Cell = str | int | float | None


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under a title; notes state how they were measured."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"table {self.name}: the row {row} does not fit the columns {self.columns}"
                )

    def text(self) -> str:
        """Aligned columns."""
        cells = [self.columns, *([shown(cell) for cell in row] for row in self.rows)]
        widths = [max(len(row[k]) for row in cells) for k in range(len(self.columns))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        ]
        return "\n".join([self.title, *lines, *self.notes])

    def markdown(self) -> str:
        """A Markdown section."""
        lines = [
            self.columns,
            ["---"] * len(self.columns),
            *([shown(cell) for cell in row] for row in self.rows),
        ]
        table = [
            "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
        ]
        return "\n".join(
            [f"## {self.title}", "", *table, "", *(f"- {note}" for note in self.notes), ""]
        )

    def stored(self) -> dict[str, Any]:
        """What JSON holds."""
        return asdict(self)


def shown(cell: Cell) -> str:
    """Three significant digits for a measured number, all of an integer."""
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 and abs(cell) < 1e7 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def document(machine: dict[str, Any], tables: Sequence[Table], seconds: float) -> str:
    """All tables as one Markdown page."""
    lines = [
        "# Benchmark results",
        "",
        *(f"- {key}: {value}" for key, value in machine.items()),
        f"- whole run: {seconds:.0f} s",
        "",
    ]
    return "\n".join([*lines, *(table.markdown() for table in tables)])
