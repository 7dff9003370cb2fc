"""Fine-tuning of many replicas at once, by any registered method."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.func import functional_call, grad, vmap
from tqdm import tqdm

from tunebound._ground import checks
from tunebound.tuning.division import ceil_div
from tunebound.tuning.encoders.reconstruction import sequences
from tunebound.tuning.encoders.tokens import TokenEncoder
from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    ReplicaState,
    copies,
    find_method,
    uniform,
)
from tunebound.tuning.fine_tuning.run import FineTuned
from tunebound.tuning.threads import threads_for

SEED_LIMIT = 2**62  # three streams a seed, and torch takes 64 bits
ORDER_AND_DROPOUT, OWN_NOISE, HEAD = range(3)


def fine_tune(
    encoder: TokenEncoder,
    inputs: ArrayLike | Tensor,
    y: ArrayLike | Tensor,
    *,
    method: str | Method = "plain",
    seeds: Sequence[int],
    left_out: Sequence[int | None] | None = None,
    steps: int = 200,
    learning_rate: float = 0.1,
    batch_size: int = 16,
    dropout: float = 0.1,
) -> FineTuned:
    """Tune replicas of an encoder with a linear head that differ in seed or in a sample that they
    do not see.

    A replica takes steps of mini-batch gradient descent on the mean logistic loss ln(1 +
    exp(−y·logit)), logit = head·feature + bias, encoder and head together, with what its method
    changes of that. Batches follow a random order of the samples, drawn anew after each pass; one
    that crosses the end of a pass may hold a sample twice. All replicas advance in one batched
    computation in float64 on the CPU.

    Parameters
    ----------
    encoder : TokenEncoder
        The start w_0 of all replicas, unless the method moves it; it is not changed. Parameters
        that do not require a gradient stay where tuning starts.
    inputs : (n, length) integers in [0, vocabulary)
        At least 2 token sequences.
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
        look at this one. The result does not depend on the sample's tokens and label. Both classes
        must be left.
    steps : int
        Of plain fine-tuning, at least 1; a method may take more.
    learning_rate : float
        Step size of plain fine-tuning, positive, the same in every step. Each of several heads
        follows its own loss with it.
    batch_size : int
        At least 1; with n or more, every batch holds n samples.
    dropout : float
        In [0, 1): probability that a feature is set to zero in a step; those left are divided by 1
        − dropout.

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
    tokens, labels = _sample(encoder, inputs, y)
    chosen = _seeds(seeds)
    plan = _Plan(
        encoder=copy.deepcopy(encoder).to("cpu", torch.float64),
        method=tuned_by,
        tokens=tokens,
        labels=labels,
        seeds=chosen,
        left_out=_left_out(left_out, len(chosen), labels),
        steps=tuned_by.steps(checks.whole_number("steps", steps, low=1)),
        rate=tuned_by.learning_rate(checks.real_number("learning_rate", learning_rate, above=0)),
        batch=min(checks.whole_number("batch_size", batch_size, low=1), len(labels)),
        dropout=checks.real_number(
            "dropout",
            dropout,
            low=0,
            below=1,
            remedy="it is the share of features that is set to zero",
        ),
    )
    with threads_for(encoder.parameter_count):
        return _tune(plan)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Plan:
    """Checked arguments, with what the method makes of them."""

    encoder: TokenEncoder
    method: Method
    tokens: Tensor
    labels: Tensor
    seeds: list[int]
    left_out: NDArray[np.int64]
    steps: int
    rate: float
    batch: int
    dropout: float

    def generators(self, purpose: int) -> list[torch.Generator]:
        """One a replica; the purposes share no random numbers."""
        return [torch.Generator().manual_seed(3 * seed + purpose) for seed in self.seeds]


def _tune(plan: _Plan) -> FineTuned:
    encoder, method = plan.encoder, plan.method
    common, own = plan.generators(ORDER_AND_DROPOUT), plan.generators(OWN_NOISE)
    seen = torch.ones(len(plan.seeds), len(plan.labels), dtype=torch.float64)
    without = np.flatnonzero(plan.left_out >= 0)
    seen[without, plan.left_out[without]] = 0
    started = method.start(encoder, plan.tokens, seen, own)
    if started is None:
        started = copies(encoder, len(plan.seeds))
    parameters = {key: value.clone() for key, value in started.items()}
    tuned = [key for key, value in encoder.named_parameters() if value.requires_grad]
    head, bias = _heads(plan)
    order = _order(plan, common)
    slope = vmap(grad(_loss(plan), argnums=(0, 1, 2), has_aux=True))
    losses = np.empty((len(plan.seeds), plan.steps))
    average = _Average(method.averaged_from(plan.steps))
    for step in tqdm(
        range(plan.steps), desc=f"fine-tuning ({method.name})", unit="step", delay=2, disable=None
    ):
        batch = order[:, step * plan.batch : (step + 1) * plan.batch]
        keep = _kept_features(plan, common)
        noise = method.draw(encoder, plan.batch, own)
        slopes, value = slope(
            parameters,
            head,
            bias,
            started,
            plan.tokens[batch],
            plan.labels[batch],
            seen.gather(1, batch),
            keep,
            noise,
        )
        losses[:, step] = value.numpy()
        _refuse_infinite(plan, losses[:, step], step)
        for key in tuned:
            parameters[key] = parameters[key] - plan.rate * slopes[0][key]
        # The loss is the mean over the heads: times their number, each head follows its own.
        head = head - plan.rate * head.shape[1] * slopes[1]
        bias = bias - plan.rate * bias.shape[1] * slopes[2]
        average.add(step, (parameters, head, bias))
    parameters, head, bias = average.result((parameters, head, bias))
    for value in (*parameters.values(), head, bias):
        _refuse_infinite(plan, value.flatten(1).sum(dim=1).numpy(), plan.steps)
    return FineTuned(
        encoder=encoder,
        method=method,
        seeds=np.asarray(plan.seeds, dtype=np.int64),
        left_out=plan.left_out,
        parameters=parameters,
        start=started,
        head=head.mean(dim=1),
        bias=bias.mean(dim=1),
        losses=losses,
    )


