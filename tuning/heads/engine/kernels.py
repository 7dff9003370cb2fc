"""Triton kernels of leave-one-out head tuning: many gradient steps in one launch.

The first program of a data set advances the head on the whole sample, with samples across its
lanes; every other program advances a block of left-out heads. Weights stay in registers, samples in
the cache next to them, and margins never reach memory.

Imported only where a kernel is about to run: Triton is optional, and reads TRITON_INTERPRET when
its functions are decorated.
"""

# mypy: ignore-errors
# (a kernel's arguments are pointers and compile-time constants of Triton's own, and its tuples
# grow)

import triton
import triton.language as tl

# run-time numbers: no recompilation for another length or size
COUNTS = ["samples", "rows", "first", "steps"]


@triton.jit
def _activity(exponent):
    # The exponential is only ever taken of what is not positive: it cannot overflow.
    decay = tl.exp(-tl.abs(exponent))
    return tl.where(exponent >= 0, 1.0, decay) / (1.0 + decay)


@triton.jit
def _advance_whole(
    Z,
    step,
    negated,
    drift,
    samples,
    steps,
    D: tl.constexpr,
    WIDTH: tl.constexpr,
    TILE: tl.constexpr,
):
    """The head on S: samples along the first axis of a (TILE, WIDTH) tile, features along the
    second, padded with zeros.
    """
    feature = tl.arange(0, WIDTH)
    lane = tl.arange(0, TILE)
    kept = feature < D
    weights = tl.load(negated + feature, mask=kept, other=0.0)
    for _ in range(steps):
        rounded = weights.to(Z.dtype.element_ty)
        change = tl.zeros((TILE, WIDTH), Z.dtype.element_ty)
        for begin in range(0, samples, TILE):
            sample = begin + lane
            inside = sample < samples
            place = sample[:, None] * D + feature[None, :]
            mask = inside[:, None] & kept[None, :]
            activity = _activity(
                tl.sum(tl.load(Z + place, mask=mask, other=0.0) * rounded[None, :], axis=1)
            )
            total = tl.load(drift + sample, mask=inside, other=0.0)
            tl.store(drift + sample, total + activity.to(tl.float64), mask=inside)
            change += activity[:, None] * tl.load(step + place, mask=mask, other=0.0)
        weights -= tl.sum(change, axis=0).to(weights.dtype)
        tl.debug_barrier()  # the next step reads the drift that this one stored, by whichever lane
    tl.store(negated + feature, weights, mask=kept)


@triton.jit
def _exponents(weights, Z, sample, D: tl.constexpr):
    exponent = weights[0] * tl.load(Z + sample * D)
    for k in tl.static_range(1, D):
        exponent += weights[k] * tl.load(Z + sample * D + k)
    return exponent


@triton.jit
def _added(vector, activity, step, sample, D: tl.constexpr):
    total = ()
    for k in tl.static_range(D):
        total = total + (vector[k] + activity * tl.load(step + sample * D + k),)  # noqa: RUF005 (a Triton tuple has no unpacking)
    return total


@triton.jit(do_not_specialize=COUNTS)
def few_features(
    Z,
    step,
    negated,
    drift,
    samples,
    rows,
    first,
    steps,
    D: tl.constexpr,
    WIDTH: tl.constexpr,
    HEADS: tl.constexpr,
    TILE: tl.constexpr,
):
    """A head a lane, its D weights in a tuple of registers, one sample after the other: no
    reduction, no padding of D.
    """
    dataset = tl.program_id(0).to(tl.int64)
    Z += dataset * samples * D
    step += dataset * samples * D
    negated += dataset * rows * D
    if tl.program_id(1) == 0:
        _advance_whole(Z, step, negated, drift + dataset * samples, samples, steps, D, WIDTH, TILE)
    else:
        head = (tl.program_id(1) - 1) * HEADS + tl.arange(0, HEADS)
        inside = head < rows - 1
        place = negated + (head + 1) * D
        weights = ()
        nothing = ()
        for k in tl.static_range(D):
            weights = weights + (tl.load(place + k, mask=inside, other=0.0),)  # noqa: RUF005
            nothing = nothing + (tl.zeros((HEADS,), Z.dtype.element_ty),)  # noqa: RUF005
        for _ in range(steps):
            rounded = ()
            for k in tl.static_range(D):
                rounded = rounded + (weights[k].to(Z.dtype.element_ty),)  # noqa: RUF005
            change = nothing
            for sample in range(samples):
                activity = _activity(_exponents(rounded, Z, sample, D))
                activity = tl.where(head + first == sample, 0.0, activity)
                change = _added(change, activity, step, sample, D)
            moved = ()
            for k in tl.static_range(D):
                moved = moved + (weights[k] - change[k].to(weights[k].dtype),)  # noqa: RUF005
            weights = moved
        for k in tl.static_range(D):
            tl.store(place + k, weights[k], mask=inside)


@triton.jit(do_not_specialize=COUNTS)
def many_features(
    Z,
    step,
    negated,
    drift,
    samples,
    rows,
    first,
    steps,
    D: tl.constexpr,
    WIDTH: tl.constexpr,
    HEADS: tl.constexpr,
    TILE: tl.constexpr,
):
    """A block of heads times a tile of samples after the other, by matrix products without reduced
    precision.
    """
    dataset = tl.program_id(0).to(tl.int64)
    Z += dataset * samples * D
    step += dataset * samples * D
    negated += dataset * rows * D
    if tl.program_id(1) == 0:
        _advance_whole(Z, step, negated, drift + dataset * samples, samples, steps, D, WIDTH, TILE)
    else:
        head = (tl.program_id(1) - 1) * HEADS + tl.arange(0, HEADS)
        feature = tl.arange(0, WIDTH)
        lane = tl.arange(0, TILE)
        kept = feature < D
        own = (head < rows - 1)[:, None] & kept[None, :]
        place = negated + (head + 1)[:, None] * D + feature[None, :]
        weights = tl.load(place, mask=own, other=0.0)
        for _ in range(steps):
            rounded = weights.to(Z.dtype.element_ty)
            change = tl.zeros((HEADS, WIDTH), Z.dtype.element_ty)
            for begin in range(0, samples, TILE):
                sample = begin + lane
                inside = sample < samples
                across = sample[None, :] * D + feature[:, None]
                along = sample[:, None] * D + feature[None, :]
                transposed = tl.load(Z + across, mask=inside[None, :] & kept[:, None], other=0.0)
                shifts = tl.load(step + along, mask=inside[:, None] & kept[None, :], other=0.0)
                activity = _activity(
                    tl.dot(
                        rounded, transposed, input_precision="ieee", out_dtype=Z.dtype.element_ty
                    )
                )
                activity = tl.where((head + first)[:, None] == sample[None, :], 0.0, activity)
                change = tl.dot(
                    activity, shifts, change, input_precision="ieee", out_dtype=Z.dtype.element_ty
                )
            weights -= change.to(weights.dtype)
        tl.store(place, weights, mask=own)
