"""What can be promised about a linear classifier that was fitted elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from tunebound import bounds
from tunebound._ground.arrays import Floats
from tunebound._ground.checks import true_or_false
from tunebound._ground.sample_checks import features
from tunebound.theory.certification.certificate import Certificate
from tunebound.theory.certification.free_intercept import free_intercept_certificate
from tunebound.theory.certification.prepared import Prepared
from tunebound.theory.certification.regularised import regularised_certificate
from tunebound.theory.certification.unpenalised import unpenalised_certificate
from tunebound.theory.engine.bars import bars

FARTHEST = 0.1  # of its norm that coefficients may be away from the minimiser on X, y


def stability_report(
    estimator: Any,
    X: ArrayLike,
    y: ArrayLike,
    X_test: ArrayLike | None = None,
    *,
    exact: str | int = "auto",
    group: int = 1,
    progress: bool = True,
) -> Certificate:
    """Certify how far a fitted linear classifier depends on single samples of its training data.

    What is promised is about the coefficients as they are: their distance from the minimiser is
    part of every number. A sample that is left out is left out of a refit with the same C, which
    keeps the weights of the others.

    Parameters
    ----------
    estimator : LogisticRegression or Pipeline that ends in one
        Fitted on X and y, two classes, with the quadratic penalty: lam = 1/(C n); or with none
        (``C=np.inf``) and without an intercept on separable data, where what is promised is the
        distance from the separators that refits tend to. With
        ``solver="liblinear"`` the intercept is the weight of a constant feature
        ``intercept_scaling`` and penalised like the others. Other solvers' has no penalty: the
        direction is that of the other weights then. Earlier steps of a pipeline are held fixed:
        they are not refitted when a sample is left out.
    X : array_like of shape (n, d)
        What the estimator was fitted on.
    y : array_like of shape (n,)
    X_test : array_like of shape (m, d), optional
        Features whose predictions are certified.
    exact, group, progress
        As for `certify`; with an unpenalised intercept "auto" or 0, and 1; without penalty exact is
        "auto" or 0.

    Returns
    -------
    Certificate
        Of the coefficients, followed by intercept/intercept_scaling where that is penalised.

    Raises
    ------
    TypeError
        For estimators of another kind.
    ValueError
        For an estimator that is not fitted, or not on these data; for class weights, another
        penalty, none but with an intercept or on data that are not separable, or three classes or
        more.
    """
    progress = true_or_false("progress", progress)
    steps = estimator.steps[:-1] if isinstance(estimator, Pipeline) else []
    model = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    scaling = _constant(model)
    classes = model.classes_
    before = estimator[:-1].transform if steps else np.asarray
    points = features(before(X))
    if points.shape[1] != model.coef_.shape[1]:
        raise ValueError(
            f"X has {points.shape[1]} features where the estimator has {model.coef_.shape[1]}: pass"
            " what it was fitted on"
        )
    labels = np.asarray(y)
    if not np.array_equal(np.unique(labels), classes):
        raise ValueError(
            f"y has the labels {np.unique(labels).tolist()} and the estimator was fitted on"
            f" {classes.tolist()}: pass what it was fitted on"
        )
    if labels.shape != (len(points),):
        raise ValueError(f"y must have shape ({len(points)},) to meet X, got {labels.shape}")
    weights = model.coef_[0]
    notes = [f"step {name!r} of the pipeline, held fixed" for name, _ in steps]
    tested = None if X_test is None else features(before(X_test))
    if scaling is not None:
        weights = np.append(weights, model.intercept_[0] / scaling)
        points = _appended(points, scaling)
        tested = None if tested is None else _appended(tested, scaling)
        notes.append(f"constant feature {scaling:g} appended (intercept_scaling)")
    prepared = Prepared(
        X=points,
        y=(labels == classes[1]).astype(np.int64),
        classes=tuple(classes.tolist()),
        X_test=tested,
        preparation=tuple(notes),
    )
    if _unpenalised(model):
        if exact not in ("auto", 0):
            raise ValueError(
                f"exact = {exact!r}: coefficients without a penalty are certified from one solve;"
                ' pass exact="auto", or certify the features by theory.certify'
            )
        with bars(shown=progress):
            return unpenalised_certificate(prepared, weights, group=group, progress=progress)
    lam = 1.0 / (model.C * len(points))
    signs = np.where(prepared.y == 1, 1.0, -1.0)
    free = model.fit_intercept and scaling is None
    if free:
        whole = np.append(weights, model.intercept_[0])
        error = bounds.regularised_bias.distance_from_minimiser(
            _appended(points, 1.0), signs, whole, lam=lam
        )
    else:
        error = bounds.regularised.distance_from_minimiser(points, signs, weights, lam=lam)
    if error > FARTHEST * np.linalg.norm(weights):
        raise ValueError(
            f"the coefficients can be {error:.3g} from the minimiser on X, y, farther than a tenth"
            f" of their norm {np.linalg.norm(weights):.3g}: pass the data it was fitted on, or fit"
            " it with a smaller tol and more max_iter"
        )
    if free:
        if group != 1:
            raise ValueError(
                f"group = {group}: with an unpenalised intercept single removals are certified;"
                " pass group=1, or fit with fit_intercept=False"
            )
        return free_intercept_certificate(
            prepared, weights, float(model.intercept_[0]), lam=lam, exact=exact
        )
    with bars(shown=progress):
        return regularised_certificate(
            prepared, lam=lam, exact=exact, group=group, progress=progress, weights=weights
        )


def _appended(points: Floats, scaling: float) -> Floats:
    return np.hstack([points, np.full((len(points), 1), scaling)])


def _constant(model: Any) -> float | None:
    """The penalised constant feature behind the intercept, None without one; else a refusal."""
    name = type(model).__name__
    if not isinstance(model, LogisticRegression):
        raise TypeError(
            f"estimator is a {name}, about which nothing is certified: fit a LogisticRegression,"
            " or certify its features by theory.certify"
        )
    check_is_fitted(model)
    if len(model.classes_) != 2:
        raise ValueError(
            f"estimator has {len(model.classes_)} classes and two are certified: fit one against"
            " the rest, or certify its features by theory.certify"
        )
    if model.class_weight is not None:
        raise ValueError(
            f"class_weight = {model.class_weight!r}: samples are weighed alike here; fit with None"
        )
    if _unpenalised(model):
        if model.fit_intercept:
            raise ValueError(
                "estimator has neither a penalty nor a bound on its intercept: fit it with"
                " fit_intercept=False on features with a constant column, or with a finite C"
            )
        return None
    if not _quadratic(model):
        raise ValueError(
            "estimator has another penalty than the quadratic one: fit it with the L2 penalty or"
            " with none, or certify its features by theory.certify"
        )
    if not model.fit_intercept or model.solver != "liblinear":
        return None
    return float(model.intercept_scaling)


def _unpenalised(model: LogisticRegression) -> bool:
    return getattr(model, "penalty", "l2") is None or bool(np.isinf(model.C))


def _quadratic(model: LogisticRegression) -> bool:
    penalty, ratio = getattr(model, "penalty", "l2"), getattr(model, "l1_ratio", None)
    return bool(np.isfinite(model.C)) and penalty in ("l2", "deprecated") and not ratio
