"""Tasks by their names: of a folder, of the hub, or of this project's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tunebound.theory.texts.formats import FORMATS
from tunebound.theory.texts.own_texts import OWN_TASKS, own_task
from tunebound.theory.texts.reading import TextTask, read_hub_task, read_task, task_names

HUB = "hub"


def find_task(folder: str, name: str) -> TextTask:
    """A task of the folder, of the hub, or, without a folder, one of the project's own."""
    if not folder:
        return own_task(name)
    return read_hub_task(name) if folder == HUB else read_task(Path(folder), name)


def known_tasks(folder: str) -> Sequence[str]:
    """Names of the tasks that are there."""
    if not folder:
        return OWN_TASKS
    return tuple(FORMATS) if folder == HUB else task_names(Path(folder))
