"""The certificate of separable data."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from tunebound._ground.arrays import Floats
from tunebound.theory.certification import left_out
from tunebound.theory.certification.certificate import Certificate
from tunebound.theory.certification.left_out import Exact
from tunebound.theory.certification.predicting import predictions
from tunebound.theory.certification.prepared import Prepared
from tunebound.theory.certification.schemes import Scheme, make_scheme
from tunebound.theory.certification.solved import Rows, Solved


def separable_certificate(
    prepared: Prepared,
    *,
    classes: str,
    exact: str | int,
    group: int,
    measured: bool,
    progress: bool,
) -> Certificate:
    """Certify the separators of prepared data; arguments as for `certify`.

    Raises
    ------
    NotSeparableError
        If a head has no separator.
    """
    n = len(prepared.X)
    clock = _Clock()
    scheme = make_scheme(prepared.X, prepared.y, prepared.classes, classes)
    per_sample = left_out.mean_over_heads(
        scheme, {k: head.per_sample() for k, head in enumerate(scheme.heads)}, n
    )
    support = left_out.support_rows(scheme)
    clock.lap("separator")
    ranked = support[np.argsort(-per_sample[support], kind="stable")]
    without = left_out.compute(
        scheme, ranked[: _how_many(scheme, ranked, exact)], n, progress=progress
    )
    complete = len(without.heads) == support.size
    if complete:
        others = np.setdiff1d(np.arange(n), support)
        without.distance[others] = 0.0
        within = {
            k: np.full(len(head.X), 2.0 * head.between) for k, head in enumerate(scheme.heads)
        }
        without.error[others] = left_out.mean_over_heads(scheme, within, n)[others]
        ranked = support[np.argsort(-without.distance[support], kind="stable")]
    clock.lap("left-out heads")
    predicted = None
    if prepared.X_test is not None:
        predicted = predictions(
            scheme,
            prepared.X_test,
            n=n,
            classes=prepared.classes,
            support=support,
            exact=without,
            group=group,
            progress=progress,
        )
        clock.lap("predictions")
    along = _weighted(scheme, n, [head.along_training for head in scheme.heads])
    trained = None
    if measured:
        from tunebound.theory.certification.trained import train

        trained = train(scheme, n, along)
        clock.lap("trained heads")
    first = scheme.heads[0]
    return Certificate(
        n=n,
        d=prepared.X.shape[1],
        classes=prepared.classes,
        preparation=prepared.preparation,
        notes=(*prepared.notes, *_said(without, support)),
        head=scheme.says,
        separable=True,
        margin=min(head.separator.margin for head in scheme.heads),
        radius=float(np.linalg.norm(prepared.X, axis=1).max()),
        gap=max(head.separator.gap for head in scheme.heads),
        support=support,
        weights=_weights(scheme),
        instability=float(per_sample.mean()),
        ladder={
            name: _weighted(scheme, n, [head.ladder[name] for head in scheme.heads])
            for name in first.ladder
        },
        along_training=along,
        per_sample=per_sample,
        exact=without.distance,
        exact_error=without.error,
        pivotal=ranked,
        group=group,
        by_group=_by_group(scheme, per_sample, group),
        predictions=predicted,
        measured=trained,
        provenance=_provenance(scheme, first, complete, predicted is not None, measured),
        content=prepared.content,
        seconds=clock.seconds,
    )


def _how_many(scheme: Scheme, support: Rows, exact: str | int) -> int:
    if exact == "all":
        return support.size
    if exact == "auto":
        return support.size if left_out.work(scheme) <= left_out.AFFORDABLE else 0
    return min(int(exact), support.size)


def _weighted(scheme: Scheme, n: int, values: list[float]) -> float:
    """Mean over samples and heads of what bounds the mean over the members of each head."""
    shares = [len(head.X) / n * value for head, value in zip(scheme.heads, values, strict=True)]
    return float(np.mean(shares))


def _by_group(scheme: Scheme, per_sample: Floats, group: int) -> float:
    if group == 1:
        return float(per_sample.max())
    return float(np.mean([head.worst(group) for head in scheme.heads]))


def _weights(scheme: Scheme) -> Floats:
    if len(scheme.heads) == 1:
        return scheme.heads[0].separator.weights
    return np.stack([head.separator.weights for head in scheme.heads])


def _said(without: Exact, support: Rows) -> tuple[str, ...]:
    if without.interrupted:
        return (
            f"left-out heads were stopped after {len(without.heads)} of {support.size} support"
            " vectors; the others have their bound from one solve",
        )
    return ()


def _provenance(
    scheme: Scheme, head: Solved, complete: bool, predicted: bool, measured: bool
) -> dict[str, str]:
    mean = "" if len(scheme.heads) == 1 else ", as a mean over the heads"
    said = {
        "margin": "attained by the computed weights; the duality gap bounds the true margin",
        "radius": "largest norm of a row, up to rounding",
        "gap": "relative duality gap of the hard-margin program, from weights and dual",
        "per_sample": (
            "Deletion (H-deletion), from the separator and its dual, with their gap and rounding"
            f" paid for{mean}"
        ),
        "instability": "the mean of per_sample",
        "ladder": f"the formulas of docs/head-tuning.md on margin, radius and dual{mean}",
        "along_training": (
            f"Anytime ({'K' if head.several else 'H'}-anytime), for gradient descent from 0 with"
            f" weights 1/n and a step within its limit{mean}"
        ),
        "by_group": f"Deletion for the worst set of this size, with the gap paid for{mean}",
        "exact": (
            "separators without the sample; exact_error bounds what their duality gaps and that of"
            " the whole leave open"
        ),
        "pivotal": ("support vectors by exact" if complete else "support vectors by per_sample"),
    }
    if predicted:
        said["predictions"] = (
            "from all left-out separators; predictions within their certified error count as"
            " changeable"
            if complete
            else "balls around the separator (C-ball), from one solve where the left-out head was"
            " not computed"
        )
    if measured:
        said["measured"] = "heads that were trained, with each sample left out; not a certificate"
    return said


class _Clock:
    """Seconds of each part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = perf_counter()

    def lap(self, part: str) -> None:
        now = perf_counter()
        self.seconds[part], self._last = now - self._last, now
