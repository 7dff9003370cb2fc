"""The folders of the settings, beside the engine that they share."""

from __future__ import annotations

from pathlib import Path

ROOM = Path(__file__).parents[1]


def modules_called(name: str) -> list[str]:
    """Full names of the modules of that name in the settings' folders, in alphabetical order."""
    return sorted(
        f"tunebound.theory.{path.parent.name}.{name}"
        for path in ROOM.glob(f"*/{name}.py")
        if path.parent.name != "engine"
    )
