"""Files written whole or not at all, and objects in NumPy's .npz without pickled objects."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
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

from tunebound._ground import checks

_PARTIAL = ".part"
_DIGEST = "digest"
# an archive may unpack to so many bytes whatever it is of, and to so many times its own size
_SMALL, _RATIO = 2**28, 100


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A new file beside the target, which takes its place when the block ends without an error.

    Yields
    ------
    Path
        Where to write. After an error it is gone and the target as it was.
    """
    target = Path(path)
    prefix = f".{target.name}.{platform.node()}.{os.getpid()}."
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=_PARTIAL, dir=target.parent)
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


def is_partial(path: Path) -> bool:
    """Whether the name is one that `replacing` gives."""
    return path.name.startswith(".") and path.name.endswith(_PARTIAL)


def sweep(directory: Path) -> None:
    """Remove from a directory what processes that were killed in `replacing` have left there.

    Files of processes that live, of other machines, and on systems without signals stay.
    """
    for path in directory.glob(f".*{_PARTIAL}"):
        parts = path.name.rsplit(".", 3)
        if len(parts) < 4 or not parts[1].isdigit():
            continue
        if parts[0].endswith(f".{platform.node()}") and not _lives(int(parts[1])):
            path.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def write_text(path: str | os.PathLike[str], text: str, *, errors: str = "strict") -> None:
    """Write ``text`` to ``path`` in UTF-8, whole or not at all.

    With ``errors="surrogateescape"``, paths of another encoding come back as the bytes that they
    were.
    """
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", errors=errors)


def copy_file(source: Path, target: Path) -> None:
    """Copy the contents of a file, whole or not at all."""
    with replacing(target) as partial:
        shutil.copyfile(source, partial)


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, Any]) -> Path:
    """Write ``arrays`` and a digest of them to ``path``, whole or not at all, and return it."""
    target = checks.path("path", path)
    entries: dict[str, Any] = {key: np.asarray(value) for key, value in arrays.items()}
    entries[_DIGEST] = np.asarray(_digest(entries))
    with replacing(target) as partial, partial.open("wb") as stream:
        np.savez_compressed(stream, **entries)
    return target


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
        If the file is no .npz, is damaged, holds pickled objects, lacks an entry, has another
        format, or would take far more memory than its size.
    """
    source = checks.path("path", path)
    try:
        archive = np.load(source, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("it holds a single array")
        with archive:
            with zipfile.ZipFile(source) as members:
                _require_honest(members.infolist())
            stored = {key: archive[key] for key in archive.files}
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        EOFError,
        OSError,
        RuntimeError,
        MemoryError,
    ) as error:
        # NumPy's own words advise to load what is no archive unsafely
        reason = "it is no archive of plain arrays" if "pickle" in str(error) else error
        raise ValueError(
            f"{source} cannot be read ({reason}); it is damaged or was not written by to_npz"
        ) from error
    found = stored.get("format")
    if found is not None and str(found) != format_name:
        raise ValueError(
            f"{source} has format {str(found)!r}, expected {format_name!r}; write it again, or name"
            " a file of that kind"
        )
    missing = [key for key in ("format", *entries) if key not in stored]
    if missing:
        raise ValueError(
            f"{source} lacks the entries {', '.join(missing)}; it was not written by to_npz"
        )
    digest = stored.pop(_DIGEST, None)
    if digest is None or str(digest) != _digest(stored):
        raise ValueError(
            f"{source} cannot be read (its digest {'is missing' if digest is None else 'differs'});"
            " it is damaged or of an earlier version; write it again with to_npz"
        )
    return stored


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of names, kinds, shapes and values."""
    total = hashlib.sha256()
    for key in sorted(arrays):
        array = arrays[key]
        total.update(f"{key} {array.dtype.str} {array.shape}\n".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def _require_honest(members: Sequence[zipfile.ZipInfo]) -> None:
    for member in members:
        if member.file_size > max(_SMALL, _RATIO * member.compress_size):
            raise ValueError(
                f"its entry {member.filename} of {member.compress_size:,} bytes unpacks to"
                f" {member.file_size:,}"
            )


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
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise ValueError(
                f"{path} contradicts itself: {error}; write the file again with to_npz"
            ) from error