Iterate = tuple[dict[str, Tensor], Tensor, Tensor]  # parameters, heads, biases


class _Average:
    """Mean of the iterates after each step from `first` on; the last iterate alone if that is
    None.
    """

    def __init__(self, first: int | None) -> None:
        self.first = first
        self.count = 0
        self.sums: Iterate | None = None

    def add(self, step: int, now: Iterate) -> None:
        if self.first is None or step < self.first:
            return
        self.count += 1
        if self.sums is None:
            self.sums = (dict(now[0]), now[1], now[2])
        else:
            parameters, head, bias = self.sums
            self.sums = (
                {key: parameters[key] + now[0][key] for key in parameters},
                head + now[1],
                bias + now[2],
            )

    def result(self, last: Iterate) -> Iterate:
        if self.sums is None:
            return last
        parameters, head, bias = self.sums
        return (
            {key: value / self.count for key, value in parameters.items()},
            head / self.count,
            bias / self.count,
        )


def _loss(plan: _Plan) -> Callable[..., tuple[Tensor, Tensor]]:
    """One replica's loss of a batch with the method's terms, and the plain one beside it."""
    encoder, method = plan.encoder, plan.method

    def loss(
        parameters: dict[str, Tensor],
        heads: Tensor,
        biases: Tensor,
        start: dict[str, Tensor],
        inputs: Tensor,
        labels: Tensor,
        counted: Tensor,
        keep: Tensor,
        noise: dict[str, Tensor],
    ) -> tuple[Tensor, Tensor]:
        used = method.used(parameters, start, noise)
        features = functional_call(encoder, dict(used), (inputs,))
        logits = (features * keep) @ heads.T + biases
        each = torch.nn.functional.softplus(-labels[:, None] * logits)
        mean = ((counted[:, None] * each).sum(dim=0) / counted.sum().clamp(min=1)).mean()
        return (
            mean
            + method.penalty(
                ReplicaState(
                    encoder=encoder,
                    parameters=used,
                    start=start,
                    heads=heads,
                    biases=biases,
                    inputs=inputs,
                    labels=labels,
                    counted=counted,
                    features=features,
                    noise=noise,
                )
            ),
            mean,
        )

    return loss


def _heads(plan: _Plan) -> tuple[Tensor, Tensor]:
    """Initial heads (R, H, features) and biases (R, H): uniform within 1/√features, torch's default
    for a linear layer.
    """
    features = plan.encoder.features
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
    size = (plan.batch, plan.encoder.features)
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


def _sample(
    encoder: TokenEncoder, inputs: ArrayLike | Tensor, y: ArrayLike | Tensor
) -> tuple[Tensor, Tensor]:
    if not isinstance(encoder, TokenEncoder):
        raise TypeError(
            f"encoder must be a TokenEncoder, got {type(encoder).__name__}; derive your encoder"
            " from it"
        )
    tokens = sequences("inputs", inputs, encoder)
    if len(tokens) < 2:
        raise ValueError(
            f"inputs must hold at least 2 sequences, got {len(tokens)}; there is nothing to tell"
            " apart"
        )
    labels = np.asarray(y.detach().cpu() if isinstance(y, Tensor) else y)
    labels = checks.signs(labels, tuple(tokens.shape[:1]))
    if (labels == labels[0]).all():
        raise ValueError(f"y holds only the class {int(labels[0]):+d}; add samples of the other")
    return tokens, torch.as_tensor(labels)


def _seeds(seeds: Sequence[int]) -> list[int]:
    if isinstance(seeds, (str, bytes)) or not hasattr(seeds, "__iter__"):
        raise TypeError(
            f"seeds must be a sequence of integers, one replica each, got {seeds!r}; write"
            f" [{seeds!r}] for one replica"
        )
    checked = [checks.whole_number("seeds", seed, low=0) for seed in seeds]
    if not checked:
        raise ValueError("seeds is empty; name at least one, one replica each")
    if max(checked) >= SEED_LIMIT:
        raise ValueError(f"seeds must be below 2**62, got {max(checked)}")
    return checked


def _left_out(
    left_out: Sequence[int | None] | None, runs: int, labels: Tensor
) -> NDArray[np.int64]:
    """The sample that each replica does not see, −1 for none."""
    if left_out is not None and (
        isinstance(left_out, (str, bytes)) or not hasattr(left_out, "__iter__")
    ):
        raise TypeError(
            f"left_out must be a sequence of a sample or None for each of the {runs} seeds, got"
            f" {left_out!r}"
        )
    without = [None] * runs if left_out is None else list(left_out)
    if len(without) != runs:
        raise ValueError(
            f"left_out must name a sample or None for each of the {runs} seeds, got {len(without)}"
            " entries"
        )
    samples = np.array(
        [
            -1 if sample is None else checks.whole_number("left_out", sample, low=0)
            for sample in without
        ],
        dtype=np.int64,
    )
    if (samples >= len(labels)).any():
        raise ValueError(
            f"left_out names sample {samples.max()}, but there are {len(labels)}; indices start"
            " at 0"
        )
    for sample in set(samples[samples >= 0]):
        if (labels == labels[sample]).sum() < 2:
            raise ValueError(
                f"left_out: sample {sample} is the only one of its class; add samples of it or"
                " leave out another"
            )
    return samples
