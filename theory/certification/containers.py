"""What holds numbers and labels, as NumPy and pandas read it: shared by features and labels."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A dense float64 array beyond this is refused before it is made; a certificate needs several such.
LARGEST_BYTES = 4 * 2**30
SHOWN = 5


def unwrapped(value: Any, name: str) -> Any:
    """A pandas frame or series, or what NumPy reads; other containers are turned into these."""
    if is_tensor(value):
        return tensor_array(value, name)
    home = type(value).__module__.partition(".")[0]
    if home == "pyarrow":
        return value.to_pandas()
    if home == "scipy" and hasattr(value, "toarray"):
        affordable(value.shape, name)
        return value.toarray()
    if home != "pandas" and hasattr(value, "__dataframe__"):
        from pyarrow.interchange import from_dataframe

        return from_dataframe(value).to_pandas()
    return unmasked(value, name)


def is_tensor(value: Any) -> bool:
    # whoever holds a tensor has imported torch
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def tensor_array(value: Any, name: str) -> NDArray[Any]:
    """A tensor on the host, real ones as float64, whole numbers and booleans as they are."""
    import torch

    if value.device.type == "meta":
        raise TypeError(f"{name} is a tensor without data (device 'meta'): load its values first")
    if value.is_complex():
        raise TypeError(f"{name} is complex ({value.dtype}): pass its real and imaginary parts")
    if value.is_quantized:
        value = value.dequantize()
    affordable(value.shape, name)
    value = value.detach()
    if value.layout != torch.strided:
        value = value.to_dense()
    # NumPy knows neither bfloat16 nor the 8-bit floats of torch
    kept = value.double() if value.is_floating_point() else value
    array: NDArray[Any] = kept.cpu().resolve_neg().numpy()
    return array


def sequence_array(value: Any, name: str) -> NDArray[Any]:
    if isinstance(value, (str, bytes, dict, set)) or not (
        hasattr(value, "__array__") or isinstance(value, Sequence)
    ):
        raise TypeError(f"{name} is of type {type(value).__name__}: pass an array, frame or tensor")
    if not isinstance(value, Sequence) or hasattr(value, "__array__"):
        return np.asarray(value)
    # element by element: NumPy would read [1, "2"] as text and [1, True] as numbers
    rows = np.empty(len(value), dtype=object)
    for position, item in enumerate(value):
        rows[position] = item
    return rows


def unmasked(value: Any, name: str) -> Any:
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array: drop or fill the masked entries first")
    return value


def affordable(shape: Sequence[int], name: str) -> None:
    """Raise ValueError where a dense float64 array of this shape exceeds 4 GiB."""
    size = 8
    for length in shape:
        size *= int(length)
    if size > LARGEST_BYTES:
        extent = " x ".join(f"{length:,}" for length in shape)
        raise ValueError(
            f"{name} of {extent} numbers takes {size / 2**30:,.1f} GiB as a dense array, more than"
            f" {LARGEST_BYTES / 2**30:g} GiB: take fewer rows, or reduce the columns"
        )


def is_frame(value: Any) -> bool:
    return hasattr(value, "columns") and hasattr(value, "iloc")


def holds_vectors(series: Any) -> bool:
    """Whether the cells of a pandas series are vectors of numbers, as embeddings are stored."""
    filled = series[series.notna()] if series.dtype == object else series[:0]
    if len(filled) == 0 or not isinstance(filled.iloc[0], (list, tuple, np.ndarray)):
        return False
    return np.asarray(filled.iloc[0]).dtype.kind in "biuf"


def is_missing(value: Any) -> bool:
    # None, NaN, and pandas' NA and NaT, none of which equals itself beyond doubt
    return (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or bool(isinstance(value, (float, np.floating)) and np.isnan(value))
    )


def row_list(rows: NDArray[np.intp]) -> str:
    return listed("row", [str(row) for row in rows])


def listed(noun: str, items: Sequence[str]) -> str:
    more = f" and {len(items) - SHOWN:,} more" if len(items) > SHOWN else ""
    return f"{noun}{'s' if len(items) > 1 else ''} {', '.join(items[:SHOWN])}{more}"
