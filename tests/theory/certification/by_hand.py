"""A certificate written by hand, whose sentences can be read off it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tunebound.theory.certification.certificate import (
    Certificate,
    Inseparable,
    Measured,
    Predictions,
)

PREDICTIONS = Predictions(
    labels=np.array(["cat"] * 3 + ["dog"] * 4),
    fixed=np.array([True, True, True, True, True, False, False]),
    flippers=np.array([0, 0, 0, 0, 0, 1, 2]),
    reach=np.array([2, 1, 0, 0]),
    flips=np.array([1, -1, 0, 0]),
    computed=False,
)
CERTIFICATE = Certificate(
    n=4,
    d=2,
    classes=("cat", "dog"),
    preparation=("the mean was subtracted; B/margin depends on this",),
    notes=("rows 2 and 3 are equal",),
    head="one head",
    separable=True,
    margin=0.123456,
    radius=2.00001,
    gap=1.234e-9,
    support=np.array([0, 1]),
    weights=np.array([1.0, -0.5]),
    instability=0.10001,
    ladder={"limit": 0.5, "free": np.inf},
    along_training=0.9,
    per_sample=np.array([0.30001, 0.1, 0.0, 0.0]),
    exact=np.array([0.2, np.nan, np.nan, np.nan]),
    exact_error=np.array([1e-9, np.nan, np.nan, np.nan]),
    pivotal=np.array([0, 1]),
    by_group=0.4,
    predictions=PREDICTIONS,
    provenance={"margin": "from the separator"},
    content=("one <b>", "two", "three", "four"),
    seconds={"separator": 0.25},
)
REGULARISED = replace(
    CERTIFICATE,
    head="the regularised head",
    separable=False,
    margin=np.nan,
    along_training=np.nan,
    by_group=np.nan,
    support=np.arange(4),
    pivotal=np.arange(4),
    predictions=None,
    inseparable=Inseparable(
        removal=np.array([1, 3]),
        at_least=1,
        lam=0.1,
        chosen=True,
        leave_one_out_error=0.25,
        undecided=1,
    ),
)
MEASURED = replace(
    CERTIFICATE,
    exact=np.full(4, np.nan),
    exact_error=np.full(4, np.nan),
    measured=Measured(
        steps=np.array([1.0, 1e30]), distance=np.array([[0.0] * 4, [0.1, 0.1, 0, 0]]), anytime=0.9
    ),
)


def with_predictions(**changes: object) -> Certificate:
    return replace(CERTIFICATE, predictions=replace(PREDICTIONS, **changes))
