"""`python -m tunebound.theory.tasks RUN ...`: commit the results of studies of tasks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tunebound.theory.tasks.publication import COMMAND, publish


def main(arguments: Sequence[str] | None = None) -> int:
    """Write docs/results/tasks and the page's tables; 2 where the studies do not fit."""
    parser = argparse.ArgumentParser(
        prog=COMMAND,
        description="Write docs/results/tasks and the tables made of it, in docs/real-tasks.md.",
    )
    parser.add_argument("directory", type=Path, nargs="+", help="of a finished study of tasks")
    parser.add_argument("--root", type=Path, default=Path(), help="of the repository")
    chosen = parser.parse_args(arguments)
    try:
        written = publish(chosen.directory, chosen.root)
    except (ValueError, OSError) as error:
        print(f"{COMMAND}: {error}", file=sys.stderr)
        return 2
    for path in written:
        print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
