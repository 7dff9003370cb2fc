"""`python -m tunebound.theory.full_tasks RUN ...`: commit the results of studies of full tuning."""

from __future__ import annotations

from collections.abc import Sequence

from tunebound.theory.engine.generated import published
from tunebound.theory.full_tasks.publication import COMMAND, publish


def main(arguments: Sequence[str] | None = None) -> int:
    """Write docs/results/full-tasks and the page's tables; 2 where the studies do not fit."""
    return published(
        publish,
        arguments,
        command=COMMAND,
        description="Write docs/results/full-tasks and the tables made of it, in"
        " docs/full-tasks.md; of studies that go on, what is there.",
        study="of a study of full-tasks",
        several=True,
    )


if __name__ == "__main__":
    raise SystemExit(main())
