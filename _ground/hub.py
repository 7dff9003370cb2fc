"""The Hugging Face hub, asked once whether it answers; a loader would wait half a minute for it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 2  # seconds for the hub's first answer; the loaders ask six times in half a minute

Loaded = TypeVar("Loaded")


def from_disk_or_hub(
    load: Callable[[bool], Loaded], repository: str, file: str, *, kind: str = "model"
) -> Loaded:
    """What is on this disk, without asking the network, or else what the hub has.

    Parameters
    ----------
    load : callable
        Loads; with True from this disk alone, else from the hub. An OSError or a ValueError says
        that there is nothing.
    repository, file : str
        A file of the repository, for which the hub is asked.
    kind : {"model", "dataset"}

    Raises
    ------
    OSError, ValueError
        If there is nothing on this disk and the hub cannot be reached, does not answer, or has no
        such file; and what `load` raises for the hub.
    """
    try:
        return load(True)
    except (OSError, ValueError):
        _ask(repository, file, kind)
    return load(False)


def _ask(repository: str, file: str, kind: str) -> None:
    """Nothing, where the hub has that file."""
    hub = importlib.import_module("huggingface_hub")
    try:
        hub.get_hf_file_metadata(hub.hf_hub_url(repository, file, repo_type=kind), timeout=PATIENCE)
    except (OSError, ValueError):
        raise
    except Exception as error:  # of the client's network package, another one in each version
        raise OSError(f"{hub.constants.ENDPOINT} cannot be reached: {error}") from error
