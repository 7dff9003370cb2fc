"""A certificate in sentences that need no formula."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tunebound._ground.arrays import Floats
from tunebound.theory.certification.certificate import Certificate, Inseparable, Predictions
from tunebound.theory.certification.rounding import counted, number, percent, ratio

NAMED = 5  # rows that are named in a sentence


def summary(certificate: Certificate) -> str:
    """About a dozen lines for a terminal."""
    lines = [*answer(certificate), *about(certificate), *pivotal_lines(certificate)]
    lines.extend(f"Note: {note.rstrip('.')}." for note in certificate.notes)
    return "\n".join(lines)


def answer(certificate: Certificate) -> list[str]:
    """What is promised, the most useful sentence first."""
    said = [] if certificate.predictions is None else _predictions(certificate.predictions)
    said.extend(_instability(certificate))
    return said


def about(certificate: Certificate) -> list[str]:
    """What the promise is about, and what it rests on."""
    shown = [str(label) for label in certificate.classes[:NAMED]]
    cut = len(certificate.classes) > NAMED
    named = ", ".join(shown) + (", …" if cut else "")
    classes = counted(len(certificate.classes), "class", "classes")
    said = [
        f"Data: {counted(certificate.n, 'sample')}, {counted(certificate.d, 'feature')},"
        f" {classes} ({named}).",
        f"Head: {certificate.head}.",
    ]
    if certificate.preparation:
        steps = "; ".join(step.partition(";")[0] for step in certificate.preparation)
        said.append(f"Features: {steps}.")
    if certificate.inseparable is not None:
        said.extend(_inseparable(certificate, certificate.inseparable))
    said.append(_geometry(certificate))
    said.append(_certified(certificate))
    return said


def pivotal_lines(certificate: Certificate) -> list[str]:
    """The rows that can move the head the most."""
    if certificate.pivotal.size == 0:
        return ["No sample can move the head."]
    first = certificate.pivotal[:NAMED]
    described = "; ".join(_pivotal(certificate, int(row)) for row in first)
    heading = "The sample" if first.size == 1 else f"The {first.size} samples"
    return [f"{heading} that can move the head the most, counted from 0: {described}."]


def most(certificate: Certificate, row: int) -> float:
    """The smallest certified bound on the change of the head without this row."""
    return float(upper_bounds(certificate)[row])


def upper_bounds(certificate: Certificate) -> Floats:
    """For each sample what is certified: what was computed plus its error, else the bound.

    A sample with both has the smaller of the two. Shape (n,).
    """
    return np.fmin(certificate.per_sample, certificate.exact + certificate.exact_error)


def rows_named(rows: Sequence[Any]) -> str:
    """Row numbers, the first of many."""
    shown = ", ".join(f"{int(row)}" for row in rows[:NAMED])
    more = len(rows) - NAMED
    word = "row" if len(rows) == 1 else "rows"
    return f"{word} {shown}" + (f" and {more:,} more" if more > 0 else "")


def _predictions(predictions: Predictions) -> list[str]:
    m, fixed = predictions.fixed.size, int(predictions.fixed.sum())
    most_reached = percent(int(predictions.reach.max()), m, "up")
    if m == 1:
        able = counted(int(predictions.flippers[0]), "training sample")
        said = (
            ["No single training sample can change your test prediction."]
            if fixed
            else [f"At most {able} can, left out alone, change your test prediction."]
        )
    elif fixed == m:
        said = [f"No single training sample can change any of your {m:,} test predictions."]
    else:
        rest = (
            "but for each of them a change by some sample is not excluded"
            if fixed == 0
            else f"{fixed:,} of {m:,} cannot be changed by any"
        )
        said = [
            f"No single training sample can change more than {most_reached} of your {m:,} test"
            f" predictions; {rest}."
        ]
    known = predictions.flips >= 0
    if known.all():
        changed = int(predictions.flips.max())
        said.append(
            "Computed: leaving out one sample changes none of them."
            if changed == 0
            else f"Computed: leaving out the sample that matters most changes {changed:,} of {m:,}."
        )
    if predictions.fixed_by_group is not None and predictions.group > 1:
        together = int(predictions.fixed_by_group.sum())
        verb = "is" if together == 1 else "are"
        said.append(
            f"{together:,} of {m:,} {verb} proved not to change whichever"
            f" {predictions.group:,} samples are left out together."
        )
    return said


def _instability(certificate: Certificate) -> list[str]:
    said = [
        "Leaving out one training sample changes the direction of the head by at most"
        f" {number(certificate.instability, 'up')} on average (0: not at all; 1.41: it turns by a"
        " right angle)."
    ]
    exact, error = certificate.exact, certificate.exact_error
    if not np.isnan(exact).any():
        mean = number(float(exact.mean() + error.mean()), "up")
        worst = number(float((exact + error).max()), "up")
        said.append(f"Computed without each sample: {mean} on average, {worst} at most.")
    if certificate.group > 1 and math.isfinite(certificate.by_group):
        said.append(
            f"Leaving out any {certificate.group:,} samples together changes it by at most"
            f" {number(certificate.by_group, 'up')}."
        )
    if certificate.measured is not None:
        steps = number(float(certificate.measured.steps[-1]), "near")
        trained = number(float(certificate.measured.distance[-1].mean()), "near")
        said.append(
            f"Measured, not certified: heads trained without each sample for {steps} steps differ"
            f" by {trained} on average."
        )
    return said


def _inseparable(certificate: Certificate, found: Inseparable) -> list[str]:
    size = found.removal.size
    if size <= found.at_least:
        lower = "no smaller set does"
    elif found.at_least == 0:
        lower = "how few would do is not known"
    else:
        verb = "has" if found.at_least == 1 else "have"
        lower = f"at least {counted(found.at_least, 'sample')} {verb} to go"
    origin = "chosen by the leave-one-out error" if found.chosen else "as given"
    wrong = round(found.leave_one_out_error * certificate.n)
    error = percent(wrong, certificate.n, "up", 3)
    said = (
        "Separable, but the head that was asked for has a penalty."
        if size == 0
        else "Not separable: no head of this kind gets every sample right. Without"
        f" {counted(size, 'sample')} ({rows_named(found.removal.tolist())}) the rest is separable;"
        f" {lower}."
    )
    undecided = (
        ""
        if found.undecided == 0
        else f", of which {counted(found.undecided, 'sample')}"
        f" {'is' if found.undecided == 1 else 'are'} left open by the certificate"
    )
    return [
        said,
        f"The penalty has weight {number(found.lam, 'near')} ({origin}). Leaving each sample out in"
        f" turn, the head gets at most {error} of them wrong{undecided}.",
    ]


def _geometry(certificate: Certificate) -> str:
    radius = f"radius B = {number(certificate.radius, 'up')}"
    if not certificate.separable:
        return f"Geometry: {radius}; no margin, since the data are not separable."
    support = certificate.support.size
    if certificate.inseparable is not None:
        return (
            f"Geometry: margin γ = {number(certificate.margin, 'down')} of the separator, {radius}."
        )
    return (
        f"Geometry: margin γ = {number(certificate.margin, 'down')}, {radius}, B/γ ="
        f" {ratio(certificate.radius, certificate.margin, 'up')};"
        f" {counted(support, 'support vector')} of {counted(certificate.n, 'sample')}."
    )


def _certified(certificate: Certificate) -> str:
    computed = int((~np.isnan(certificate.exact)).sum())
    gap = number(certificate.gap, "up", 2)
    kind = "duality gap" if certificate.inseparable is None else "relative error of the weights"
    basis = f"a {kind} of 0 up to rounding" if certificate.gap == 0 else f"a {kind} of {gap}"
    if computed == certificate.n:
        return f"Certified: every bound from one solve, with {basis}; every left-out head computed."
    if computed == 0:
        return f"Certified: every bound from one solve, with {basis}; no left-out head was needed."
    return (
        f"Certified: every bound from one solve, with {basis};"
        f" {counted(computed, 'left-out head')} of {certificate.n:,} computed."
    )


def _pivotal(certificate: Certificate, row: int) -> str:
    computed = not np.isnan(certificate.exact[row])
    how = "computed" if computed else "bound"
    said = f"{row} ({how} {number(most(certificate, row), 'up')}"
    if certificate.predictions is not None:
        m, flips = certificate.predictions.fixed.size, int(certificate.predictions.flips[row])
        said += (
            f", changes {flips:,} of {m:,}"
            if flips >= 0
            else f", can change {int(certificate.predictions.reach[row]):,} of {m:,}"
        )
    return said + ")"
