"""A certificate as plain Python that is strict JSON, and back.

Keys are the attributes of `Certificate`, beside ``format`` and ``version``. Arrays are lists. A
number that is not finite is null, with the meaning of its key: a margin that does not exist, an
exact distance that was not computed, a bound that the data are too large or small for. Bytes are
``{"base64": text}``.
"""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tunebound._ground.checks import instance
from tunebound.theory.certification.certificate import (
    Certificate,
    Inseparable,
    Measured,
    Predictions,
)

FORMAT = "tunebound certificate"
VERSION = 1
PARTS = {"predictions": Predictions, "measured": Measured, "inseparable": Inseparable}
FLOATS = {"weights", "per_sample", "exact", "exact_error", "steps", "distance"}
ROWS = {"support", "pivotal", "removal", "flippers", "reach", "flips"}
MASKS = {"fixed", "fixed_by_group"}


def as_dict(certificate: Certificate) -> dict[str, Any]:
    """Plain Python of a certificate; `json.dumps(..., allow_nan=False)` takes it."""
    return {"format": FORMAT, "version": VERSION, **_fields(certificate)}


def from_dict(stored: Mapping[str, Any]) -> Certificate:
    """The certificate of `as_dict`.

    Raises
    ------
    ValueError
        If it is of another format or version, or has other keys.
    """
    instance("stored", stored, Mapping, remedy="pass what Certificate.to_dict gave")
    found = stored.get("format"), stored.get("version")
    if found != (FORMAT, VERSION):
        raise ValueError(
            f"stored must be a {FORMAT} of version {VERSION}, got format {found[0]!r}, version"
            f" {found[1]!r}; make it anew with tunebound certify --json"
        )
    given = {key: value for key, value in stored.items() if key not in ("format", "version")}
    return Certificate(**_read(Certificate, given))


def _fields(part: Any) -> dict[str, Any]:
    return {each.name: _plain(getattr(part, each.name)) for each in dataclasses.fields(part)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return _fields(value)
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _read(kind: type[Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    fields = {each.name: str(each.type) for each in dataclasses.fields(kind)}
    if set(fields) != set(stored):
        different = ", ".join(sorted(set(fields) ^ set(stored)))
        raise ValueError(
            f"stored must have the keys of {kind.__name__}, but differs in: {different}"
        )
    return {name: _value(name, fields[name], stored[name]) for name in fields}


def _value(name: str, annotation: str, stored: Any) -> Any:
    if stored is None:
        return math.nan if annotation == "float" else None
    if name in PARTS:
        return PARTS[name](**_read(PARTS[name], stored))
    if name in FLOATS:
        return np.array(stored, dtype=np.float64)
    if name in ROWS:
        return np.array(stored, dtype=np.intp)
    if name in MASKS:
        return np.array(stored, dtype=np.bool_)
    if name == "labels":
        return np.array(stored)
    if name == "content":
        return tuple(
            base64.b64decode(entry["base64"]) if isinstance(entry, Mapping) else entry
            for entry in stored
        )
    if name in ("ladder", "seconds"):
        return {key: math.nan if entry is None else entry for key, entry in stored.items()}
    return tuple(stored) if isinstance(stored, list) else stored
