"""Where a constant of a theorem comes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from tunebound._ground.checks import choice, instance, non_negative_array, real_array, sequence

Provenance = Literal["exact", "estimated", "fitted", "assumed"]

PROVENANCES: tuple[Provenance, ...] = get_args(Provenance)
"""From the strongest to the weakest."""


@dataclass(frozen=True, kw_only=True)
class Constant:
    """A constant of a theorem, and how it came about.

    Attributes
    ----------
    name : str
        The word used for it in the formulas' arguments.
    value : float
        Finite.
    provenance : {"exact", "estimated", "fitted", "assumed"}
        Computed with a certificate; a numerical estimate with an error bar; chosen from
        measurements, so a bound that uses it must be tested on others; given by the user.
    source : str
        Where it comes from, in words.
    certificate : float or None
        What the computation certifies, relative to the value: the duality gap or the backward error
        behind an ``exact`` constant, the error bar of an ``estimated`` one.
    """

    name: str
    value: float
    provenance: Provenance
    source: str
    certificate: float | None = None

    def __post_init__(self) -> None:
        for word in ("name", "source"):
            instance(word, getattr(self, word), str, remedy="say it in words")
        choice("provenance", self.provenance, PROVENANCES)
        value = real_array("value", self.value)
        if value.ndim:
            raise ValueError(
                f"value must be one number, got an array of shape {value.shape}: make one Constant"
                " for each"
            )
        object.__setattr__(self, "value", float(value))
        if self.certificate is not None:
            certificate = non_negative_array("certificate", self.certificate)
            if certificate.ndim:
                raise ValueError(
                    f"certificate must be one number, got an array of shape {certificate.shape}"
                )
            object.__setattr__(self, "certificate", float(certificate))
        elif self.provenance == "exact":
            raise ValueError(
                "certificate is missing: an exact constant states the relative error it certifies"
            )


def weakest(provenances: Iterable[str]) -> Provenance:
    """Return the weakest of some provenances, from "exact" over "estimated" and "fitted" to
    "assumed".

    Parameters
    ----------
    provenances : iterable of str
        At least one.

    Returns
    -------
    str

    Raises
    ------
    TypeError, ValueError
        If there is none, or one is unknown.
    """
    words = sequence("provenances", provenances, of="words")
    ranks = [PROVENANCES.index(choice("provenances", word, PROVENANCES)) for word in words]
    if not ranks:
        raise ValueError("provenances is empty: pass the provenance of at least one constant")
    return PROVENANCES[max(ranks)]
