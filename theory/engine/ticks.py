"""Round ticks on logarithmic axes, where powers of ten are too few."""

from __future__ import annotations

import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, NullFormatter, StrMethodFormatter

# Ticks within a decade; those of which most, but no more than MOST_TICKS, fall on a side are taken.
TICKS = (
    *(tuple(np.arange(100, 1000, step) / 100) for step in (1, 2, 5, 10)),
    tuple(range(1, 10)),
    (1, 1.2, 1.5, 2, 3, 5, 7),
    (1, 2, 5),
    (1, 3),
    *(tuple(np.arange(100, 1000, step) / 100) for step in (20, 50)),
    (1,),
)
MOST_TICKS = 5
CLOSEST = 0.16  # of a side: a label of five signs on a panel of three inches
FEW_DECADES = 2  # over more of them, powers of ten are enough


def round_ticks(low: float, high: float) -> list[float]:
    """As many round numbers as a side from `low` to `high` can hold."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    closest = CLOSEST * np.log10(high / low)
    found: list[float] = []
    within: list[float] = []
    for ticks in TICKS:
        numbers = [float(f"{tick:g}e{decade}") for decade in decades for tick in ticks]
        within = [number for number in numbers if low <= number <= high]
        if len(within) <= MOST_TICKS and len(found) < len(apart := _apart(within, closest)):
            found = apart
    if found:
        return found
    # powers of ten alone are too many; 1 is among those that stay
    every = -(-len(within) // MOST_TICKS)
    return [power for power in within if round(np.log10(power)) % every == 0]


def _apart(ticks: list[float], closest: float) -> list[float]:
    """Ticks that are no closer in powers of ten, powers of ten themselves before others."""
    kept: list[float] = []
    for tick in sorted(ticks, key=lambda tick: (not float(np.log10(tick)).is_integer(), tick)):
        if all(abs(np.log10(tick / other)) >= closest for other in kept):
            kept.append(tick)
    return sorted(kept)


def plain_numbers(side: Axis) -> None:
    """Round plain numbers along a logarithmic side of few decades; call it after the data are
    drawn.
    """
    low, high = sorted(side.get_view_interval())
    if high < low * 10**FEW_DECADES:
        side.set_major_locator(FixedLocator(round_ticks(low, high)))
        side.set_major_formatter(StrMethodFormatter("{x:g}"))
        side.set_minor_formatter(NullFormatter())
