"""What commands print: colour and tables on a terminal, plain lines elsewhere.

The lines are the same words; scripts that read them see no colour and no frame. Rich decides what a
terminal is, and heeds NO_COLOR.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

# Imported by what prints: --help answers at once.
if TYPE_CHECKING:
    from rich.console import Console

INDENT = 4
WIDEST = 13  # of a column that may be broken, but for the last
COLOURS = {
    "not violated": "green",
    "confirmed": "green",
    "violated": "bold red",
    "refuted": "bold red",
    "vacuous": "yellow",
}


def _terminal(*, errors: bool = False) -> Console | None:
    """The terminal that is written to; None where it is a file or a pipe."""
    from rich.console import Console

    console = Console(
        file=sys.stderr if errors else sys.stdout, highlight=False, markup=False, emoji=False
    )
    return console if console.is_terminal else None


def entry(name: str, lines: Iterable[str], aside: str = "") -> None:
    """Something with a name, and what is said of it; `aside` stands behind the name."""
    terminal = _terminal()
    if terminal is None:
        typer.echo("\n".join([f"{name}{aside}", *(" " * INDENT + line for line in lines)]))
        return
    from rich.padding import Padding
    from rich.text import Text

    terminal.print(Text.assemble((name, "bold"), (aside, "dim")))
    for line in lines:
        terminal.print(Padding(Text(line), (0, 0, 0, INDENT), expand=False))


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], plain: Callable[..., str]
) -> None:
    """Rows, one at a time; `plain` makes the line of a row where there is no terminal.

    A column whose heading ends in a colon is not broken into lines.
    """
    terminal = _terminal()
    if terminal is None:
        for row in rows:
            typer.echo(plain(*row).rstrip())
        return
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="bold underline")
    for heading in headings:
        whole = heading.endswith(":")
        shown.add_column(heading.rstrip(":"), no_wrap=whole, max_width=None if whole else WIDEST)
    shown.columns[-1].max_width = None
    for row in rows:
        shown.add_row(*(Text(cell, COLOURS.get(cell, "")) for cell in row))
    terminal.print(shown)


def verdict(text: str, status: str) -> None:
    """A verdict or decision, its status in colour where it stands."""
    terminal = _terminal()
    if terminal is None:
        typer.echo(text)
        return
    from rich.padding import Padding
    from rich.text import Text

    for number, line in enumerate(text.split("\n")):
        indent = 0 if number == 0 else INDENT
        words = Text(line.strip(), "bold" if number == 0 else "")
        if number == 0:
            words.highlight_words([status], COLOURS.get(status, ""))
        terminal.print(Padding(words, (0, 0, 0, indent), expand=False))


def complaint(message: str) -> None:
    """What went wrong and what to do, on standard error."""
    terminal = _terminal(errors=True)
    if terminal is None:
        with suppress(OSError):  # the status tells of it too
            typer.echo(f"tunebound: {message}", err=True)
        return
    from rich.text import Text

    terminal.print(Text.assemble(("tunebound: ", "bold red"), message))
