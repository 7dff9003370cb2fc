"""Data that refute what is said of optimisers with a memory; docs/stochastic-heads.md has the
reasons.

Each makes a sample of a given size with its separator and dual; labels alternate, since leaving one
out must keep both classes, and z_j = y_j x_j is what counts.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tunebound import synthetic
from tunebound._ground.arrays import Floats, Integers
from tunebound._ground.checks import whole_number

TILT = 0.1
NEUTRAL, PULSE_MARGIN = 4, 0.05
PULL, PULL_MARGIN = 2.0, 0.2
RARE = 40  # one sample in so many pulls the other way


def sign_flips(n: int) -> synthetic.SeparableDataset:
    """z = (1, ε) and (1, −ε) equally often and (1, ε/2) once: without one of the first, the sum of
    all z changes a sign; n odd, at least 5.
    """
    _sized("sign-flips", n, low=5, rule="odd", fits=n % 2 == 1)
    k = n // 2
    Z = np.array([[1.0, TILT]] * k + [[1.0, -TILT]] * k + [[1.0, TILT / 2]])
    dual = np.zeros(n)
    dual[: 2 * k] = 1 / (2 * k)
    return _labelled("sign-flips", Z, np.array([1.0, 0.0]), dual)


def pulses(n: int) -> synthetic.SeparableDataset:
    """z = (1, γ) and (−1, γ) equally often and (0, γ) four times; n even, at least 8."""
    _sized("pulses", n, low=NEUTRAL + 4, rule="even", fits=n % 2 == 0)
    k = (n - NEUTRAL) // 2
    Z = np.array(
        [[1.0, PULSE_MARGIN]] * k + [[-1.0, PULSE_MARGIN]] * k + [[0.0, PULSE_MARGIN]] * NEUTRAL
    )
    return _labelled("pulses", Z, np.array([0.0, 1.0]), np.full(n, 1 / (n * PULSE_MARGIN**2)))


def pulse_cycle(n: int) -> Integers:
    """The batches of one pass over `pulses`: all samples with a first coordinate, then each of the
    others alone.
    """
    moving = n - NEUTRAL
    cycle = np.full((1 + NEUTRAL, moving), -1)
    cycle[0] = np.arange(moving)
    cycle[1:, 0] = moving + np.arange(NEUTRAL)
    return cycle


def tugs(n: int) -> synthetic.SeparableDataset:
    """z = (±1, 2, γ), both signs equally often, and (±1, −2, γ) once each, or one in forty; n even,
    at least 4.
    """
    _sized("tugs", n, low=4, rule="even", fits=n % 2 == 0)
    rare = max(1, n // RARE)
    k = n // 2 - rare
    Z = np.array(
        [[1.0, PULL, PULL_MARGIN]] * k
        + [[-1.0, PULL, PULL_MARGIN]] * k
        + [[1.0, -PULL, PULL_MARGIN]] * rare
        + [[-1.0, -PULL, PULL_MARGIN]] * rare
    )
    # both ways of pulling weigh the same in the dual, so that only the margin is left
    dual = np.repeat([1 / k, 1 / k, 1 / rare, 1 / rare], [k, k, rare, rare])
    dual /= 4 * PULL_MARGIN**2
    return _labelled("tugs", Z, np.array([0.0, 0.0, 1.0]), dual)


CONSTRUCTED = {"sign-flips": sign_flips, "pulses": pulses, "tugs": tugs}


def _sized(name: str, n: int, *, low: int, rule: str, fits: bool) -> None:
    whole_number("n", n, low=low, remedy=f"it is the number of samples of {name}")
    if not fits:
        raise ValueError(f"n must be {rule} for {name}, got {n}; take {n + 1}")


def _labelled(name: str, Z: Floats, separator: Floats, dual: Floats) -> synthetic.SeparableDataset:
    y = np.where(np.arange(len(Z)) % 2 == 0, 1, -1)
    made = synthetic.SeparableDataset.from_arrays(Z * y[:, None], y, separator=separator, dual=dual)
    return replace(made, family=name)
