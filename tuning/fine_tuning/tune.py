"""Fine-tuning of many replicas at once, by any registered method."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from tqdm import tqdm

from tunebound._ground import checks
from tunebound.tuning.division import ceil_div
from tunebound.tuning.fine_tuning.arguments import (
    labelled_inputs,
    left_out_samples,
    replica_seeds,
)
from tunebound.tuning.fine_tuning.batch_loss import batch_loss
from tunebound.tuning.fine_tuning.encoding import (
    OWN,
    PRECISIONS,
    Inputs,
    encode,
    feature_size,
    rows,
    stackable,
)
from tunebound.tuning.fine_tuning.iterate import Average, Iterate, trailed
from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    RateFactors,
    ReplicaState,
    copies,
    find_method,
    uniform,
)
from tunebound.tuning.fine_tuning.optimisers import OPTIMISERS, Optimiser, make_optimiser
from tunebound.tuning.fine_tuning.run import FineTuned
from tunebound.tuning.fine_tuning.slopes import one_by_one, together
from tunebound.tuning.threads import threads_for

ORDER_AND_DROPOUT, OWN_NOISE, HEAD = range(3)
ENCODER, HEADS, BIASES = "encoder.", "heads", "biases"


def fine_tune(
    encoder: nn.Module,
    inputs: ArrayLike | Inputs,
    y: ArrayLike | Tensor,
    *,
    method: str | Method = "plain",
    seeds: Sequence[int],
    left_out: Sequence[int | None] | None = None,
    steps: int = 200,
    learning_rate: float = 0.1,
    batch_size: int = 16,
    dropout: float = 0.1,
    optimiser: str = "sgd",
    warm_up: float = 0.0,
    decay: bool = False,
    precision: str = OWN,
) -> FineTuned:
    """Tune replicas of an encoder with a linear head that differ in seed or in a sample that they
    do not see.

    A replica takes steps of mini-batch gradient descent, or of Adam, on the mean logistic loss
    ln(1 + exp(−y·logit)), logit = head·feature + bias, encoder and head together, with what its
    method changes of that. Batches follow a random order of the samples, drawn anew after each
    pass; one that crosses the end of a pass may hold a sample twice.

    Replicas of a `TokenEncoder` advance in one batched computation in float64. Those of any other
    module are computed one after the other, in the module's own precision and in evaluation mode
    (so without dropout of its own; `dropout` acts on its features); the head is in float64. All of
    it is on the CPU.

    Parameters
    ----------
    encoder : Module
        Maps a batch of inputs, its only argument, to features (batch, d). The start w_0 of all
        replicas, unless the method moves it; it is not changed. Parameters that do not require a
        gradient stay where tuning starts, and replicas share them. Methods that move embeddings or
        re-train by themselves take a `TokenEncoder` only, and say so.
    inputs : (n, length) integers in [0, vocabulary), (n, ...) array, or mapping of str to these
        Of at least 2 samples: token sequences for a `TokenEncoder`, else what the encoder takes. A
        mapping with an ``attention_mask`` (n, length), 0 at padding, is cut to the longest sample
        of each batch.
    y : (n,)
        Labels −1 and +1, both of them.
    method : str or Method
        A name from `tuning.methods()`, or any method, registered or not: one at another strength,
        as in ``dataclasses.replace(methods()["l2_sp"], strength=0.01)``, or one of your own.
    seeds : (R,) int
        One replica each, in [0, 2**62); the initial head, the order of the data, dropout and the
        method's own noise are drawn from it. A replica is the same whatever the others are, up to
        rounding; the same seed may occur again, with another sample left out.
    left_out : (R,) int or None, optional
        Sample that a replica does not see; None, the default for all, for none. Its batches are
        those of the same seed with all samples, but this sample has weight 0 in them: the loss and
        the method's terms are means over the others, a batch of this sample alone moves nothing but
        what the method moves without data, and a method that looks at all inputs first does not
        look at this one. The result does not depend on the sample's tokens and label, except for
        the method "self_unsupervised_common", which reads all tokens (no label) for the start that
        all replicas share. Both classes must be left.
    steps : int
        Of plain fine-tuning, at least 1; a method may take more.
    learning_rate : float
        Step size of plain fine-tuning, positive, the same in every step; a method may change it,
        along the run too. Each of several heads follows its own loss with it.
    batch_size : int
        At least 1; with n or more, every batch holds n samples.
    dropout : float
        In [0, 1): probability that a feature is set to zero in a step; those left are divided by 1
        − dropout.
    optimiser : {"sgd", "adam", "adam_uncorrected", "adamw"}
        What a gradient becomes before it moves a parameter, unless the method has an optimiser of
        its own: itself, or a step of Adam (0.9, 0.999, 10⁻⁸) with or without bias correction, or
        with correction and a decay of 0.01 of all that moves. A batch of which a replica sees
        nothing has gradient 0; Adam moves on by its momentum there.
    warm_up : float
        In [0, 1): share of the steps, the first ones, over which the step size rises linearly; on
        top of what the method does with it.
    decay : bool
        Whether the step size then falls linearly, to 0 just behind the last step.
    precision : {"own", "bfloat16"}
        What an encoder that is no `TokenEncoder` is computed in, in training and afterwards: its
        own precision, or products of matrices in bfloat16 (torch's autocast), which takes less than
        half of the time on processors that have it. Parameters, gradients' sums and the optimiser
        keep their precision.

    Returns
    -------
    FineTuned

    Raises
    ------
    ValueError, TypeError
        For arguments outside their ranges, before any work.
    FloatingPointError
        If a loss or a parameter stops being finite.
    """
    tuned_by = find_method(method)
    read, labels = labelled_inputs(encoder, inputs, y)
    chosen = replica_seeds(seeds)
    copied = copy.deepcopy(encoder).to("cpu").eval()
    if stackable(copied):
        copied.double()
    plan = _Plan(
        encoder=copied,
        features=feature_size(copied, read),
        method=tuned_by,
        inputs=read,
        labels=labels,
        seeds=chosen,
        left_out=left_out_samples(left_out, len(chosen), labels),
        steps=tuned_by.steps(checks.whole_number("steps", steps, low=1)),
        rate=tuned_by.learning_rate(checks.real_number("learning_rate", learning_rate, above=0)),
        batch=min(checks.whole_number("batch_size", batch_size, low=1), len(labels)),
        dropout=tuned_by.dropout(
            checks.real_number(
                "dropout",
                dropout,
                low=0,
                below=1,
                remedy="it is the share of features that is set to zero",
            )
        ),
        optimiser=tuned_by.optimiser(checks.choice("optimiser", optimiser, tuple(OPTIMISERS))),
        warm_up=checks.real_number(
            "warm_up", warm_up, low=0, below=1, remedy="it is a share of the steps"
        ),
        decay=checks.true_or_false("decay", decay),
        precision=checks.choice("precision", precision, PRECISIONS),
    )
    if stackable(copied) and precision != OWN:
        raise ValueError(
            f"precision={precision!r}: a TokenEncoder is computed in float64; leave precision out"
        )
    with threads_for(sum(value.numel() for value in copied.parameters())):
        return _tune(plan)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Plan:
    """Checked arguments, with what the method makes of them."""

    encoder: nn.Module
    features: int
    method: Method
    inputs: Inputs
    labels: Tensor
    seeds: list[int]
    left_out: NDArray[np.int64]
    steps: int
    rate: float
    batch: int
    dropout: float
    optimiser: str
    warm_up: float
    decay: bool
    precision: str

    def generators(self, purpose: int) -> list[torch.Generator]:
        """One a replica; the purposes share no random numbers."""
        return [torch.Generator().manual_seed(3 * seed + purpose) for seed in self.seeds]


def _tune(plan: _Plan) -> FineTuned:
    encoder, method = plan.encoder, plan.method
    common, own = plan.generators(ORDER_AND_DROPOUT), plan.generators(OWN_NOISE)
    seen = torch.ones(len(plan.seeds), len(plan.labels), dtype=torch.float64)
    without = np.flatnonzero(plan.left_out >= 0)
    seen[without, plan.left_out[without]] = 0
    started = method.start(encoder, plan.inputs, seen, own)
    if started is None:
        started = copies(encoder, len(plan.seeds))
    moving = {key for key, value in encoder.named_parameters() if value.requires_grad}
    resting = {key: value for key, value in started.items() if key not in moving}
    now = Iterate({key: started[key] for key in started if key in moving}, *_heads(plan))
    order = _order(plan, common)
    memory = method.memory()
    trail = now
    slope = (together if stackable(encoder) else one_by_one)(_loss(plan))
    losses = np.empty((len(plan.seeds), plan.steps))
    average = Average(method.averaged_from(plan.steps))
    optimiser = make_optimiser(plan.optimiser)
    for step in tqdm(
        range(plan.steps), desc=f"fine-tuning ({method.name})", unit="step", delay=2, disable=None
    ):
        batch = order[:, step * plan.batch : (step + 1) * plan.batch]
        keep = _kept_features(plan, common)
        noise = method.draw(encoder, plan.batch, own)
        factors = method.rate_factors(encoder, step, plan.steps)
        still = {key: value for key, value in now.parameters.items() if factors.of(key) == 0}
        moved = {key: value for key, value in now.parameters.items() if key not in still}
        slopes, value = slope(
            now._replace(parameters=moved),
            trail,
            started,
            {**resting, **still},
            batch,
            plan.labels[batch],
            seen.gather(1, batch),
            keep,
            noise,
        )
        losses[:, step] = value.numpy()
        _refuse_infinite(plan, losses[:, step], step)
        now = _moved(plan, optimiser, now, slopes, started, step, factors)
        if memory is not None:
            trail = trailed(trail, now, memory)
        average.add(step, now)
    last, heads, biases = average.result(now)
    for value in (*last.values(), heads, biases):
        _refuse_infinite(plan, value.reshape(len(value), -1).sum(dim=1).numpy(), plan.steps)
    return FineTuned(
        encoder=encoder,
        method=method,
        seeds=np.asarray(plan.seeds, dtype=np.int64),
        left_out=plan.left_out,
        parameters={key: last.get(key, value) for key, value in started.items()},
        start=started,
        head=heads.mean(dim=1),
        bias=biases.mean(dim=1),
        losses=losses,
        precision=plan.precision,
    )


def _moved(
    plan: _Plan,
    optimiser: Optimiser,
    now: Iterate,
    slopes: Iterate,
    start: dict[str, Tensor],
    step: int,
    factors: RateFactors,
) -> Iterate:
    """Where a step takes all replicas; what rests, and has no slope, gathers no moments either."""
    recall = plan.method.recall(step, plan.steps)
    pulls = {
        key: recall * (now.parameters[key] - start[key]) for key in slopes.parameters if recall != 0
    }
    size = plan.rate * _share_of_rate(plan, step)
    # The loss is the mean over the heads: times their number, each head follows its own.
    count = now.heads.shape[1]
    moved = optimiser.moved(
        _by_name(Iterate(slopes.parameters, count * slopes.heads, count * slopes.biases)),
        _by_name(now),
        {
            **{f"{ENCODER}{key}": size * factors.of(key) for key in slopes.parameters},
            **dict.fromkeys((HEADS, BIASES), size * factors.head),
        },
    )
    parameters = {key: moved[f"{ENCODER}{key}"] for key in slopes.parameters}
    pulled = {key: parameters[key] - pull for key, pull in pulls.items()}
    return Iterate({**now.parameters, **parameters, **pulled}, moved[HEADS], moved[BIASES])


def _by_name(iterate: Iterate) -> dict[str, Tensor]:
    """All tensors of an iterate by names that no two of them share."""
    encoder = {f"{ENCODER}{key}": value for key, value in iterate.parameters.items()}
    return {**encoder, HEADS: iterate.heads, BIASES: iterate.biases}


def _share_of_rate(plan: _Plan, step: int) -> float:
    """What warm-up and decay leave of the step size."""
    rising = max(plan.warm_up * plan.steps, 1)
    risen = min(1.0, (step + 1) / rising)
    if not plan.decay:
        return risen
    return min(risen, (plan.steps - step) / (plan.steps - rising + 1))


def _loss(plan: _Plan) -> Callable[..., tuple[Tensor, Tensor]]:
    """One replica's loss of a batch with the method's terms, and the plain one beside it."""
    encoder, method = plan.encoder, plan.method

    def loss(
        now: Iterate,
        trail: Iterate,
        start: dict[str, Tensor],
        resting: dict[str, Tensor],
        batch: Tensor,
        labels: Tensor,
        counted: Tensor,
        keep: Tensor,
        noise: dict[str, Tensor],
    ) -> tuple[Tensor, Tensor]:
        inputs = rows(plan.inputs, batch)
        used = method.used({**resting, **now.parameters}, start, noise)
        features = encode(encoder, used, inputs, plan.precision)
        state = ReplicaState(
            encoder=encoder,
            parameters=used,
            start=start,
            heads=now.heads,
            biases=now.biases,
            trail=trail._replace(parameters={**resting, **trail.parameters}),
            inputs=inputs,
            labels=labels,
            counted=counted,
            keep=keep,
            features=features,
            noise=noise,
        )
        mean = batch_loss(state, features)
        return mean + method.penalty(state), mean

    return loss


def _heads(plan: _Plan) -> tuple[Tensor, Tensor]:
    """Initial heads (R, H, features) and biases (R, H): uniform within 1/√features, torch's default
    for a linear layer.
    """
    features = plan.features
    drawn = uniform(features**-0.5, (plan.method.heads(), features + 1), plan.generators(HEAD))
    return drawn[..., :-1].clone(), drawn[..., -1].clone()


def _order(plan: _Plan, generators: list[torch.Generator]) -> Tensor:
    """Samples in the order in which each replica sees them, (R, at least steps·batch)."""
    n = len(plan.labels)
    passes = range(ceil_div(plan.steps * plan.batch, n))
    return torch.stack(
        [torch.cat([torch.randperm(n, generator=each) for _ in passes]) for each in generators]
    )


def _kept_features(plan: _Plan, generators: list[torch.Generator]) -> Tensor:
    """Dropout's factors (R, batch, features): 0, or 1/(1 − dropout)."""
    size = (plan.batch, plan.features)
    drawn = torch.stack(
        [torch.rand(size, generator=each, dtype=torch.float64) for each in generators]
    )
    return (drawn >= plan.dropout).double() / (1 - plan.dropout)


def _refuse_infinite(plan: _Plan, values: NDArray[np.float64], step: int) -> None:
    if not np.isfinite(values).all():
        seed = plan.seeds[int(np.flatnonzero(~np.isfinite(values))[0])]
        raise FloatingPointError(
            f"{plan.method.name}: the replica of seed {seed} is no longer finite after {step} steps"
            f" of size {plan.rate:g}; lower learning_rate or the method's strength"
        )
