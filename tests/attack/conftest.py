"""The budget of the attack, and its figures below the results of a run."""

from __future__ import annotations

import os
from collections import Counter

import pytest

# Calls a public function; `make attack` sets more.
BUDGET = int(os.environ.get("ATTACK", "4"))
LONG = BUDGET > 100


@pytest.fixture
def figure(record_property):
    """Count something under a name; what all tests counted is printed at the end."""

    def add(name, count=1):
        record_property(f"attack: {name}", count)

    return add


def pytest_terminal_summary(terminalreporter):
    figures = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) != "call":
                continue
            for name, count in getattr(report, "user_properties", ()):
                if name.startswith("attack: "):
                    figures[name.removeprefix("attack: ")] += count
    if figures:
        terminalreporter.section("attack")
        for name, count in sorted(figures.items()):
            terminalreporter.write_line(f"{count:>9,}  {name}")
