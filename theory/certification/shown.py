"""What a page shows of a sample: text as text, images as data, nothing as code."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tunebound.theory.certification.rounding import counted
from tunebound.theory.engine.html import data_address

LONGEST = 300  # characters of a text
LARGEST = 60_000  # bytes of an image, so that a page of 20 stays below 2 MB
# signs that end a line or a page, or turn the direction of what follows, but for newline and tab
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Shown:
    """Text, or the address of an image beside an empty text."""

    text: str
    image: str = ""


def shown(content: str | bytes) -> Shown:
    """What to show; an image whose kind is not known or that is too large is said in words."""
    if isinstance(content, str):
        text = UNSEEN.sub("\N{REPLACEMENT CHARACTER}", content.encode("utf-8", "replace").decode())
        return Shown(text if len(text) <= LONGEST else text[:LONGEST] + "…")
    kind = image_kind(content)
    if kind is None:
        return Shown(f"{counted(len(content), 'byte')} of no image that is known: not shown")
    if len(content) > LARGEST:
        return Shown(f"an image of {len(content):,} bytes: too large to be shown")
    return Shown("", data_address(kind, content))


def image_kind(content: bytes) -> str | None:
    """The media type of an image by its first bytes; None where it is none of five kinds."""
    starts = {
        b"\x89PNG\r\n\x1a\n": "image/png",
        b"\xff\xd8\xff": "image/jpeg",
        b"GIF87a": "image/gif",
        b"GIF89a": "image/gif",
        b"BM": "image/bmp",
    }
    for start, kind in starts.items():
        if content.startswith(start):
            return kind
    return "image/webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else None
