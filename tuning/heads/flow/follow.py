"""Head tuning in log-time: gradient descent followed to t = 1e30 and beyond, every sample left out
in turn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from tunebound._ground import checks
from tunebound.tuning import arguments
from tunebound.tuning.heads.flow.problem import FlowProblem
from tunebound.tuning.heads.run import ALONG_RECORDS, HeadRun
from tunebound.tuning.heads.softmax.follow import ClassFlowProblem
from tunebound.tuning.heads.softmax.tune import reference_matrices, starts
from tunebound.tuning.heads.step_limits import learning_rate_limits
from tunebound.tuning.heads.tune import reference_directions, tune_heads
from tunebound.tuning.recording import record_steps

LATEST_STEP = 1e290  # beyond it t times a sample's activity does not fit a float64
DESCENT_STEPS = 1_000  # steps of plain gradient descent before the flow takes over, at least
LONGEST_DESCENT = 300_000  # steps after which a curvature that has not fallen will not fall
SEPARABLE = 1e-10  # of the radius: a margin below it is as good as none
MISSED = 10  # tolerances that the flow may leave out of descent on its whole way
DENSE = 10_000  # records are eight a decade up to here


def flow_heads(
    X: ArrayLike,
    y: ArrayLike,
    *,
    until: float = 1e30,
    learning_rate: float | ArrayLike | str = "auto",
    init: ArrayLike | None = None,
    classes: int | None = None,
    leave_one_out: bool = True,
    weighting: str = "1/n",
    record: str | Sequence[float] = "log",
    reference: ArrayLike | None = None,
    tolerance: float = 2e-7,
    device: str = "auto",
) -> HeadRun:
    """Follow linear heads along gradient descent to any number of steps, with each sample left out
    in turn.

    The iteration is that of `tune_heads`. After at least 1,000 steps of it, once what follows
    leaves at most `tolerance` of any head out per unit of ln t, each head follows w(t) with
    dw/d ln t = f + H f/(2t), where f = −ηt∇F and H = ηt∇²F: gradient flow with the correction that
    makes it agree with descent up to (4H²f − D_fH f)/(12t²) (the modified equation of Euler's
    method). It is stiff, and solved by Rodas5P with steps of its own for every head.

    Parameters
    ----------
    X : (n, d) or (D, n, d)
        Encoded features, finite reals.
    y : (n,) or (D, n)
        Labels −1 and +1; at least two samples of each class (one with ``leave_one_out=False``).
    until : float
        Number of steps t to follow, a whole number from 1 to 1e290.
    learning_rate, init, classes, leave_one_out, weighting, reference, device
        As for `tune_heads`.
    record : "log" or sequence of float
        Steps to record: "log" takes eight a decade up to 10⁴, one a decade up to 10¹⁰ and one every
        five decades beyond; always the last one too.
    tolerance : float
        Largest estimated error of one step of the solver in a head, relative to its norm.

    Returns
    -------
    HeadRun
        `steps` is float64; `resolution` is estimated: twice the sum of the estimated errors and of
        what is left out of descent, over the head's norm. They add up at most, since neither
        descent nor the flow expands. Errors are those of the embedded method of order four: those
        of the method itself, of order five, are far smaller (measured: by a factor of 39 to some
        hundreds, above 100 on every family of small data).

    Raises
    ------
    ValueError, TypeError
        As for `tune_heads`, and for numbers of steps that are not whole or out of range; before any
        work.
    FloatingPointError
        If a sample is still misclassified when a margin of 1e-10 of the radius would have shown,
        so that the data are not linearly separable; if the heads still turn too fast after 256,000
        steps, as from a start far off; or if the solver needs a thousand steps between two records,
        as with margins of 1e-9 of the radius, where rounding is all that moves.

    Notes
    -----
    Results of different chunkings may differ by rounding. A head that has left out a sample without
    influence ends up where head 0 does, within the tolerance and not exactly: each has steps of its
    own.

    References
    ----------
    Steinebach, *Construction of Rosenbrock-Wanner method Rodas5P*, BIT Numerical Mathematics 63
    (2023); Hairer, Lubich & Wanner, *Geometric Numerical Integration*,
    chapter IX (modified equations).
    """
    recorded = flow_records(until, record)
    accuracy = checks.real_number("tolerance", tolerance, above=0)
    checks.choice("weighting", weighting, checks.WEIGHTINGS)
    features, labels = _labelled(X, y, classes, leave_one_out=leave_one_out)
    batch, n, d = features.shape
    limits = learning_rate_limits(features, weighting=weighting, classes=classes)
    rates = arguments.learning_rates(learning_rate, np.asarray(limits))
    left_out = n if leave_one_out else 0
    if classes is None:
        start = arguments.initial_weights(init, batch, d)
        given = None if reference is None else reference_directions(reference, batch, left_out, d)
    else:
        start = starts(init, batch, classes, d)
        shape = (batch, left_out + 1, classes, d)
        given = None if reference is None else reference_matrices(reference, shape).reshape(shape)
    target_device = arguments.torch_device("device", device)
    # by powers of 2, which is exact: with features of size 1 nothing leaves float64 on the way
    exponents = np.frexp(np.abs(features).max(axis=(1, 2)))[1]
    features = _times_power(features, -exponents)
    start, given_rates = _times_power(start, exponents), rates
    rates = np.ldexp(rates, 2 * exponents)
    pending, steps = np.arange(batch), int(min(DESCENT_STEPS, recorded[-1]))
    runs: list[tuple[NDArray[np.intp], HeadRun]] = []
    with tqdm(total=batch, desc="following heads", unit="set", delay=2, disable=None) as progress:
        while len(pending):
            descent = tune_heads(
                features[pending],
                labels[pending],
                steps=steps,
                learning_rate=rates[pending],
                init=start[pending],
                leave_one_out=leave_one_out,
                weighting=weighting,
                record=[int(t) for t in recorded if t <= steps],
                reference=None if given is None else given[pending],
                classes=classes,
                device=device,
            )
            group = (features[pending], labels[pending], start[pending], descent, target_device)
            problem = (
                FlowProblem.of(*group)
                if classes is None
                else ClassFlowProblem.of_classes(*group, classes=classes)
            )
            faithful = (
                problem.left_out() <= accuracy
                if steps < recorded[-1]
                else np.full(len(pending), True)
            )
            done = np.flatnonzero(faithful)
            if len(done):
                chosen = (
                    None
                    if given is None
                    else given[pending[done]].reshape(len(done), left_out + 1, -1)
                )
                run, missed = problem.subset(done).follow(recorded, chosen, accuracy, progress)
                _refuse_inseparable(run, features, start, pending[done])
                kept = missed <= MISSED * accuracy
                done = done[kept]
                if len(done):
                    runs.append((pending[done], run.select(np.flatnonzero(kept))))
            pending = np.delete(pending, done)
            descended, steps = steps, int(min(4 * steps, recorded[-1]))
            if len(pending) and steps > LONGEST_DESCENT:
                raise FloatingPointError(
                    f"X, y: after {descended:,} steps of descent the heads of data set"
                    f" {pending[0]} still turn too fast to be followed to tolerance={accuracy:g}:"
                    " init is far off; raise tolerance, or start from the weights of tune_heads"
                    " with more steps"
                )
    run = _in_units(_merged(runs), exponents, given_rates)
    if classes is not None:
        run = replace(
            run,
            path=run.path.reshape(len(recorded), batch, classes, d),
            weights=run.weights.reshape(batch, left_out + 1, classes, d),
        )
    return run[0] if np.ndim(X) == 2 else run


def _refuse_inseparable(
    run: HeadRun,
    features: NDArray[np.float64],
    start: NDArray[np.float64],
    members: NDArray[np.intp],
) -> None:
    """Descent so late misclassifies no sample of data that a float64 can tell to be separable.

    Write G for the mean of 1 − p_y and K for the number of classes. Along the separator, of margin
    γ, a step adds at least ηγG, and to ‖w‖² at most 0.56 (K − 1) η + 2η²B²G, since x/(1 + e^x) <
    0.28 and G ≤ 1. As the loss does not grow, a sample misclassified after t steps means a loss of
    ln 2/n and G ≥ 1/(2n²) at all of them, hence

        γ ≤ 2n² (2‖w_0‖ + (0.56 (K − 1) ηt)^½)/(ηt) + 2nB/t^½.
    """
    wrong = np.flatnonzero(run.margin[-1, :, 0] <= 0)
    if not len(wrong):
        return
    n, first = features.shape[1], members[wrong[0]]
    rivals = run.path.shape[-1] // features.shape[2] - 1 or 1
    radius = np.linalg.norm(features[first], axis=-1).max()
    time = run.steps[-1] * np.asarray(run.learning_rate)[wrong[0]]
    reach = 2 * np.linalg.norm(start[first]) + math.sqrt(0.56 * rivals * time)
    share = 2 * n * n * reach / time / radius + 2 * n / math.sqrt(run.steps[-1])
    if share < SEPARABLE:
        raise FloatingPointError(
            f"X, y: after {run.steps[-1]:g} steps a sample of data set {first} is still"
            f" misclassified. It is not linearly separable, or its margin is below {share:.1g} of"
            " its radius, which float64 does not resolve: look at max_margin(X, y)"
        )


def _labelled(
    X: ArrayLike, y: ArrayLike, classes: int | None, *, leave_one_out: bool
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Samples (D, n, d) and labels (D, n), ±1 or numbers of classes."""
    if classes is None:
        return arguments.labelled_batch(X, y, leave_one_out=leave_one_out)
    return arguments.class_batch(X, y, classes, leave_one_out=leave_one_out)


