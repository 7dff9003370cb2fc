"""At which steps a run is recorded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tunebound._ground import checks


def record_steps(steps: int, record: str | Sequence[int] = "log") -> NDArray[np.int64]:
    """The numbers of steps at which a run is recorded.

    Parameters
    ----------
    steps : int
        All steps of the run, at least 1.
    record : "log" or sequence of int
        "log" takes eight a decade (all of 1..8, then rounded).

    Returns
    -------
    (K,) int64
        Increasing, the last one `steps`.

    Raises
    ------
    ValueError, TypeError
        For numbers of steps that are no integers or out of range.
    """
    total = checks.whole_number("steps", steps, low=1)
    if isinstance(record, str):
        checks.choice("record", record, ("log",))
        decades = np.log10(total)
        chosen = np.rint(10 ** np.arange(0, decades, 1 / 8)).astype(np.int64)
    else:
        values = [
            checks.whole_number("record", value, low=1)
            for value in checks.sequence("record", record, of="numbers of steps")
        ]
        if any(value > total for value in values):
            raise ValueError(
                f"record asks for step {max(values)}, but steps is {total}; raise steps or drop it"
            )
        chosen = np.array(values, dtype=np.int64)
    return np.unique(np.append(chosen, total))
