"""`python -m tunebound.theory.predictions RUN`: commit the results of a study of predictions."""

from __future__ import annotations

from collections.abc import Sequence

from tunebound.theory.engine.generated import published
from tunebound.theory.predictions.publication import COMMAND, publish


def main(arguments: Sequence[str] | None = None) -> int:
    """Write docs/predictions.json and the generated tables; 2 where the study does not fit."""
    return published(
        publish,
        arguments,
        command=COMMAND,
        description="Write docs/predictions.json and the tables made of it, in README.md and docs.",
        study="of `tunebound run --suite predictions`",
        several=False,
    )


if __name__ == "__main__":
    raise SystemExit(main())
