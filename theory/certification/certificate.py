"""What can be promised about a head trained on given features, as one object."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunebound._ground.arrays import Booleans, Floats

Rows = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """What leaving one training sample out can do to predictions.

    Attributes
    ----------
    labels : ndarray, shape (m,)
        Predicted class of each test point, in the words of y.
    fixed : ndarray of bool, shape (m,)
        True where no single removal can change the prediction.
    flippers : ndarray of int, shape (m,)
        At most how many training samples can, each alone, change the prediction.
    reach : ndarray of int, shape (n,)
        At most how many of the m predictions each training sample can change when it is left out.
    flips : ndarray of int, shape (n,)
        How many it does change; -1 where the left-out head was not computed.
    computed : bool
        Whether `flippers` and `reach` come from every left-out head that can differ (and are then
        counts up to predictions within the heads' own error), or from one-solve certificates.
    group : int
        Size of the removals that `fixed_by_group` speaks of.
    fixed_by_group : ndarray of bool, shape (m,), or None
        True where no removal of up to `group` samples can change the prediction.
    """

    labels: NDArray[Any]
    fixed: Booleans
    flippers: Rows
    reach: Rows
    flips: Rows
    computed: bool
    group: int = 1
    fixed_by_group: Booleans | None = None

    @property
    def unchanged(self) -> float:
        """Share of the predictions that no single removal can change."""
        return float(self.fixed.mean())

    @property
    def largest_reach(self) -> float:
        """Largest share of the predictions that one training sample can change."""
        return float(self.reach.max() / self.fixed.size)


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """Left-out heads that were trained, beside what was promised.

    Attributes
    ----------
    steps : ndarray of float64, shape (K,)
        Recorded steps of gradient descent (or of its flow, in steps).
    distance : ndarray of float64, shape (K, n)
        Distance of the unit directions of the heads with and without each sample.
    anytime : float
        Certified bound on the mean over samples, at every step.
    """

    steps: Floats
    distance: Floats
    anytime: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Inseparable:
    """What stands between the data and a separator, and the head that is certified instead.

    Attributes
    ----------
    removal : ndarray of int, shape (k,)
        Rows whose removal leaves separable data; the smallest such set that was found.
    at_least : int
        No set of fewer rows does, as far as float64 tells, by a certificate.
    lam : float
        Weight of the penalty (lam/2)|w|^2 of the regularised head.
    chosen : bool
        Whether lam was chosen, by the leave-one-out error, or given.
    leave_one_out_error : float
        Share of the samples that the head without them gets wrong, as far as it is certified:
        undecided ones count as wrong.
    undecided : int
        Samples whose leave-one-out prediction the certificate leaves open.
    """

    removal: Rows
    at_least: int
    lam: float
    chosen: bool
    leave_one_out_error: float
    undecided: int


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Certificate:
    """What can be promised about the head trained on given features, before it is trained.

    Distances are those of unit directions, from 0 to sqrt(2) in the limit; the instability is their
    mean over the left-out sample.

    Attributes
    ----------
    n, d : int
        Samples and features, d as used: with the constant feature, if one was appended.
    classes : tuple
        Labels as they were given, in order.
    preparation : tuple of str
        What was done to the features, in words and in order; empty where nothing was.
    notes : tuple of str
        What a reader has to know about the data, by row and column.
    head : str
        The head that is spoken of, in words: that of gradient descent without penalty, in the
        limit, or the regularised one with its weight.
    separable : bool
    margin : float
        Certified margin; NaN where the data are not separable.
    radius : float
        Largest norm of a row.
    gap : float
        Relative duality gap behind margin and weights; of the regularised head its relative
        gradient.
    support : ndarray of int
        Rows of the support vectors; of a regularised head all rows.
    weights : ndarray of float64, shape (d,) or (K, d)
        The head itself.
    instability : float
        Certified bound on the mean distance, the mean of `per_sample`.
    ladder : mapping of str to float
        Every other certified bound on the mean that has the constants it needs, by the name of its
        formula; from one solve.
    along_training : float
        Certified bound on the mean distance at every step of gradient descent from 0.
    per_sample : ndarray of float64, shape (n,)
        Certified bound on the distance when each sample is left out, from one solve.
    exact : ndarray of float64, shape (n,)
        The distance itself, NaN where the left-out head was not computed.
    exact_error : ndarray of float64, shape (n,)
        Certified error of `exact`, NaN as there.
    pivotal : ndarray of int
        Rows that can move the head at all, the most pivotal first: by `exact` where it was computed
        for all of them, else by `per_sample`.
    group : int
        How many samples are removed together in `by_group`.
    by_group : float
        Certified bound on the distance for the worst removal of `group` samples.
    predictions : Predictions or None
        With test features.
    measured : Measured or None
        Where the left-out heads were trained too.
    inseparable : Inseparable or None
        Where no separator exists.
    provenance : mapping of str to str
        For each number above, where it comes from and what certifies it, in a sentence.
    content : tuple or None
        What to show of each sample to a person: text, or the bytes of an image.
    seconds : mapping of str to float
        Time that each part took.
    """

    n: int
    d: int
    classes: tuple[Any, ...]
    preparation: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    head: str
    separable: bool
    margin: float
    radius: float
    gap: float
    support: Rows
    weights: Floats
    instability: float
    ladder: Mapping[str, float]
    along_training: float
    per_sample: Floats
    exact: Floats
    exact_error: Floats
    pivotal: Rows
    group: int = 1
    by_group: float
    predictions: Predictions | None = None
    measured: Measured | None = None
    inseparable: Inseparable | None = None
    provenance: Mapping[str, str]
    content: tuple[str | bytes, ...] | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def unchanged(self) -> float | None:
        """Share of the test predictions that no single removal can change."""
        return None if self.predictions is None else self.predictions.unchanged

    @property
    def flippers(self) -> Rows | None:
        """At most how many samples can, each alone, change each test prediction."""
        return None if self.predictions is None else self.predictions.flippers

    def __repr__(self) -> str:
        from tunebound.theory.certification.wording import answer

        return f"<Certificate: {answer(self)[0]}>"

    def __str__(self) -> str:
        """What is promised, in about a dozen lines; bounds are rounded up, shares down."""
        from tunebound.theory.certification.wording import summary

        return summary(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain Python that `json.dumps(..., allow_nan=False)` takes.

        Keys are the attributes, beside ``format`` and ``version``. Arrays are lists; a number that
        is not finite is null, with its key's meaning; bytes are ``{"base64": text}``.
        """
        from tunebound.theory.certification.storage import as_dict

        return as_dict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Certificate:
        """The certificate of `to_dict`, also after JSON.

        Raises
        ------
        ValueError
            If it is of another format or version, or has other keys.
        """
        from tunebound.theory.certification.storage import from_dict

        return from_dict(stored)

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Write the certificate as one HTML file that needs no network, for people to read.

        Raises
        ------
        FileNotFoundError, IsADirectoryError
            If the file cannot be there; nothing is left behind.
        """
        from tunebound.theory.certification.page import write

        return write(self, path)

    def _repr_html_(self) -> str:
        """The answer and the figures, for notebooks."""
        from tunebound.theory.certification.page import cell

        return cell(self)
