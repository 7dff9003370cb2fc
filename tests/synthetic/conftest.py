"""Fixtures that the tests of synthetic data share."""

from __future__ import annotations

import pytest

from tests.registries import keep
from tunebound.synthetic import families, registry


@pytest.fixture
def clean_register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take families that a test registers out again."""
    families()  # those of the package are registered once a process and have to stay
    keep(monkeypatch, registry._FAMILIES)
