"""The answer of a study in three sentences, each carried by the table below it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from tunebound.theory.engine.decision import Decision
from tunebound.theory.engine.statement import FITTED, PREDICTION, PROVED, PUBLISHED
from tunebound.theory.engine.verdict import Verdict, counted

SENTENCES = 3
MEDIAN = ", in the median"
BOUNDED = "the bounds on what has a largest possible value"


def in_three_sentences(
    verdicts: Sequence[Verdict],
    decisions: Sequence[Decision],
    headline: str = "",
    member: str = "data set",
) -> list[str]:
    """What was found, for who has not read the theory.

    First the setting's own answer, then what is proved and how near it comes, then what was
    published and what nobody has proved; in a study of hypotheses, how they were decided.

    Parameters
    ----------
    verdicts : sequence of Verdict
    decisions : sequence of Decision
    headline, member : str
        Of the setting's presentation.
    """
    tested = [each for each in verdicts if each.environments]
    others = [
        _published([each for each in verdicts if each.theorem.proof == PUBLISHED], member),
        _open([each for each in tested if each.theorem.proof not in (PROVED, PUBLISHED)]),
    ]
    said = [
        headline,
        _proved([each for each in tested if each.theorem.proof == PROVED], member),
        " ".join(filter(None, others)),
        *_decided([each for each in decisions if each.units]),
    ]
    return list(filter(None, said))[:SENTENCES]


def moved_direction(distances: pd.Series, of: str) -> str:
    """How far leaving one sample out moves unit directions, from their distances, one a data set,
    after the last step.
    """
    return (
        f"Leaving one sample out moves the direction of {of}, after the last step, by"
        f" {distances.median():.3g} in the median data set and by {distances.max():.3g} at most, of"
        " a distance that can be 2."
    )


def shown_first(verdicts: Sequence[Verdict]) -> list[str]:
    """The theorems that the answer speaks of, for its figure: what was published, and of what is
    proved the nearest and the farthest bound.
    """
    tight = [each for each in verdicts if each.tightness and each.bounded]
    published = [each for each in tight if each.theorem.name.startswith("P-")]
    proved = [each for each in tight if each.theorem.proof == PROVED]
    ends = [_nearest(proved), _farthest(proved)] if proved else []
    return list(dict.fromkeys(each.theorem.name for each in [*published, *ends]))


def _proved(verdicts: Sequence[Verdict], member: str) -> str:
    if not verdicts:
        return ""
    violated = [each.theorem.name for each in verdicts if each.violations]
    most = max(each.environments for each in verdicts)
    if violated:
        return (
            f"{_names(violated)}, proved here, {_are(len(violated))} violated: an error of the"
            " code, of the proof or of an estimate, to be reported with its counterexample."
        )
    number = len(verdicts)
    subject = "The one statement" if number == 1 else f"Each of the {number} statements"
    sentence = (
        f"{subject} proved here holds on every {member} that meets its assumptions (up to {most:,})"
    )
    tight = [each for each in verdicts if each.tightness and each.bounded]
    if not tight:
        return f"{sentence}."
    near, far = _nearest(tight), _farthest(tight)
    if near is far:
        return f"{sentence}. {_called(near)} promises {_times(near)} what is measured{MEDIAN}."
    every = all(each.bounded for each in verdicts if each.tightness)
    which = "The nearest bound" if every else f"Of {BOUNDED}, the nearest"
    return (
        f"{sentence}. {which}, {_called(near)}, promises {_times(near)} what is measured{MEDIAN},"
        f" the farthest, {_called(far)}, {_times(far)}."
    )


def _published(verdicts: Sequence[Verdict], member: str) -> str:
    parts = []
    for each in verdicts:
        name = each.theorem.name
        if each.theorem.free_constants:
            parts.append(
                f"{name} only says that {', '.join(each.theorem.free_constants)} exist, so that no"
                " measurement can contradict it"
            )
        elif not each.environments:
            parts.append(f"{name} asks for what no {member} here meets")
        elif each.violations:
            domain = f" ({each.theorem.domain})" if each.theorem.domain else ""
            parts.append(f"{name} is violated on {counted(each.violations, member)}{domain}")
        else:
            parts.append(f"{name} is {each.test} on {counted(each.environments, member)}")
    return f"Of what was published, {'; '.join(parts)}." if parts else ""


def _open(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ""
    violated = [each.theorem.name for each in verdicts if each.violations]
    kept = [each.theorem.name for each in verdicts if not each.violations]
    fitted = any(each.theorem.proof == FITTED for each in verdicts)
    what = "what nobody has proved" + (" or what was fitted" if fitted else "")
    if not violated:
        return f"Of {what} nothing is violated here: {_names(kept)}."
    sentence = f"Of {what}, {_names(violated)} {_are(len(violated))} violated"
    return f"{sentence}; {_names(kept)} {_are(len(kept))} not." if kept else f"{sentence}."


def _decided(decisions: Sequence[Decision]) -> list[str]:
    if not decisions:
        return []
    named = {
        status: [each.hypothesis.name for each in decisions if each.status == status]
        for status in ("confirmed", "refuted", "not decided")
    }
    counts = ", ".join(
        f"{len(names)} {_are(len(names))} {status}" for status, names in named.items() if names
    )
    sentences = [f"Of {counted(len(decisions), 'prediction')} of a sign, {counts}."]
    for status in ("confirmed", "refuted"):
        names = named[status]
        if names:
            shown = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
            sentences.append(f"{status.capitalize()}, on the population it names: {shown}.")
    return sentences


def _median(verdict: Verdict) -> float:
    assert verdict.tightness is not None
    return float(verdict.tightness["median"])


def _nearest(verdicts: Sequence[Verdict]) -> Verdict:
    return max(verdicts, key=_median)


def _farthest(verdicts: Sequence[Verdict]) -> Verdict:
    return min(verdicts, key=_median)


def _called(verdict: Verdict) -> str:
    kind = verdict.theorem.kind
    return verdict.theorem.name + ("" if kind == PREDICTION else f" ({kind})")


def _times(verdict: Verdict) -> str:
    median = _median(verdict)
    return f"{1 / median:.3g} times" if median > 0 else "much more than"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
