"""Files written whole or not at all, and objects in NumPy's .npz without pickled objects."""

from __future__ import annotations

import os
import tempfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A new file beside the target, which takes its place when the block ends without an error.

    Yields
    ------
    Path
        Where to write. After an error it is gone and the target as it was.
    """
    target = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        # mkstemp makes the file private; a result file is as readable as any other file of its
        # owner.
        mask = os.umask(0)
        os.umask(mask)
        partial.chmod(0o666 & ~mask)
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, Any]) -> Path:
    """Write ``arrays`` to ``path``, whole or not at all, and return it."""
    with replacing(path) as partial, partial.open("wb") as stream:
        np.savez_compressed(stream, **arrays)
    return Path(path)


def read_arrays(
    path: str | os.PathLike[str], *, format_name: str, entries: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Read the ``entries`` of a file that `write_arrays` wrote under the entry ``format`` =
    ``format_name``.

    Raises
    ------
    FileNotFoundError, PermissionError, IsADirectoryError
        If there is no such file or it may not be read.
    ValueError
        If the file is no .npz, is damaged, holds pickled objects, lacks an entry or has another
        format.
    """
    source = Path(path)
    try:
        archive = np.load(source, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("it holds a single array")
        with archive:
            stored = {key: archive[key] for key in archive.files}
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        EOFError,
        OSError,
        NotImplementedError,
    ) as error:
        raise ValueError(
            f"{source} cannot be read ({error}); it is damaged or was not written by to_npz"
        ) from error
    missing = [key for key in ("format", *entries) if key not in stored]
    if missing:
        raise ValueError(
            f"{source} lacks the entries {', '.join(missing)}; it was not written by to_npz"
        )
    if str(stored["format"]) != format_name:
        raise ValueError(
            f"{source} has format {str(stored['format'])!r}, expected {format_name!r}; write it"
            " again"
        )
    return stored


class Stored(ABC):
    """What is written to one .npz file and comes back from it bit for bit, checked again.

    Attributes
    ----------
    FORMAT : str
        What the file says it holds, with the version of its entries.
    ENTRIES : tuple of str
        What a file cannot lack.
    """

    FORMAT: ClassVar[str]
    ENTRIES: ClassVar[tuple[str, ...]]

    def entries(self) -> dict[str, Any]:
        """What is written: the attributes named in ``ENTRIES``."""
        return {name: getattr(self, name) for name in self.ENTRIES}

    @classmethod
    @abstractmethod
    def from_entries(cls, stored: Mapping[str, NDArray[Any]]) -> Self:
        """What `entries` gave, made again; a ValueError or TypeError where they do not fit."""

    def to_npz(self, path: str | os.PathLike[str]) -> Path:
        """Write to ``path`` (NumPy .npz, no pickled objects) and return the path.

        The file appears complete or not at all: it is written beside the target and then renamed.
        """
        return write_arrays(path, {"format": self.FORMAT, **self.entries()})

    @classmethod
    def from_npz(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `to_npz` wrote.

        Raises
        ------
        FileNotFoundError, PermissionError, IsADirectoryError
            If there is no such file or it may not be read.
        ValueError
            If the file is no .npz, is damaged, holds pickled objects, lacks an entry or contradicts
            itself.
        """
        stored = read_arrays(path, format_name=cls.FORMAT, entries=cls.ENTRIES)
        try:
            return cls.from_entries(stored)
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{path} contradicts itself: {error}; write the file again with to_npz"
            ) from error
