"""Separators of data of which one label is changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from tunebound import bounds, synthetic
from tunebound._ground.arrays import Floats

# Each takes a solve of its own, and studies have hundreds of sets.
MOST = 12


@dataclass(frozen=True, kw_only=True)
class LabelChanges:
    """The separators with one label changed, of the m samples, among `MOST` of each set, whose
    changed label can be learned: the data are separable with it.

    Attributes
    ----------
    samples : (m,)
        Their numbers, increasing.
    weights : (m, d)
        Hard-margin separators.
    margins : (m,)
    duals : (m, n)
    gaps : (m,)
        Relative duality gaps.
    """

    samples: NDArray[np.intp]
    weights: Floats
    margins: Floats
    duals: Floats
    gaps: Floats


def changed(data: synthetic.SeparableDataset, sample: int) -> Floats:
    """The samples X, one mirrored at the origin: to a head without a bias its label is changed."""
    X = data.X.copy()
    X[sample] *= -1.0
    return X


def label_changes(data: synthetic.SeparableDataset) -> LabelChanges:
    """Solve anew with the label of each of some samples changed, which lie evenly in the set."""
    samples, found = [], []
    tried = np.unique(np.linspace(0, data.n - 1, min(data.n, MOST)).round().astype(int))
    for sample in tqdm(tried, desc="changed labels", delay=2, disable=None, leave=False):
        try:
            found.append(bounds.max_margin(changed(data, sample), data.y))
        except bounds.NotSeparableError:
            continue  # left out of `samples`, which is what counts them
        samples.append(sample)
    return LabelChanges(
        samples=np.array(samples, dtype=np.intp),
        weights=np.array([each.weights for each in found]).reshape(-1, data.d),
        margins=np.array([each.margin for each in found]),
        duals=np.array([each.dual for each in found]).reshape(-1, data.n),
        gaps=np.array([each.gap for each in found]),
    )
