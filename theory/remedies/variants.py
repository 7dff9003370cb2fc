"""What is tried on a task: a method, or a method at another strength, written like
"maximal_margin@3".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from tunebound import tuning
from tunebound._ground.checks import real_number
from tunebound.theory.remedies import columns

AT = "@"
REFERENCE = "plain"
SWEPT_METHOD = "maximal_margin"
SWEPT = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
# No method of `tuning`, which never sees more than the sample that it is given.
MORE_SAMPLES = "more_samples"
MORE_SAMPLES_STRENGTHS = (1.25, 1.5, 2.0, 3.0, 4.0)
# Written out: a new method must not change what a suite is, nor how many hypotheses are judged
# together.
METHODS = (
    "adam",
    "adam_uncorrected",
    "adversarial_smoothness",
    "free_adversarial",
    "further_pretraining",
    "l2_sp",
    "layerwise_rates",
    "linear_probing",
    "maximal_margin",
    "mixout",
    "more_iterations",
    "multi_head",
    "noise_stability",
    "noise_stability_published",
    "recall_adam",
    "reinitialisation",
    "self_unsupervised",
    "self_unsupervised_common",
    "smaller_step",
    "smaller_step_longer",
    "smoothness",
    "smoothness_published",
    "warm_up",
    "weight_averaging",
    MORE_SAMPLES,
)


@dataclass(frozen=True)
class Variant:
    """A method as it is tried: the object itself, so that processes need not know its name.

    Attributes
    ----------
    name : str
        The method's, with its strength where that is not the method's default.
    method : Method
    samples : float
        The size of the training sample over that of plain fine-tuning, at least 1.
    """

    name: str
    method: tuning.Method
    samples: float = 1.0


def variant(method: str | tuning.Method | Variant, strength: float | None = None) -> Variant:
    """A method at a strength.

    Parameters
    ----------
    method : str, Method or Variant
        A registered name, which may carry a strength as "maximal_margin@3" does, or an object;
        "more_samples@2" is plain fine-tuning on twice as many samples.
    strength : float, optional
        Above 0; the method's own by default.

    Raises
    ------
    ValueError
        If no method has the name, or the strength is no number above 0.
    """
    if isinstance(method, Variant):
        return method
    if isinstance(method, str):
        name, own = split(method)
        strength = own if strength is None else strength
        if name == MORE_SAMPLES:
            return _more_samples(2.0 if strength is None else strength)
        known = tuning.find_method(name)
    else:
        known = method
    if strength is None:
        return Variant(known.name, known)
    real_number("strength", strength, above=0, remedy="write maximal_margin@3 for example")
    return Variant(at_strength(known.name, strength), replace(known, strength=strength))


def _more_samples(share: float) -> Variant:
    real_number(f"strength of {MORE_SAMPLES}", share, low=1, remedy="2 is twice as many samples")
    return Variant(at_strength(MORE_SAMPLES, share), tuning.find_method(REFERENCE), samples=share)


def strengths(method: str) -> tuple[float, ...]:
    """The strengths at which a method of the contest is tried; none where it has none to set."""
    if method == MORE_SAMPLES:
        return MORE_SAMPLES_STRENGTHS
    return tuning.find_method(method).strengths


def at_every_strength(method: str) -> tuple[str, ...]:
    """The names of a method at each of its strengths, or its name alone."""
    return tuple(at_strength(method, each) for each in strengths(method)) or (method,)


def at_strength(method: str, strength: float | None) -> str:
    """The name of a method at a strength; of the method itself at None."""
    return method if strength is None else f"{method}{AT}{strength:g}"


def split(name: str) -> tuple[str, float | None]:
    """Method and strength of a variant's name; None where the method's own strength holds."""
    method, sign, text = name.partition(AT)
    if not sign:
        return method, None
    try:
        return method, float(text)
    except ValueError:
        raise ValueError(
            f"method {name!r} has no strength behind {AT!r}; write {SWEPT_METHOD}{AT}3 for example"
        ) from None


def tried(environments: pd.DataFrame) -> list[str]:
    """The variants that a study tried, in the order of its columns.

    Parameters
    ----------
    environments : DataFrame
    """
    return list(dict.fromkeys(_variants(environments.columns)))


def swept(environments: pd.DataFrame) -> list[tuple[float, str]]:
    """The strengths of the maximal margin regularizer that a study tried, ascending, with the
    variants' names.

    Parameters
    ----------
    environments : DataFrame
    """
    found = ((name, *split(name)) for name in tried(environments))
    return sorted(
        (strength, name)
        for name, method, strength in found
        if method == SWEPT_METHOD and strength is not None
    )


def _variants(names: Iterable[object]) -> Iterable[str]:
    return (
        str(name).split(columns.SEPARATOR)[0] for name in names if columns.SEPARATOR in str(name)
    )