def flow_records(until: float, record: str | Sequence[float] = "log") -> NDArray[np.float64]:
    """The numbers of steps at which `flow_heads` records.

    Parameters
    ----------
    until : float
        All steps, a whole number from 1 to `LATEST_STEP`.
    record : "log" or sequence of float
        "log" takes eight a decade up to 10⁴, one a decade up to 10¹⁰ and one every five decades
        beyond.

    Returns
    -------
    (K,) float64
        Increasing, the last one `until`.

    Raises
    ------
    ValueError, TypeError
        For numbers of steps that are not whole or out of range.
    """
    last = checks.step_count("until", until, high=LATEST_STEP)
    if isinstance(record, str):
        dense = record_steps(int(min(last, DENSE)), record).astype(np.float64)
        exponents = np.append(np.arange(5, 10), np.arange(10, np.ceil(np.log10(last)), 5))
        chosen = np.append(dense, [t for t in 10.0**exponents if t < last])
    else:
        asked = checks.sequence("record", record, of="numbers of steps")
        chosen = np.array([checks.step_count("record", t, high=LATEST_STEP) for t in asked])
        if (chosen > last).any():
            raise ValueError(
                f"record asks for step {chosen.max():g}, but until is {last:g}; raise until or"
                " drop it"
            )
    return np.unique(np.append(chosen, last))


