"""Mutants that no test can kill, read from `equivalent.toml`, each with the reason."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.mutation.results import Change


def read_equivalents() -> dict[Change, str]:
    """The reason by change.

    Raises
    ------
    ValueError
        If a change is listed twice.
    """
    text = (Path(__file__).parent / "equivalent.toml").read_text(encoding="utf-8")
    reasons: dict[Change, str] = {}
    for entry in tomllib.loads(text).get("equivalent", []):
        for words in entry["changes"]:
            change = Change(*words)
            if change in reasons:
                raise ValueError(f"equivalent.toml lists twice: {change}: leave one")
            reasons[change] = entry["reason"]
    return reasons
