"""Zip archives whose sizes are looked at before anything is unpacked."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tunebound.theory.certification.containers import LARGEST_BYTES


@contextmanager
def opened(path: Path, kind: str, writer: str) -> Iterator[zipfile.ZipFile]:
    """A zip archive that does not claim more than may be unpacked."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise ValueError(f"not {kind}, or damaged: write it with {writer}") from None
    with archive:
        claimed = sum(entry.file_size for entry in archive.infolist())
        if claimed > LARGEST_BYTES:
            raise ValueError(
                f"unpacks to {claimed / 2**30:,.1f} GiB, more than {LARGEST_BYTES / 2**30:g} GiB:"
                " save fewer rows or columns"
            )
        yield archive
