"""`certify`: what can be promised about a head on features of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tunebound import bounds
from tunebound._ground.checks import choice, real_number, true_or_false, whole_number
from tunebound.theory.certification.certificate import Certificate
from tunebound.theory.certification.preparation import prepare
from tunebound.theory.certification.regularised import regularised_certificate
from tunebound.theory.certification.separable import separable_certificate
from tunebound.theory.engine.bars import bars

CLASSES = ("softmax", "one-vs-rest", "all-pairs")


def certify(
    X: Any,
    y: Any,
    *,
    X_test: Any = None,
    classes: str = "softmax",
    constant: float | None = None,
    centre: bool = False,
    scale: bool = False,
    exact: str | int = "auto",
    group: int = 1,
    measured: bool = False,
    lam: float | None = None,
    content: Sequence[str | bytes] | None = None,
    progress: bool = True,
) -> Certificate:
    """Certify how far a linear head on these features depends on single training samples.

    The head is the one that gradient descent on the logistic loss or cross-entropy tends to, the
    hard-margin separator through the origin; where the classes cannot be separated, or `lam` is
    given, the minimiser with the penalty (lam/2)|w|^2 (`regularised_certificate`). Distances are
    those of unit directions of the heads with and without a sample; of several heads their mean
    over the heads, in which a head that a sample is no member of counts 0.

    Parameters
    ----------
    X : array_like, shape (n, d)
        Training features: an array, data frame, sparse matrix, tensor, table or nested list.
    y : array_like, shape (n,)
        Labels, text or whole numbers or booleans; each occurs twice at least.
    X_test : array_like, shape (m, d), optional
        Features whose predictions are certified.
    classes : {"softmax", "one-vs-rest", "all-pairs"}
        Head for three classes or more: one softmax head, a head for each class against the others,
        or one for each pair.
    constant : float, optional
        Value above 0 of a constant feature to append, for a bias. None appends none.
    centre, scale : bool
        Whether to subtract the mean, and divide by the standard deviation, of the training rows.
        Both are done before the constant is appended.
    exact : "auto", "all" or int
        For how many support vectors, those of the largest bound first, to compute the separator
        without it. "auto" computes all if (support vectors) x (rows) x (entries of a head), summed
        over the heads, is at most 3e8, some ten seconds, and none otherwise; a softmax head of K
        classes has K - 1 rows a sample.
    group : int
        Size of the removals of `by_group` and `fixed_by_group`, below the samples of any class.
    measured : bool
        Whether to train all left-out heads as well: followed to 1e30 steps where n^2 min(n, entries
        of a head) is at most 1e7, for 1,000 steps beyond. Seconds for a hundred samples, minutes
        for two hundred, and beyond them time grows with n^2 d.
    lam : float, optional
        Weight of the penalty: the regularised head is certified, separable or not. By default it is
        chosen, for data that are not separable only. Several classes have a head each against the
        rest, whatever `classes` says.
    content : sequence of str or bytes, optional
        What to show of each sample to a person: text, or the bytes of an image.
    progress : bool
        Whether parts of more than two seconds show a bar, on a terminal.

    Returns
    -------
    Certificate

    Raises
    ------
    TypeError, ValueError
        Before any work, by row and column: values that are missing, infinite or no numbers; X, y,
        X_test or content of shapes that do not fit; one class, or a class with one sample; rows
        that are zero without a constant feature; entries beyond 1e100 or rows below 1e-100; and any
        argument out of its range.

    Notes
    -----
    Ctrl-C while left-out separators are computed keeps those that are done, and says so.
    """
    choice("classes", classes, CLASSES)
    exact = _how_exact(exact)
    group = whole_number("group", group, low=1)
    measured, progress = true_or_false("measured", measured), true_or_false("progress", progress)
    lam = None if lam is None else real_number("lam", lam, above=0)
    prepared = prepare(
        X,
        y,
        X_test=X_test,
        constant=constant,
        centre=centre,
        scale=scale,
        group=group,
        content=content,
    )
    common: dict[str, Any] = {
        "exact": exact,
        "group": group,
        "measured": measured,
        "progress": progress,
    }
    with bars(shown=progress):
        if lam is not None:
            return regularised_certificate(prepared, lam=lam, **common)
        try:
            return separable_certificate(prepared, classes=classes, **common)
        except bounds.NotSeparableError as error:
            certificate = regularised_certificate(prepared, **common)
            if len(prepared.classes) == 2:
                return certificate
            instead = (
                f"classes={classes!r} has no separator ({error}); regularised heads, one for each"
                " class against the rest, are certified in its place"
            )
            return replace(certificate, notes=(*certificate.notes, instead))


def _how_exact(exact: str | int) -> str | int:
    if isinstance(exact, str):
        return choice("exact", exact, ("auto", "all"))
    return whole_number("exact", exact, low=0)