def _times_power(values: NDArray[np.float64], exponents: NDArray[np.intp]) -> NDArray[np.float64]:
    """Values (D, …) times 2 to the exponents (D,)."""
    return np.ldexp(values, exponents.reshape(-1, *(1,) * (values.ndim - 1)))


def _in_units(run: HeadRun, exponents: NDArray[np.intp], rates: NDArray[np.float64]) -> HeadRun:
    """The run on features (D, n, d) of one on them divided by 2 to the exponents (D,)."""
    shift = exponents[:, np.newaxis]
    return replace(
        run,
        **{
            name: np.ldexp(getattr(run, name), -shift)
            for name in ("distance", "certificate", "norm", "path")
        },
        margin=np.ldexp(run.margin, shift),
        weights=_times_power(run.weights, -exponents),
        learning_rate=rates,
    )


def _merged(runs: list[tuple[NDArray[np.intp], HeadRun]]) -> HeadRun:
    """One run out of those of several groups of data sets, in the order of their numbers."""
    if len(runs) == 1:
        return runs[0][1]
    order = np.argsort(np.concatenate([members for members, _ in runs]))
    first = runs[0][1]
    along: dict[str, Any] = {
        name: np.concatenate([getattr(run, name) for _, run in runs], axis=1)[:, order]
        for name in ALONG_RECORDS
        if getattr(first, name) is not None
    }
    weights = np.concatenate([run.weights for _, run in runs])[order]
    return replace(
        first,
        **along,
        weights=weights,
        learning_rate=np.concatenate([run.learning_rate for _, run in runs])[order],
    )
