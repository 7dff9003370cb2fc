"""`python -m tunebound.theory.tasks RUN ...`: commit the results of studies of tasks."""

from __future__ import annotations

from collections.abc import Sequence

from tunebound.theory.engine.generated import published
from tunebound.theory.tasks.publication import COMMAND, publish


def main(arguments: Sequence[str] | None = None) -> int:
    """Write docs/results/tasks and the page's tables; 2 where the studies do not fit."""
    return published(
        publish,
        arguments,
        command=COMMAND,
        description="Write docs/results/tasks and the tables made of it, in docs/real-tasks.md.",
        study="of a finished study of tasks; docs/results/tasks first to add to what is there",
        several=True,
    )


if __name__ == "__main__":
    raise SystemExit(main())
