"""Peak memory of one large run under a chosen limit, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

from benchmarks.tables import Cell, Table

FULL = (2000, 500, 5)  # D, n, d
QUICK = (40, 60, 5)
LIMITS = (2**24, 2**26, 2**28)

# ru_maxrss is a high-water mark: what imports, data, checks and threads take is taken before it is
# read for the first time.
PROBE = """
import json, resource, sys
import numpy as np
from tunebound.tuning import learning_rate_limits, tune_heads
def peak():
    scale = 1 if sys.platform == "darwin" else 1024
    return scale * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
D, n, d, memory = map(int, sys.argv[1:])
draw = np.random.default_rng(0)
X = draw.normal(size=(D, n, d))
y = np.where(np.arange(n) % 2, 1, -1) * np.ones((D, 1), dtype=int)
learning_rate_limits(X)
tune_heads(X[:20], y[:20], steps=1, record=[1], memory=memory, device="cpu")
before = peak()
run = tune_heads(X, y, steps=2, record=[2], memory=memory, device="cpu")
kept = sum(value.nbytes for value in vars(run).values() if isinstance(value, np.ndarray))
print(json.dumps([before, peak(), X.nbytes, kept]))
"""


def tables(quick: bool, progress: Callable[[str], None]) -> Iterator[Table]:
    """Peak resident memory above that of the data, for some limits."""
    D, n, d = QUICK if quick else FULL
    rows: list[tuple[Cell, ...]] = []
    for limit in LIMITS[:1] if quick else LIMITS:
        progress(f"peak memory at n = {n}, D = {D}, memory = 2**{limit.bit_length() - 1}")
        command = [sys.executable, "-c", PROBE, *map(str, (D, n, d, limit))]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        before, peak, data, kept = json.loads(done.stdout.splitlines()[-1])
        rows.append(
            (
                f"{n}, {d}, {D}",
                *(
                    value / 2**20
                    for value in (limit, 8 * D * n * (n + 1), data, kept, peak - before)
                ),
                _verdict(limit, peak - before - kept),
            )
        )
    yield Table(
        name="memory",
        title="Peak memory",
        columns=(
            "n, d, D",
            "memory=, MiB",
            "all margins, MiB",
            "data, MiB",
            "results, MiB",
            "peak above the data, MiB",
            "of it not results",
        ),
        rows=tuple(rows),
        notes=(
            (
                "Resident memory of a process of its own that has checked the data already; two"
                " steps, one record."
            ),
        ),
    )


def _verdict(limit: int, working: int) -> str:
    return (
        f"{max(working, 0) / 2**20:,.0f} MiB: {'under' if working <= limit else 'OVER'} the limit"
    )
