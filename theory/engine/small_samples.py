"""Small separable samples as functions of real numbers, and simpler samples.

A linear head without a bias sees a labelled sample as its signed rows z_i = y_i x_i alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunebound import synthetic
from tunebound._ground.arrays import Floats

FEWEST = 4  # samples: two a class, so that each can be left out
DIGITS = (1, 2, 3, 5)

Shape = tuple[int, int]


def labelled(rows: Floats) -> synthetic.SeparableDataset:
    """The sample of signed rows (n, d) under labels that alternate."""
    y = np.where(np.arange(len(rows)) % 2, -1, 1)
    return synthetic.SeparableDataset.from_arrays(rows * y[:, None], y)


def separable_member(point: Floats, shape: Shape) -> synthetic.SeparableDataset:
    """The sample of n·d real numbers whose margin along the first axis is at least 1, whatever they
    are.
    """
    rows = point.reshape(shape).copy()
    rows[:, 0] = 1.0 + np.abs(rows[:, 0])
    return labelled(rows)


def simpler(data: synthetic.SeparableDataset) -> Iterator[synthetic.SeparableDataset]:
    """Without one sample; without the direction of least variation; without one feature; with
    entries of few digits. None has a sample at the origin, which no head classifies.
    """
    rows = data.X * data.y[:, None]
    n, d = rows.shape
    tried = [np.delete(rows, i, axis=0) for i in range(n)] if n > FEWEST else []
    if d > 1:
        tried.append(rows @ np.linalg.svd(rows)[2][:-1].T)
        tried += [np.delete(rows, j, axis=1) for j in range(d)]
    tried += rounded(rows)
    for fewer in tried:
        if np.all(np.any(fewer != 0, axis=1)):
            yield labelled(fewer)


def rounded(rows: Floats) -> list[Floats]:
    """The rows over their largest entry with few digits, the fewest first; none that is the same
    already.
    """
    scaled = rows / np.abs(rows).max()
    return [
        short for digits in DIGITS if not np.array_equal(short := np.round(scaled, digits), rows)
    ]


def fewer_steps(steps: float) -> list[int]:
    """Smaller numbers of steps to try, the smallest first."""
    tried = (1, int(steps // 4), int(steps // 2), int(steps) - 1)
    return [fewer for fewer in dict.fromkeys(tried) if 1 <= fewer < steps]
