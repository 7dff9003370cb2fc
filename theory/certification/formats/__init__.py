"""Files of features: a module for each kind, none of which executes anything that a file holds.

A reader is a function from a path to the named columns of the file, or the named arrays. What it
cannot take, it refuses with a ValueError in one sentence, which `read_columns` puts behind the
file's name.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

# Ending of a file: the module of this package that reads it, and its function.
READERS = {
    ".npy": ("numpy_arrays", "read_array"),
    ".npz": ("numpy_arrays", "read_archive"),
    ".csv": ("delimited", "read_text"),
    ".tsv": ("delimited", "read_text"),
    ".jsonl": ("json_lines", "read_lines"),
    ".parquet": ("parquet", "read_parquet"),
    ".feather": ("arrow", "read_arrow"),
    ".arrow": ("arrow", "read_arrow"),
    ".safetensors": ("tensors", "read_safetensors"),
    ".pt": ("tensors", "read_torch"),
    ".pth": ("tensors", "read_torch"),
}


def read_columns(path: Path) -> dict[str, Any]:
    """Read the columns of a table or the arrays of an archive by name, in their order.

    Parameters
    ----------
    path : Path
        Its ending says the kind; see `READERS`.

    Returns
    -------
    dict of str to ndarray or pandas.Series
        At least one; a file of a single array without a name has it under the file's own.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError
        If there is no such file or it may not be read.
    ValueError
        If the file is empty, damaged, of another kind than it says, too large, or holds objects
        that would have to be executed.
    """
    ending = path.suffix.lower()
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory: name a file in it")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file; check the path")
    if ending not in READERS:
        known = ", ".join(READERS)
        raise ValueError(
            f"{path}: no reader for files that end in {ending!r}; convert it to {known}"
        )
    try:
        with path.open("rb") as stream:
            if not stream.read(1):
                raise ValueError("the file is empty: write it again")
        module, function = READERS[ending]
        columns: dict[str, Any] = getattr(import_module(f"{__name__}.{module}"), function)(path)
        if not columns:
            raise ValueError("the file holds no columns: write it again")
    except PermissionError:
        raise PermissionError(f"{path} may not be read: change its permissions") from None
    except MemoryError:
        raise ValueError(
            f"{path}: too large for the memory here; keep fewer rows or columns"
        ) from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return columns
