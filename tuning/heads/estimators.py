"""Head tuning as scikit-learn classifiers: full-batch gradient descent with a stable step, from
zero or from many random starts.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from tunebound._ground import checks
from tunebound.tuning.heads.tune import tune_heads
from tunebound.tuning.heads.weighted import descend, remaining_slope, sample_weights

if TYPE_CHECKING:
    from tunebound.theory import Certificate

FALLEN = 0.1  # of the slope at 0, what may remain without a warning


class _LinearClassifier(ClassifierMixin, BaseEstimator, ABC):
    """What both classifiers share: everything but where the heads start."""

    steps: int
    learning_rate: float | str
    fit_intercept: bool
    class_weight: Mapping[Any, float] | str | None

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """Tune the head.

        Parameters
        ----------
        X : (n, d) array_like
            Encoded features, finite.
        y : (n,) array_like
            Class labels of any kind; at least two classes.
        sample_weight : (n,) array_like, optional
            s, at least 0, times that of the class: the loss is Σ_i s_i ℓ_i / Σ_i s_i. A sample of
            weight 0 is left out, as if it were not there: the others are divided by their own sum,
            as by the weighting "1/(n-1)" of `tune_heads`; for its "1/n" multiply a learning rate of
            your own by the share of the weights that is left.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For data, weights or parameters that are malformed or out of range; before any work.

        Warns
        -----
        ConvergenceWarning
            If the loss still slopes at the end, along some feature of unit variance, more than a
            tenth of what it did at 0. Features in different units are the usual reason.
        """
        return self._fit(X, y, sample_weight)

    def _fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> Any:
        checks.unmasked("X", X)
        checks.unmasked("y", y)
        features, labels = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(labels)
        steps = checks.whole_number("steps", self.steps, low=1)
        checks.true_or_false("fit_intercept", self.fit_intercept)
        self.classes_, which = np.unique(labels, return_inverse=True)
        count = len(self.classes_)
        if count < 2:
            raise ValueError(
                f"y holds one class only, {self.classes_.tolist()[0]!r}; a classifier needs"
                " samples of two classes"
            )
        weights = sample_weights(sample_weight, self.class_weight, self.classes_, which)
        self._weighed_alike = bool((weights == weights[0]).all())
        inputs = (
            np.hstack([features, np.ones((len(features), 1))]) if self.fit_intercept else features
        )
        starts = self._starts(inputs.shape[1], 1 if count == 2 else count)
        if count == 2 and self._weighed_alike:
            options: dict[str, Any] = {
                "steps": steps,
                "record": [steps],
                "learning_rate": self.learning_rate,
                "leave_one_out": False,
            }
            head = tune_heads(inputs, 2 * which - 1, **options, **_started(starts[..., 0])).weights
        else:
            heads = descend(inputs, which, weights, starts, steps, self.learning_rate)
            head = heads.mean(axis=0).T
        slope = remaining_slope(inputs, which, weights, head.T, centred=self.fit_intercept)
        if slope > FALLEN:
            warnings.warn(
                f"after {steps} steps the loss still slopes {slope:.2g} times what it did at the"
                " start, along a feature of unit variance; scale the features, for example by"
                f" sklearn.preprocessing.StandardScaler, or raise steps={steps}",
                ConvergenceWarning,
                stacklevel=3,
            )
        self.coef_ = head[:, : features.shape[1]].copy()
        self.intercept_ = head[:, -1].copy() if self.fit_intercept else np.zeros(len(head))
        self.n_iter_ = steps
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Logits: (n,) of the second class for two classes, else (n, classes)."""
        check_is_fitted(self)
        checks.unmasked("X", X)
        features = validate_data(self, X, dtype=np.float64, reset=False)
        logits = features @ self.coef_.T + self.intercept_
        return logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class, (n, classes), in the order of `classes_`."""
        logits = self.decision_function(X)
        if logits.ndim == 1:
            return np.stack([expit(-logits), expit(logits)], axis=1)
        return np.asarray(softmax(logits, axis=1))

    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Logarithms of `predict_proba`, (n, classes), also where it underflows."""
        logits = self.decision_function(X)
        if logits.ndim == 1:
            return np.stack([log_expit(-logits), log_expit(logits)], axis=1)
        return np.asarray(log_softmax(logits, axis=1))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Most probable class, (n,)."""
        logits = self.decision_function(X)
        return self.classes_[
            (logits > 0).astype(np.int64) if logits.ndim == 1 else logits.argmax(axis=1)
        ]

    @abstractmethod
    def _starts(self, d: int, outputs: int) -> NDArray[np.float64]:
        """Starts of the heads, (H, d, outputs)."""


class HeadTuningClassifier(_LinearClassifier):
    """A linear head tuned from zero by gradient descent on the logistic loss, or on the
    cross-entropy for more classes.

    The iteration that this package's theory speaks of: full batches, a constant step size for which
    every step is non-expansive, no penalty. On separable data its direction tends to that of the
    maximum-margin separator.

    Parameters
    ----------
    steps : int
        Gradient steps, at least 1.
    learning_rate : float or "auto"
        Step size η ≤ 2/β, with β = λ_max(XᵀX)/(4n) for two classes and λ_max(XᵀX)/(2n) for more, X
        with its column of ones; "auto" is 1/β.
    fit_intercept : bool
        Whether to append a constant feature; its weight is the intercept.
    class_weight : dict, "balanced" or None
        Weight of each class by its label, 1 where it is not named; "balanced" gives all classes the
        same sum of weights. It multiplies `sample_weight`.

    Attributes
    ----------
    classes_ : (classes,) ndarray
    coef_ : (1, d) ndarray for two classes, else (classes, d)
    intercept_ : (1,) or (classes,) ndarray
    n_iter_ : int
    n_features_in_ : int

    Notes
    -----
    With weights s, β is that of the weighted loss: 1/n becomes s_i/Σs. The limit on separable data
    is the maximum-margin separator whatever the weights above 0 are. The training data are kept for
    `certificate_`.

    The step size is that of the feature with the largest range: scale the features first.
    """

    def __init__(
        self,
        steps: int = 1000,
        learning_rate: float | str = "auto",
        fit_intercept: bool = True,
        class_weight: Mapping[Any, float] | str | None = None,
    ) -> None:
        self.steps = steps
        self.learning_rate = learning_rate
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> HeadTuningClassifier:
        self._fit(X, y, sample_weight)
        self._fitted_on = (X, y)
        return self

    fit.__doc__ = _LinearClassifier.fit.__doc__

    @property
    def certificate_(self) -> Certificate:
        """What is promised of this head, by `theory.certify`, computed at each access.

        `along_training` bounds the mean instability of these coefficients, as it holds at every
        step from 0; everything else is about the direction that they tend to.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            For data that no head separates, on which a head without penalty has nothing to tend to,
            for samples that were weighed differently, and all that `theory.certify` refuses, such
            as a class with one sample.
        """
        check_is_fitted(self)
        if not self._weighed_alike:
            raise ValueError(
                "the samples were weighed differently, and the theorems behind the certificate"
                " weigh all alike; fit without sample_weight and class_weight, or certify the"
                " limit alone by theory.certify(X, y)"
            )
        from tunebound.theory import certify

        X, y = self._fitted_on
        found = certify(X, y, constant=1.0 if self.fit_intercept else None)
        if found.inseparable is not None:
            raise ValueError(
                "the training data have no separator, so nothing is certified of a head without"
                " penalty: theory.certify(X, y) certifies the regularised one"
            )
        return found

    def _starts(self, d: int, outputs: int) -> NDArray[np.float64]:
        return np.zeros((1, d, outputs))


class MultiHeadClassifier(_LinearClassifier):
    """Many linear heads from random starts, each tuned on its own loss; prediction by their mean,
    which is one linear head.

    Parameters
    ----------
    n_heads : int
        H, at least 1.
    init_scale : float
        Standard deviation of the normal starts.
    steps, learning_rate, fit_intercept, class_weight
        As for `HeadTuningClassifier`; every head takes steps of this size on its own loss.
    random_state : int, RandomState or None
        Of the starts; None draws them from NumPy's global generator, as is scikit-learn's habit.

    Attributes
    ----------
    classes_, coef_, intercept_, n_iter_, n_features_in_
        As for `HeadTuningClassifier`, of the mean head.

    Notes
    -----
    The heads' starts average out like 1/√H, what they share does not: docs/multi-head.md.
    """

    def __init__(
        self,
        n_heads: int = 16,
        init_scale: float = 1.0,
        steps: int = 1000,
        learning_rate: float | str = "auto",
        fit_intercept: bool = True,
        random_state: Any = None,
        class_weight: Mapping[Any, float] | str | None = None,
    ) -> None:
        self.n_heads = n_heads
        self.init_scale = init_scale
        self.steps = steps
        self.learning_rate = learning_rate
        self.fit_intercept = fit_intercept
        self.random_state = random_state
        self.class_weight = class_weight

    def _starts(self, d: int, outputs: int) -> NDArray[np.float64]:
        heads = checks.whole_number("n_heads", self.n_heads, low=1)
        scale = checks.real_number("init_scale", self.init_scale, above=0)
        return check_random_state(self.random_state).normal(scale=scale, size=(heads, d, outputs))


def _started(starts: NDArray[np.float64]) -> dict[str, Any]:
    """The arguments of `tune_heads` for starts (H, d)."""
    return {"init": starts[0]} if len(starts) == 1 else {"init": starts, "heads": len(starts)}
