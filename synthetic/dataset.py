"""A linearly separable sample together with its planted truth, and its file format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground.arrays import Floats, Integers
from tunebound._ground.checks import real_array
from tunebound._ground.sample_checks import labelled_sample
from tunebound._ground.storage import Stored
from tunebound.synthetic.truth import certified_margin, row_norms

# A dual that comes from a solver carries the solver's accuracy; planted truth is a thousand times
# better than this.
GIVEN_TOLERANCE = 1e-8
TRUTH = ("margin", "separator", "dual", "support")


def dataset_name(
    family: str,
    n: int,
    d: int,
    margin: float | None,
    radius: float,
    seed: int | None,
    options: Mapping[str, Any],
) -> str:
    """Short readable name such as ``gaussian-n100-d20-m0.5-r4-s3``; options that were given are
    appended.
    """
    parts = [family, f"n{n}", f"d{d}"]
    if margin is not None:
        parts.append(f"m{margin:.6g}")
    parts.append(f"r{radius:.6g}")
    if seed is not None:
        parts.append(f"s{seed}")
    parts += [
        f"{key}={value:.6g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in options.items()
    ]
    return "-".join(parts)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SeparableDataset(Stored):
    """Separable binary classification data; made by `make_separable`, `from_arrays` or `from_npz`.

    Attributes
    ----------
    X : (n, d) float64
        Samples (encoded features), one a row.
    y : (n,) int64
        Labels, −1 or +1, both present.
    radius : float
        max_i ‖x_i‖.
    margin : float or None
        min_i y_i x_iᵀ·separator, the largest possible over unit vectors; None when the truth is not
        known.
    separator : (d,) float64 or None
        The unit max-margin direction. The hard-margin weights are separator/margin.
    dual : (n,) float64 or None
        α ≥ 0 with Σ α_i y_i x_i = separator/margin and Σ α_i = 1/margin². It is unique when the
        samples on the margin are linearly independent (so at most d of them); otherwise this is one
        valid dual among many.
    support : (k,) int64 or None
        Increasing indices of the samples with dual > 0.
    family : str
        The family that made the data; "arrays" for data from outside.
    seed : int or None
    options : dict
        The family's options that were given explicitly.
    """

    FORMAT = "tunebound-separable-1"
    ENTRIES = ("X", "y", "radius", "family", "options")

    X: Floats
    y: Integers
    radius: float
    margin: float | None = None
    separator: Floats | None = None
    dual: Floats | None = None
    support: Integers | None = None
    family: str = "arrays"
    seed: int | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lacking = [name for name in TRUTH if getattr(self, name) is None]
        if 0 < len(lacking) < len(TRUTH):
            raise ValueError(
                f"the truth lacks {', '.join(lacking)}: {', '.join(TRUTH)} must be given together"
                " or not at all; build a dataset with make_separable, from_arrays or from_npz"
            )

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.X.shape[0])

    @property
    def d(self) -> int:
        """Number of features."""
        return int(self.X.shape[1])

    @property
    def name(self) -> str:
        """Short readable name such as ``gaussian-n100-d20-m0.5-r4-s3``."""
        return dataset_name(
            self.family, self.n, self.d, self.margin, self.radius, self.seed, self.options
        )

    def __repr__(self) -> str:
        return f"<SeparableDataset {self.name}>"

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
        X : (n, d) real numbers, finite, no zero row
        y : (n,) of −1 and +1, both present
        separator : (d,) unit vector, optional
        dual : (n,) at least 0, optional
            Give both or neither. Given, they are checked by the optimality conditions to 1e-8
            (relative, times radius/margin). Set the solver's noise in ``dual`` to zero first: every
            positive entry counts as support.

        Raises
        ------
        TypeError
            If an array does not hold real numbers.
        ValueError
            If a shape, a value or a label is wrong, only one of ``separator`` and ``dual`` is
            given, or the conditions fail. Separability itself is not decided here when no truth is
            given.
        """
        points, signs = labelled_sample(X, y)
        samples, labels = np.array(points), signs.astype(np.int64)
        norms = row_norms(samples)
        if norms.min() == 0.0:
            raise ValueError(
                f"X has a zero row at index {int(norms.argmin())}: no separator through the origin"
                " can classify it; drop the sample or append a constant feature to X"
            )
        radius = float(norms.max())
        if separator is None and dual is None:
            return cls(X=samples, y=labels, radius=radius)
        if separator is None or dual is None:
            raise ValueError(
                "separator and dual must be given together: the dual is what proves that the"
                " separator is optimal"
            )
        direction = np.array(real_array("separator", separator))
        multipliers = np.array(real_array("dual", dual))
        if direction.shape != (samples.shape[1],):
            raise ValueError(
                f"separator must have shape ({samples.shape[1]},) to fit X, got {direction.shape}"
            )
        if multipliers.shape != (samples.shape[0],):
            raise ValueError(
                f"dual must have shape ({samples.shape[0]},) to fit X, got {multipliers.shape}"
            )
        margin = certified_margin(
            samples, labels, direction, multipliers, tolerance=GIVEN_TOLERANCE
        )
        support = np.flatnonzero(multipliers > 0).astype(np.int64)
        return cls(
            X=samples,
            y=labels,
            radius=radius,
            margin=margin,
            separator=direction,
            dual=multipliers,
            support=support,
        )

    def entries(self) -> dict[str, Any]:
        """What is written: samples, the truth as far as it is known, and what made them."""
        written: dict[str, Any] = {
            "X": self.X,
            "y": self.y,
            "radius": np.float64(self.radius),
            "family": self.family,
            "options": json.dumps(self.options),
        }
        written |= {name: getattr(self, name) for name in TRUTH if self.margin is not None}
        if self.seed is not None:
            written["seed"] = str(self.seed)  # As text: a seed may be larger than 64 bits.
        return written

    @classmethod
    def from_entries(cls, stored: Mapping[str, NDArray[Any]]) -> Self:
        """The dataset of stored arrays, whose truth is checked again.

        Raises
        ------
        TypeError, ValueError
            As `from_arrays`; and if the radius, the margin or the support does not fit the arrays.
        """
        checked = cls.from_arrays(
            stored["X"], stored["y"], separator=stored.get("separator"), dual=stored.get("dual")
        )
        options = json.loads(str(stored["options"]))
        if not isinstance(options, dict):
            raise ValueError(f"options must be a mapping, got {options!r}")
        radius = float(stored["radius"])
        if not np.isclose(radius, checked.radius, rtol=1e-12, atol=0.0):
            raise ValueError(f"radius {radius!r} is not the largest norm in X, {checked.radius!r}")
        margin = float(stored["margin"]) if "margin" in stored else None
        support = stored.get("support")
        # A truth in part is refused when the dataset is made.
        if margin is not None and checked.margin is not None:
            off = abs(margin - checked.margin)
            if not off <= GIVEN_TOLERANCE * radius:
                raise ValueError(
                    f"margin {margin!r} is not the smallest distance, {checked.margin!r}"
                )
        listed = checked.support
        if support is not None and listed is not None and not np.array_equal(support, listed):
            raise ValueError("support does not list the samples with dual > 0")
        return replace(
            checked,
            radius=radius,
            margin=margin,
            support=None if support is None else np.asarray(support, dtype=np.int64),
            family=str(stored["family"]),
            seed=int(str(stored["seed"])) if "seed" in stored else None,
            options=options,
        )
