"""What to show of each sample to a person: text, or the bytes of an image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunebound.theory.certification.containers import LARGEST_BYTES, is_missing

IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")


def as_content(column: Any, name: str, folder: Path) -> tuple[str | bytes, ...]:
    """Turn a column into what is shown of each sample.

    Parameters
    ----------
    column : sequence
        Text or numbers, bytes of images, mappings with ``bytes`` or ``path`` (as Hugging Face
        stores images), or paths to images if every entry ends like one.
    name : str
        What the column is called in messages.
    folder : Path
        Where paths start; they may not lead out of it.

    Returns
    -------
    tuple of str or bytes
        Missing entries are empty text.

    Raises
    ------
    TypeError, ValueError, FileNotFoundError
        If an entry is neither, or an image is not in the folder.
    """
    entries = [_unpacked(entry, f"{name}, row {row}") for row, entry in enumerate(column)]
    paths = [entry for entry in entries if isinstance(entry, str) and entry]
    if not paths or not all(entry.lower().endswith(IMAGES) for entry in paths):
        return tuple(entries)
    images: list[str | bytes] = []
    size = 0
    for row, entry in enumerate(entries):
        if isinstance(entry, str) and entry:
            path = _inside(folder, entry, f"{name}, row {row}")
            size += path.stat().st_size
            if size > LARGEST_BYTES:
                raise ValueError(
                    f"{name}: images of more than {LARGEST_BYTES / 2**30:g} GiB up to row {row}:"
                    " make them smaller"
                )
            entry = path.read_bytes()
        images.append(entry)
    return tuple(images)


def _unpacked(entry: Any, name: str) -> str | bytes:
    if isinstance(entry, Mapping):
        inside = entry.get("bytes")
        entry = entry.get("path") if inside is None else inside
    if is_missing(entry):
        return ""
    if isinstance(entry, (str, bytes)):
        return entry
    if isinstance(entry, (bool, int, float)) or (hasattr(entry, "item") and entry.ndim == 0):
        return str(entry)
    raise TypeError(
        f"{name} is of type {type(entry).__name__}, which cannot be shown: show a column of text,"
        " of images, or of paths to images"
    )


def _inside(folder: Path, entry: str, name: str) -> Path:
    path = (folder / entry).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(
            f"{name} = {entry!r} leads out of {folder}: put the images beside the file"
        )
    if not path.is_file():
        raise FileNotFoundError(f"{name} = {entry!r}: no such image in {folder}; check the path")
    return path
