"""A linearly separable sample of several classes together with its planted truth, and its file
format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground.arrays import Floats, Integers
from tunebound._ground.checks import real_array, require, within_float64
from tunebound._ground.sample_checks import labelled_classes
from tunebound._ground.storage import Stored
from tunebound.synthetic.truth import row_norms

# A dual that comes from a solver carries the solver's accuracy.
GIVEN_TOLERANCE = 1e-8


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ClassDataset(Stored):
    """Separable data of K classes; made by `make_classes`, `from_arrays` or `from_npz`.

    Attributes
    ----------
    X : (n, d) float64
        Samples (encoded features), one a row.
    y : (n,) int64
        Labels 0, 1, …, K − 1, all present.
    radius : float
        max_i ‖x_i‖.
    margin : float or None
        min over samples i and classes k ≠ y_i of (u_{y_i} − u_k)ᵀx_i for the separator U, the
        largest possible over matrices of Frobenius norm 1; None when the truth is not known.
    separator : (K, d) float64 or None
        U. The hard-margin weights are separator/margin.
    dual : (n, K) float64 or None
        α ≥ 0, 0 at a sample's own class, with Σ α_ik (e_{y_i} − e_k)x_iᵀ = separator/margin and sum
        1/margin².
    rivals : str
        How the truth was planted: "one", "all", or "given" for data from outside.
    seed : int or None
    """

    FORMAT = "tunebound-classes-1"
    ENTRIES = ("X", "y", "radius", "rivals")

    X: Floats
    y: Integers
    radius: float
    margin: float | None = None
    separator: Floats | None = None
    dual: Floats | None = None
    rivals: str = "given"
    seed: int | None = None

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.X.shape[0])

    @property
    def d(self) -> int:
        """Number of features."""
        return int(self.X.shape[1])

    @property
    def classes(self) -> int:
        """Number K of classes."""
        return int(self.y.max()) + 1

    @property
    def name(self) -> str:
        """Short readable name such as ``classes3-one-n60-d8-m0.5-r4-s1``."""
        margin = "" if self.margin is None else f"-m{self.margin:.6g}"
        seed = "" if self.seed is None else f"-s{self.seed}"
        size = f"n{self.n}-d{self.d}{margin}-r{self.radius:.6g}"
        return f"classes{self.classes}-{self.rivals}-{size}{seed}"

    def __repr__(self) -> str:
        return f"<ClassDataset {self.name}>"

    @classmethod
    def from_arrays(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        *,
        separator: ArrayLike | None = None,
        dual: ArrayLike | None = None,
    ) -> Self:
        """Wrap arrays from outside (copied).

        Parameters
        ----------
        X : (n, d) real numbers, finite
        y : (n,) of 0, 1, …, K − 1, all present
        separator : (K, d) of Frobenius norm 1, optional
        dual : (n, K) at least 0, optional
            Give both or neither. Given, they are checked by the optimality conditions to 1e-8
            (relative, times √2·radius/margin).

        Raises
        ------
        TypeError
            If an array does not hold real numbers.
        ValueError
            If a shape, a value or a label is wrong, only one of ``separator`` and ``dual`` is
            given, or the conditions fail. Separability itself is not decided here when no truth is
            given.
        """
        points, labels, classes = labelled_classes(X, y, classes=None, members=1)
        samples = np.array(points)
        radius = float(row_norms(samples).max())
        if separator is None and dual is None:
            return cls(X=samples, y=labels, radius=radius)
        if separator is None or dual is None:
            raise ValueError(
                "separator and dual must be given together: the dual is what proves that the"
                " separator is optimal"
            )
        direction = np.array(real_array("separator", separator))
        multipliers = np.array(real_array("dual", dual))
        for name, array, shape in (
            ("separator", direction, (classes, samples.shape[1])),
            ("dual", multipliers, (len(samples), classes)),
        ):
            if array.shape != shape:
                raise ValueError(
                    f"{name} must have shape {shape} to fit X and y, got {array.shape}"
                )
        margin = certified_class_margin(
            samples, labels, direction, multipliers, tolerance=GIVEN_TOLERANCE
        )
        return cls(
            X=samples,
            y=labels,
            radius=radius,
            margin=margin,
            separator=direction,
            dual=multipliers,
        )

    def entries(self) -> dict[str, Any]:
        """What is written: samples, the truth as far as it is known, and what made them."""
        written: dict[str, Any] = {
            "X": self.X,
            "y": self.y,
            "radius": np.float64(self.radius),
            "rivals": self.rivals,
        }
        truth = {"margin": self.margin, "separator": self.separator, "dual": self.dual}
        written |= {name: value for name, value in truth.items() if value is not None}
        if self.seed is not None:
            written["seed"] = str(self.seed)  # as text: a seed may be larger than 64 bits
        return written

    @classmethod
    def from_entries(cls, stored: Mapping[str, NDArray[Any]]) -> Self:
        """The data set of stored arrays, whose truth is checked again.

        Raises
        ------
        TypeError, ValueError
            As `from_arrays`; and if the radius or the margin does not fit the arrays.
        """
        checked = cls.from_arrays(
            stored["X"], stored["y"], separator=stored.get("separator"), dual=stored.get("dual")
        )
        radius = float(stored["radius"])
        if not np.isclose(radius, checked.radius, rtol=1e-12, atol=0.0):
            raise ValueError(f"radius {radius!r} is not the largest norm in X, {checked.radius!r}")
        margin = float(stored["margin"]) if "margin" in stored else None
        if (margin is None) != (checked.margin is None):
            raise ValueError("margin, separator and dual must be stored together")
        if margin is not None and checked.margin is not None:
            off = abs(margin - checked.margin)
            if not off <= GIVEN_TOLERANCE * radius:
                raise ValueError(f"margin {margin!r} is not the smallest lead, {checked.margin!r}")
        return replace(
            checked,
            radius=radius,
            margin=margin,
            rivals=str(stored["rivals"]),
            seed=int(str(stored["seed"])) if "seed" in stored else None,
        )


@within_float64("X", "separator", "dual")
def certified_class_margin(
    X: Floats, y: Integers, separator: Floats, dual: Floats, *, tolerance: float
) -> float:
    """Margin of ``separator`` after the dual has proved that no other matrix has a larger one.

    With leads l_ik = (u_{y_i} − u_k)ᵀx_i, k ≠ y_i, of a matrix U of norm 1 and m = min l_ik, the
    pair (W = U/m, α) solves min ‖W‖² s.t. (w_{y_i} − w_k)ᵀx_i ≥ 1 exactly when α ≥ 0,
    Σ α_ik (e_{y_i} − e_k)x_iᵀ = W and Σ α_ik (l_ik/m − 1) = 0 (Karush, Kuhn, Tucker; sufficient
    since the problem is convex).

    Parameters
    ----------
    X : (n, d) float64
    y : (n,) int64 of 0, …, K − 1
    separator : (K, d) float64, of Frobenius norm 1
    dual : (n, K) float64, at least 0 and 0 at a sample's own class
    tolerance : float
        Largest residual allowed, relative to √2·radius/margin, the factor by which rounding of X is
        magnified.

    Returns
    -------
    float
        The margin.

    Raises
    ------
    ValueError
        If a condition fails; the message names the condition and its residual.
    """
    each = np.arange(len(X))
    length = float(np.linalg.norm(separator))
    if abs(length - 1.0) > tolerance:
        raise ValueError(
            f"separator must have the Frobenius norm 1, got {length!r}; divide it by its norm"
        )
    require("dual", dual, dual >= 0, "must be 0 or more: drop the solver's noise")
    if dual[each, y].any():
        raise ValueError("dual must be 0 at a sample's own class: no sample is its own rival")
    scores = X @ separator.T
    leads = scores[each, y][:, None] - scores
    leads[each, y] = np.inf
    margin = float(leads.min())
    if margin <= 0.0:
        worst, rival = np.unravel_index(int(leads.argmin()), leads.shape)
        raise ValueError(
            f"separator does not separate: sample {worst} leads over class {rival} by {margin!r};"
            " pass the max-margin separator of these arrays"
        )
    allowed = tolerance * np.sqrt(2) * float(row_norms(X).max()) / margin
    shares = dual * margin * margin
    held = -shares
    held[each, y] = shares.sum(axis=1)
    stationarity = float(np.linalg.norm(held.T @ X / margin - separator))
    if not stationarity <= allowed:
        raise ValueError(
            "separator and dual violate stationarity, Σ dual (e_y − e_k)xᵀ = separator/margin, by"
            f" {stationarity:.3g} relative (allowed {allowed:.3g}); the dual must be scaled so that"
            " its sum is 1/margin²"
        )
    leads[each, y] = margin
    slackness = float((shares * (leads / margin - 1.0)).sum())
    if not slackness <= allowed:
        raise ValueError(
            f"separator and dual violate complementary slackness by {slackness:.3g} relative"
            f" (allowed {allowed:.3g}); the dual must be 0 where a lead exceeds the margin"
        )
    return margin
