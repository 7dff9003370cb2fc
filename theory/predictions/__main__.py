"""`python -m tunebound.theory.predictions RUN`: commit the results of a study of predictions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tunebound.theory.predictions.publication import COMMAND, publish


def main(arguments: Sequence[str] | None = None) -> int:
    """Write docs/predictions.json and the generated tables; 2 where the study does not fit."""
    parser = argparse.ArgumentParser(
        prog=COMMAND,
        description="Write docs/predictions.json and the tables made of it, in README.md and docs.",
    )
    parser.add_argument("directory", type=Path, help="of `tunebound run --suite predictions`")
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
