"""Leave-one-out head tuning: gradient descent on the logistic loss, or the cross-entropy of several
classes, for all left-out samples of many data sets at once.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from tunebound._ground import checks
from tunebound.tuning import arguments
from tunebound.tuning.heads import scheduling
from tunebound.tuning.heads.engine import choice as descent_choice
from tunebound.tuning.heads.engine import plan
from tunebound.tuning.heads.engine.execute import Task, run_blocks
from tunebound.tuning.heads.engine.features import DTYPES
from tunebound.tuning.heads.optimisers import GradientDescent, Optimiser
from tunebound.tuning.heads.run import HeadRun, empty_run
from tunebound.tuning.heads.softmax.tune import tune_softmax_heads
from tunebound.tuning.heads.step_limits import learning_rate_limits, limits_of
from tunebound.tuning.recording import record_steps

HEAD_MEMORY = 2**26  # bytes, unless the caller says otherwise
FLOAT32_STEPS = 100_000  # beyond it an update is smaller than half a float32 unit of the weights
PLAIN = GradientDescent()


def tune_heads(
    X: ArrayLike,
    y: ArrayLike,
    *,
    steps: int,
    learning_rate: float | ArrayLike | str = "auto",
    batches: ArrayLike | None = None,
    optimiser: Optimiser = PLAIN,
    init: ArrayLike | None = None,
    classes: int | None = None,
    heads: int = 1,
    leave_one_out: bool = True,
    weighting: str = "1/n",
    record: str | Sequence[int] = "log",
    reference: ArrayLike | None = None,
    device: str = "auto",
    dtype: str = "float64",
    memory: int = HEAD_MEMORY,
) -> HeadRun:
    """Tune linear heads on the logistic loss by gradient descent, with each sample left out in
    turn.

    The head has no bias (append a constant feature to get one) and minimises F_S(w) = (1/n) Σ_j
    ln(1 + exp(−z_jᵀw)), z_j = y_j x_j, by w ← w − η∇F(w); head 1 + i minimises F without sample i.
    All heads of many data sets advance together: one batched matrix product gives every margin, the
    left-out entries are zeroed, a second product gives the steps. With at least as many features as
    samples (twice as many in "mixed" and "float32") the same iterates are computed from the Gram
    matrix, at a cost that does not depend on the features.

    Parameters
    ----------
    X : (n, d) or (D, n, d)
        Encoded features, finite reals.
    y : (n,) or (D, n)
        Labels −1 and +1 (of several `classes` 0, 1, …); at least two samples of each class (one
        with ``leave_one_out=False``).
    steps : int
        Number of gradient steps, at least 1.
    learning_rate : float, (D,) or "auto"
        Step size η ≤ 2/β with β = λ_max(XᵀX)/(4n), times n/(n − 1) under 1/(n − 1) weights; "auto"
        is 1/β, a data set each. With batches or an optimiser also one a step, (T,), or (D, T) of a
        batch of data sets. With batches the limit is 8/B², B = max_j ‖x_j‖; it is 1 + m times as
        high for heavy balls, (1 + m)/(1 + 2m) times for Nesterov, and there is none, nor an "auto",
        for Adam.
    batches : (T, b) or (D, T, b) of int, optional
        The samples of each step, from 0, the same for every left-out run, which drops the terms of
        its own sample and keeps the weight 1/|batch| of the others; −1 fills shorter batches. By
        default every step uses all samples. `minibatches` draws sequences.
    optimiser : GradientDescent, HeavyBall, Nesterov or Adam
        What becomes of the gradients, for each head alone.
    init : (d,) or (D, d); (heads, d) or (D, heads, d) of several heads; optional
        Start of the heads of a data set, the same whichever sample is left out; zero by default.
        Several heads need one: with equal starts they stay equal.
    classes : int, optional
        Number of classes K ≥ 2 of softmax heads: labels are then 0, 1, …, K − 1, each in at least
        two samples (one with ``leave_one_out=False``); a head is a matrix W (K, d) and minimises
        the mean cross-entropy ln Σ_k exp((w_k − w_{y_j})ᵀx_j). Starts are (K, d) or (D, K, d),
        references ([D,] n + 1, K, d) of Frobenius norm 1, and the limit of the step size is
        4/λ_max(XᵀX/n), half of that above (β = λ_max(XᵀX)/(2n)). One head a sample, in float64.
    heads : int
        Heads H a sample. Each takes step η on its own loss, which is gradient descent on the mean
        of the H losses with step Hη. All measures are then of their mean w̄ = (1/H) Σ_h w_h, and
        `head_weights` and `spread` are given too.
    leave_one_out : bool
        False tunes the head on S only; the arrays over left-out samples then have n = 0 entries.
    weighting : {"1/n", "1/(n-1)"}
        Weight of the remaining samples in F_{S^i}.
    record : "log" or sequence of int
        Steps to record: "log" takes eight a decade (all of 1..8, then rounded), and always the last
        step.
    reference : ([D,] n + 1, d), optional
        Unit directions, for example of the max-margin separators, to measure `direction_error`
        against.
    device : str
        "auto" (CUDA where there is one), "cpu", "cuda", "cuda:1", …
    dtype : {"float64", "mixed", "float32"}
        Arithmetic of the iteration. "mixed" is faster: products and σ in float32, weights in twice
        its digits; directions err by a few 1e−9, and the error grows as the margin shrinks against
        the radius (1.5e−8 seen at a sixtieth); the GPU's fused kernel rounds ηz_j/n too, which
        costs up to 3e−8. float32 weights stagnate after about 10⁵ steps (a warning says so).
        "mixed" and "float32" round the features to float32 first, and everything they give is of
        the rounded ones.
    memory : int
        Bytes of working arrays at once (data and results come on top).

    Returns
    -------
    HeadRun

    Raises
    ------
    ValueError, TypeError
        For data that are not finite, labels other than ±1, a class that leaving one out would
        empty, a step size above the limit (the message states it), memory that does not hold one
        left-out sample of one data set (the message states how much does), a sequence of batches
        with an empty one or with fewer than two different samples, several heads, other weights or
        another dtype together with batches or an optimiser, and any argument outside its range;
        before any work.

    Notes
    -----
    Data sets, then heads, then left-out samples are split into blocks that fit into the memory and
    the caches; on a CPU as many blocks as torch has threads advance at once. How it is split can
    change the order in which a matrix product is summed, hence results by the rounding of t
    non-expansive steps, which `HeadRun.resolution` bounds; nothing else depends on it. The
    certificate of a mean head is the mean of its heads' certificates: ‖w̄_S − w̄_{S^i}‖ is at most
    the mean of the ‖w_{h,S} − w_{h,S^i}‖.

    The certificate of gradient descent on mini-batches is Σ η_s σ(−z_iᵀw_S(s))‖x_i‖/|batch| over
    the steps s whose batch holds i; heavy balls, Nesterov and Adam have none (NaN), see
    docs/stochastic-heads.md.

    On a CUDA device a kernel that keeps samples and weights on the chip is used where they fit,
    else a recorded graph of the operations where launching them would cost more than they do; the
    logger ``tuning`` says what was chosen and why (INFO).
    """
    checks.choice("weighting", weighting, checks.WEIGHTINGS)
    checks.choice("dtype", dtype, tuple(DTYPES))
    scheduling.require_optimiser(optimiser)
    count = checks.whole_number("heads", heads, low=1)
    memory = checks.whole_number("memory", memory, low=1)
    if classes is not None:
        if count > 1 or dtype != "float64":
            raise ValueError(
                f"classes={classes!r} takes one head a sample in float64, got heads={count} and"
                f" dtype={dtype!r}; leave both out"
            )
        return tune_softmax_heads(
            X,
            y,
            classes=classes,
            steps=steps,
            learning_rate=learning_rate,
            limits=np.atleast_1d(learning_rate_limits(X, weighting=weighting, classes=classes)),
            init=init,
            leave_one_out=leave_one_out,
            weighting=weighting,
            record=record,
            reference=reference,
            device=device,
            memory=memory,
        )
    exact, labels = arguments.labelled_batch(X, y, leave_one_out=leave_one_out)
    batch, n, d = exact.shape
    single = np.ndim(X) == 2
    recorded = record_steps(steps, record)
    total = int(recorded[-1])
    target_device = arguments.torch_device("device", device)
    growth = arguments.growth(weighting, n)
    features: NDArray = exact if dtype == "float64" else _rounded(exact)
    limits = limits_of(features, growth)
    schedule = None
    if batches is None and optimiser == PLAIN:
        rates = arguments.learning_rates(learning_rate, limits)
    else:
        scheduling.require_plain(count, weighting, dtype)
        schedule = scheduling.schedule(
            exact,
            steps=total,
            batches=batches,
            optimiser=optimiser,
            learning_rate=learning_rate,
            full_limits=limits,
            leave_one_out=leave_one_out,
            single=single,
        )
        rates = schedule.rates.max(axis=1)
    start = _starts(init, batch, count, d)
    left_out = n if leave_one_out else 0
    directions = None if reference is None else reference_directions(reference, batch, left_out, d)
    if dtype == "float32" and total > FLOAT32_STEPS:
        warnings.warn(
            f"dtype='float32' stagnates after about {FLOAT32_STEPS:,} steps and {total:,} were"
            " asked for; use 'mixed' or 'float64'",
            stacklevel=2,
        )
    sizes = plan.Sizes(
        batch=batch,
        n=n,
        d=d,
        left_out=left_out,
        heads=count,
        gram=schedule is None and descent_choice.in_gram_space(n, d, dtype),
        shifted=growth != 1.0,
    )
    on_cpu = target_device.type == "cpu"
    cache = plan.CACHE if on_cpu else plan.DEVICE_CACHE
    blocks, workers = plan.blocks(sizes, memory, cache, torch.get_num_threads() if on_cpu else 1)
    choice = (
        descent_choice.choose(target_device, n, d, dtype, heads=count, growth=growth)
        if schedule is None
        else descent_choice.scheduled(target_device)
    )
    run = empty_run(
        recorded,
        batch=batch,
        left_out=left_out,
        d=d,
        rates=rates,
        weighting=weighting,
        with_error=directions is not None,
        heads=count,
        dtype=dtype,
        summands=n if schedule is not None and optimiser.linear else None,
    )
    run_blocks(
        Task(
            X=features,
            y=labels,
            rates=rates,
            start=start,
            growth=growth,
            device=target_device,
            choice=choice,
            reference=directions,
            schedule=schedule,
        ),
        run,
        blocks,
        workers,
    )
    return run[0] if single else run


def _rounded(X: NDArray[np.float64]) -> NDArray[np.float32]:
    """The features in float32, none of the data sets outside its range."""
    with np.errstate(over="ignore", under="ignore"):
        rounded = X.astype(np.float32)
    for index, exact in enumerate(X):
        largest = np.abs(exact).max()
        if largest > 0 and not 1e-15 < largest < 1e15:  # their squares have to be in range too
            raise ValueError(
                f"X: the largest feature of data set {index} is {largest:.3g}, and products in"
                " float32 need 1e-15 to 1e15; rescale the features, or pass dtype='float64'"
            )
    return rounded


def _starts(init: ArrayLike | None, batch: int, heads: int, d: int) -> NDArray[np.float64]:
    """Starts (D, H, d)."""
    if heads == 1:
        return arguments.initial_weights(init, batch, d)[:, None]
    if init is None:
        raise ValueError(
            f"init must be given for heads={heads}, of shape ({heads}, {d}) or ({batch}, {heads},"
            f" {d}): equal starts stay equal"
        )
    start = checks.real_array("init", init)
    if start.shape not in ((heads, d), (batch, heads, d)):
        raise ValueError(
            f"init must have shape ({heads}, {d}) or ({batch}, {heads}, {d}) for heads={heads}, got"
            f" {start.shape}"
        )
    return np.broadcast_to(start, (batch, heads, d)).copy()


def reference_directions(reference: ArrayLike, batch: int, left_out: int, d: int) -> NDArray:
    """Unit directions (D, n + 1, d), one a head, checked."""
    directions = checks.real_array("reference", reference)
    if directions.shape not in ((batch, left_out + 1, d), (left_out + 1, d)) or (
        directions.ndim == 2 and batch > 1
    ):
        raise ValueError(
            f"reference must hold one direction a head, shape ({batch}, {left_out + 1}, {d}), got"
            f" {directions.shape}"
        )
    norms = np.linalg.norm(directions, axis=-1)
    if not np.allclose(norms, 1, rtol=0, atol=1e-9):
        raise ValueError("reference must hold unit vectors; divide each by its norm")
    return directions.reshape(batch, left_out + 1, d)
