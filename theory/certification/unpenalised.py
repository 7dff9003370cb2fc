"""The certificate of coefficients that were fitted without a penalty to separable data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tunebound import bounds
from tunebound._ground.arrays import Floats
from tunebound.theory.certification.certificate import Certificate, Predictions
from tunebound.theory.certification.prepared import Prepared
from tunebound.theory.certification.separable import separable_certificate
from tunebound.theory.certification.solved import direction_error

FARTHEST = 2.0  # distance of two unit directions


def unpenalised_certificate(
    prepared: Prepared, weights: Floats, *, group: int, progress: bool
) -> Certificate:
    """Certify coefficients by their direction's distance from that of the separator.

    Training without a penalty nears the separator's direction and never ends, so that where it
    stopped is arbitrary. With d the distance of the given direction from that of the separator of
    S, it is at most d + |u_S - u_{S^i}| from that of the separator without i: from what a refit
    without i tends to.

    Parameters
    ----------
    prepared : Prepared
        Two classes.
    weights : ndarray of float64, shape (d,)
        The coefficients, other than 0.
    group, progress
        As for `certify`.

    Raises
    ------
    NotSeparableError
        If the classes have no separator: training without a penalty has no limit then.
    """
    limit = separable_certificate(
        replace(prepared, X_test=None),
        classes="softmax",
        exact=0,
        group=group,
        measured=False,
        progress=progress,
    )
    units = [each / np.linalg.norm(each) for each in (weights, limit.weights)]
    apart = float(np.linalg.norm(units[0] - units[1])) + direction_error(limit.gap)
    per_sample = np.minimum(limit.per_sample + apart, FARTHEST)
    moved = f", and the distance {apart:.3g} of the coefficients' direction from the separator's"
    told = {name: limit.provenance[name] for name in ("margin", "radius", "gap", "pivotal")}
    return replace(
        limit,
        head=(
            "the coefficients as they were fitted, without penalty, against the separators that"
            f" refits tend to; their own direction is {apart:.3g} from that of the separator"
        ),
        weights=weights,
        instability=float(per_sample.mean()),
        ladder={name: value + apart for name, value in limit.ladder.items()},
        along_training=float("nan"),
        per_sample=per_sample,
        by_group=min(limit.by_group + apart, FARTHEST),
        predictions=_predictions(prepared, weights, per_sample),
        provenance={
            **told,
            "per_sample": limit.provenance["per_sample"].rstrip(".") + moved,
            "instability": "the mean of per_sample",
            "ladder": limit.provenance["ladder"].rstrip(".") + moved,
            "by_group": limit.provenance["by_group"].rstrip(".") + moved,
            "along_training": "nothing is known of the way that these coefficients took",
            "exact": "not computed",
            "predictions": "C-angle, from per_sample",
        },
    )


def _predictions(prepared: Prepared, weights: Floats, distance: Floats) -> Predictions | None:
    points = prepared.X_test
    if points is None:
        return None
    changeable = ~bounds.churn.angle(points=points, weights=weights, distance=distance)
    names = np.array(prepared.classes)
    return Predictions(
        labels=names[(points @ weights > 0).astype(np.intp)],
        fixed=np.asarray(~changeable.any(axis=1)),
        flippers=changeable.sum(axis=1),
        reach=changeable.sum(axis=0),
        flips=np.full(len(distance), -1, dtype=np.intp),
        computed=False,
    )
