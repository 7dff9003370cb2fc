"""The ways of fine-tuning that are compared, written like "maximal_margin@10", and the strengths
that each is tried at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tunebound import tuning

REFERENCE = "plain"
COMMON, PROCEDURE = "self_unsupervised_common", "self_unsupervised"
# Few strengths, since every run tunes 22 million parameters: one at which the method hardly costs
# accuracy in a first look, and one that is several times as strong. The smaller step is of equal
# ηT, and its cost grows with its strength; with as many steps it trains less, as L2-SP does too.
LADDER: Mapping[str, tuple[float, ...]] = {
    "maximal_margin": (1, 10),
    "multi_head": (16, 64),
    COMMON: (15, 50),
    "l2_sp": (0.1, 1),
    "mixout": (0.1, 0.5),
    "linear_probing": (0.25, 0.5),
    "smaller_step_longer": (2, 3),
    "smaller_step": (1.5, 2),
}
# What the whole procedure of re-training does without one text, at the strength of the common
# start: with all texts it is the same run.
METHODS = (REFERENCE, *LADDER, PROCEDURE)


@dataclass(frozen=True)
class Variant:
    """A method at a strength.

    Attributes
    ----------
    method : str
    strength : float
        0 for plain fine-tuning, which has none.
    """

    method: str
    strength: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.method}@{self.strength:g}" if self.strength else self.method

    @property
    def retrains(self) -> bool:
        """Whether the encoder is re-trained first, on all texts or on those that a run sees."""
        return self.method in (COMMON, PROCEDURE)

    def tuned_by(self) -> tuning.Method:
        """The method that tunes, from where re-training led if the variant re-trains."""
        if self.retrains:
            return tuning.find_method(REFERENCE)
        known = tuning.find_method(self.method)
        return replace(known, strength=self.strength) if self.strength else known


def variant(text: str) -> Variant:
    """Read "maximal_margin@10", or a method's name alone, at its first strength of the ladder.

    Raises
    ------
    ValueError
        If the method is none of the comparison, or the strength none that it takes.
    """
    method, sign, strength = text.partition("@")
    if method not in METHODS:
        raise ValueError(f"methods: {method!r} is none of {', '.join(METHODS)}")
    first = LADDER[COMMON if method == PROCEDURE else method][0] if method != REFERENCE else 0.0
    try:
        chosen = Variant(method, float(strength) if sign else first)
    except ValueError:
        raise ValueError(
            f"methods: {text!r} has no number behind @; write {method}@{first:g}"
        ) from None
    replace(tuning.find_method(method), strength=chosen.strength)  # refuses what is out of range
    return chosen
