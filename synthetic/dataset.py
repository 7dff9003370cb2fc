"""A linearly separable sample together with its planted truth, and its file format."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground.arrays import Floats, Integers
from tunebound._ground.checks import labelled_sample, real_array
from tunebound._ground.storage import read_arrays, write_arrays
from tunebound.synthetic.truth import certified_margin, row_norms

FORMAT = "tunebound-separable-1"
# A dual that comes from a solver carries the solver's accuracy; planted truth is a thousand times
# better than this.
GIVEN_TOLERANCE = 1e-8


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


@dataclass(frozen=True, eq=False, kw_only=True)
class SeparableDataset:
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
        truth = (self.margin, self.separator, self.dual, self.support)
        if any(part is None for part in truth) and any(part is not None for part in truth):
            raise ValueError(
                "margin, separator, dual and support must be given together or not at all; build a"
                " dataset with make_separable, from_arrays or from_npz"
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
    ) -> SeparableDataset:
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

    def to_npz(self, path: str | os.PathLike[str]) -> Path:
        """Write the dataset to ``path`` (NumPy .npz, no pickled objects); returns the path.

        The file appears complete or not at all: it is written beside the target and then renamed.
        """
        arrays: dict[str, Any] = {
            "format": FORMAT,
            "X": self.X,
            "y": self.y,
            "radius": np.float64(self.radius),
            "family": self.family,
            "options": json.dumps(self.options),
        }
        optional = {
            "margin": self.margin,
            "separator": self.separator,
            "dual": self.dual,
            "support": self.support,
        }
        arrays |= {key: value for key, value in optional.items() if value is not None}
        if self.seed is not None:
            arrays["seed"] = str(self.seed)  # As text: a seed may be larger than 64 bits.
        return write_arrays(path, arrays)

    @classmethod
    def from_npz(cls, path: str | os.PathLike[str]) -> SeparableDataset:
        """Read a dataset that `to_npz` wrote; arrays come back bit for bit and the truth is checked
        again.

        Raises
        ------
        FileNotFoundError, PermissionError, IsADirectoryError
            If there is no such file or it may not be read.
        ValueError
            If the file is no .npz, is damaged, holds pickled objects, lacks an entry or contradicts
            itself.
        """
        entries = ("X", "y", "radius", "family", "options")
        return _from_entries(read_arrays(path, format_name=FORMAT, entries=entries), Path(path))


def _from_entries(stored: Mapping[str, NDArray[Any]], source: Path) -> SeparableDataset:
    truth = ("margin", "separator", "dual", "support")
    missing = [key for key in truth if key not in stored]
    if missing and len(missing) < len(truth):
        raise ValueError(
            f"{source} lacks the entries {', '.join(missing)}; it was not written by to_npz"
        )
    try:
        checked = SeparableDataset.from_arrays(
            stored["X"], stored["y"], separator=stored.get("separator"), dual=stored.get("dual")
        )
        options = json.loads(str(stored["options"]))
        seed = int(str(stored["seed"])) if "seed" in stored else None
        radius = float(stored["radius"])
        margin = float(stored["margin"]) if "margin" in stored else None
        if not isinstance(options, dict):
            raise ValueError(f"options must be a mapping, got {options!r}")
        if not np.isclose(radius, checked.radius, rtol=1e-12, atol=0.0):
            raise ValueError(f"radius {radius!r} is not the largest norm in X, {checked.radius!r}")
        if margin is not None and checked.margin is not None and checked.support is not None:
            if not abs(margin - checked.margin) <= GIVEN_TOLERANCE * radius:
                raise ValueError(
                    f"margin {margin!r} is not the smallest distance, {checked.margin!r}"
                )
            if not np.array_equal(stored["support"], checked.support):
                raise ValueError("support does not list the samples with dual > 0")
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{source} contradicts itself: {error}; write the file again with to_npz"
        ) from error
    return SeparableDataset(
        X=checked.X,
        y=checked.y,
        radius=radius,
        margin=margin,
        separator=checked.separator,
        dual=checked.dual,
        support=checked.support,
        family=str(stored["family"]),
        seed=seed,
        options=options,
    )
