"""NumPy's .npy and .npz, without pickled objects."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from tunebound.theory.certification.containers import affordable
from tunebound.theory.certification.formats.archives import opened

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# What unpacking a damaged entry raises; a password is a RuntimeError.
_DAMAGED = (
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_array(path: Path) -> dict[str, Any]:
    """The one array, under the file's own name."""
    with path.open("rb") as stream:
        return {path.stem: _array(stream, path.stat().st_size, "the array")}


def read_archive(path: Path) -> dict[str, Any]:
    """All arrays by name."""
    arrays: dict[str, Any] = {}
    with opened(path, "an .npz archive", "numpy.savez") as archive:
        for entry in archive.infolist():
            name = entry.filename.removesuffix(".npy")
            if name in arrays:
                raise ValueError(f"two arrays are named {name!r}: save the archive again")
            try:
                with archive.open(entry) as stream:
                    arrays[name] = _array(stream, entry.file_size, f"array {name!r}")
            except _DAMAGED as error:
                raise ValueError(f"array {name!r} is damaged ({error}): save it again") from error
    return arrays


def _array(stream: IO[bytes], size: int, name: str) -> Any:
    """The array of a stream of `size` bytes, whose header is judged before it is believed."""
    try:
        version = np.lib.format.read_magic(stream)
    except ValueError:
        raise ValueError(f"{name} is not in NumPy's format: save it with numpy.save") from None
    try:
        if version not in _HEADERS:
            raise ValueError(f"version {version}")
        shape, _, dtype = _HEADERS[version](stream)
    except (ValueError, EOFError, TypeError, tokenize.TokenError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{name} has no readable header ({reason}): save it again") from error
    if dtype.hasobject:
        raise ValueError(
            f"{name} holds Python objects, which are never loaded since that may execute code: save"
            " numbers, or text with .astype(str)"
        )
    affordable(shape, name)
    if math.prod(shape) * dtype.itemsize > size - stream.tell():
        raise ValueError(f"{name} is cut short of its shape {shape}: write the file again")
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)
