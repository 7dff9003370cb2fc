"""Fine-tuning of many replicas at once, by any registered method."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.func import functional_call, grad, vmap
from tqdm import tqdm

from tuning import arguments
from tuning.encoders import TokenEncoder
from tuning.methods.method import Method, State, find_method


@dataclass(frozen=True, eq=False)
class FineTuned:
    """R replicas of a tuned encoder with a linear head.

    Attributes
    ----------
    method : Method
    seeds : (R,) int64
    left_out : (R,) int64
        The sample that a replica did not see; −1 for none.
    weights, start : dict of str to Tensor
        Parameters (R, ...) of the encoders after tuning, and where tuning started, float64.
    head : (R, features) Tensor
    bias : (R,) Tensor
    losses : (R, steps) float64
        Mean logistic loss of each batch before its step, with dropout and without the method's own terms.
    """

    encoder: TokenEncoder
    method: Method
    seeds: NDArray[np.int64]
    left_out: NDArray[np.int64]
    weights: dict[str, Tensor]
    start: dict[str, Tensor]
    head: Tensor
    bias: Tensor
    losses: NDArray[np.float64]

    def features(self, inputs: ArrayLike) -> NDArray[np.float64]:
        """Encoded features (R, N, features) of inputs (N, length)."""
        tokens = torch.as_tensor(np.asarray(inputs))
        with torch.no_grad():
            return vmap(lambda weights: functional_call(self.encoder, weights, (tokens,)))(self.weights).numpy()

    def logits(self, inputs: ArrayLike) -> NDArray[np.float64]:
        """Logits (R, N) of the label +1."""
        return (self.features(inputs) @ self.head.numpy()[..., None])[..., 0] + self.bias.numpy()[:, None]

    @property
    def distance(self) -> NDArray[np.float64]:
        """‖w_T − w_0‖ of the encoders' parameters, (R,)."""
        return np.linalg.norm(self.flat_weights - self.flat_start, axis=1)

    @property
    def flat_weights(self) -> NDArray[np.float64]:
        """Parameters of the encoders after tuning, (R, p)."""
        return _flat(self.weights)

    @property
    def flat_start(self) -> NDArray[np.float64]:
        """Parameters of the encoders that tuning started from, (R, p)."""
        return _flat(self.start)

    def start_encoder(self, replica: int) -> TokenEncoder:
        """A copy of the encoder that a replica's tuning started from."""
        made = copy.deepcopy(self.encoder)
        made.load_state_dict({key: value[replica] for key, value in self.start.items()})
        return made


def fine_tune(
    encoder: TokenEncoder,
    inputs: ArrayLike,
    y: ArrayLike,
    *,
    method: str | Method = "plain",
    seeds: Sequence[int],
    left_out: Sequence[int | None] | None = None,
    steps: int = 200,
    learning_rate: float = 0.1,
    batch_size: int = 16,
    dropout: float = 0.1,
) -> FineTuned:
    """Tune replicas that differ in seed or in a sample that they do not see.

    Parameters
    ----------
    encoder : TokenEncoder
        The start w_0 of all replicas, unless the method moves it; it is not changed.
    inputs : (n, length) integers
    y : (n,)
        Labels −1 and +1.
    method : str or Method
    seeds : (R,) int
        Of the initial head, the data order, dropout and the method's own noise. A replica is the same whatever the others are.
    left_out : (R,) int or None, optional
        Sample that the replica does not see: it counts nothing in its batches, which else are those of the same seed.
    steps : int
        Of plain fine-tuning.
    learning_rate : float
    batch_size : int
    dropout : float
        Share of features that are set to zero in each step, in [0, 1).

    Returns
    -------
    FineTuned

    Raises
    ------
    ValueError, TypeError
        For arguments outside their ranges, before any work.
    FloatingPointError
        If the loss stops being finite.
    """
    found = find_method(method)
    tokens, labels = _sample(encoder, inputs, y)
    n, size = len(labels), min(arguments.integer("batch_size", batch_size, 1), len(labels))
    total = found.steps(arguments.integer("steps", steps, 1))
    rate = found.learning_rate(arguments.positive("learning_rate", learning_rate))
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout < 1:
        raise ValueError(f"dropout must be a number in [0, 1), got {dropout!r}; it is the share of features that is set to zero")
    runs = len(seeds)
    if not runs:
        raise ValueError("seeds is empty; name at least one, one replica each")
    missing = _left_out(left_out, runs, labels)
    seen = torch.ones(runs, n, dtype=torch.float64)
    seen[missing >= 0, missing[missing >= 0]] = 0
    base = copy.deepcopy(encoder).double()
    common = [_generator(seed, 0) for seed in seeds]
    own = [_generator(seed, 1) for seed in seeds]
    started = found.start(base, tokens, seen, own)
    if started is None:
        started = {key: value.detach().expand(runs, *value.shape).clone() for key, value in base.named_parameters()}
    heads = found.heads()
    limit = base.features**-0.5
    drawn = [limit * (2 * torch.rand(heads, base.features + 1, generator=_generator(seed, 2), dtype=torch.float64) - 1) for seed in seeds]
    head, bias = torch.stack(drawn)[..., :-1].clone(), torch.stack(drawn)[..., -1].clone()
    weights = {key: value.clone() for key, value in started.items()}
    order = torch.stack([torch.cat([torch.randperm(n, generator=each) for _ in range(-(-total * size // n))]) for each in common])

    def loss(
        w: dict[str, Tensor],
        a: Tensor,
        b: Tensor,
        w0: dict[str, Tensor],
        x: Tensor,
        t: Tensor,
        c: Tensor,
        keep: Tensor,
        noise: dict[str, Tensor],
    ) -> tuple[Tensor, Tensor]:
        used = found.used(w, w0, noise)
        features = functional_call(base, dict(used), (x,))
        logits = (features * keep) @ a.T + b
        each = torch.nn.functional.softplus(-t[:, None] * logits)
        per_head = (c[:, None] * each).sum(dim=0) / c.sum().clamp(min=1)
        mean = per_head.mean()
        return mean + found.penalty(State(base, used, w0, a, b, x, t, c, features, noise)), mean

    slope = vmap(grad(loss, argnums=(0, 1, 2), has_aux=True))
    losses = np.empty((runs, total))
    from_step = found.averaged_from(total)
    sums: dict[str, Tensor] | None = None
    for step in tqdm(range(total), desc=f"fine-tuning ({found.name})", unit="step", delay=2, disable=None):
        chosen = order[:, step * size : (step + 1) * size]
        keep = torch.stack(
            [(torch.rand(size, base.features, generator=each, dtype=torch.float64) >= dropout).double() for each in common]
        ) / (1 - dropout)
        noise = found.draw(base, size, own)
        (dw, da, db), value = slope(weights, head, bias, started, tokens[chosen], labels[chosen], seen.gather(1, chosen), keep, noise)
        losses[:, step] = value.numpy()
        for key in weights:
            weights[key] = weights[key] - rate * dw[key]
        head, bias = head - rate * heads * da, bias - rate * heads * db  # each head follows its own loss
        if from_step is not None and step >= from_step:
            now = {**weights, "": head, " ": bias}
            sums = now if sums is None else {key: sums[key] + now[key] for key in now}
    if not np.isfinite(losses).all():
        raise FloatingPointError(f"the loss is no longer finite; lower learning_rate={learning_rate:g}")
    if sums is not None and from_step is not None:
        sums = {key: value / (total - from_step) for key, value in sums.items()}
        head, bias = sums.pop(""), sums.pop(" ")
        weights = sums
    return FineTuned(base, found, np.asarray(seeds), missing, weights, started, head.mean(dim=1), bias.mean(dim=1), losses)


def _sample(encoder: TokenEncoder, inputs: ArrayLike, y: ArrayLike) -> tuple[Tensor, Tensor]:
    if not isinstance(encoder, TokenEncoder):
        raise TypeError(f"encoder must be a TokenEncoder, got {type(encoder).__name__}; derive your encoder from it")
    tokens, labels = np.asarray(inputs), np.asarray(y)
    if tokens.dtype.kind not in "iu":
        raise TypeError(f"inputs must hold integers, got dtype {tokens.dtype}")
    if tokens.ndim != 2 or tokens.shape[1] != encoder.length or len(tokens) < 2:
        raise ValueError(f"inputs must have shape (n, {encoder.length}) with n at least 2 for this encoder, got {tokens.shape}")
    if tokens.min() < 0 or tokens.max() >= encoder.vocabulary:
        raise ValueError(f"inputs must lie in [0, {encoder.vocabulary}) for this encoder, got {tokens.min()}..{tokens.max()}")
    if labels.shape != tokens.shape[:1]:
        raise ValueError(f"y must have shape {tokens.shape[:1]} to match inputs, got {labels.shape}")
    if labels.dtype.kind not in "fiu" or set(np.unique(labels)) != {-1, 1}:
        raise ValueError(f"y must hold the labels -1 and +1, both of them, got {np.unique(labels)[:5]}; map 0/1 labels by 2 * y - 1")
    return torch.as_tensor(tokens.astype(np.int64)), torch.as_tensor(labels.astype(np.float64))


def _left_out(left_out: Sequence[int | None] | None, runs: int, labels: Tensor) -> NDArray[np.int64]:
    """The sample that each replica does not see, −1 for none."""
    given = [None] * runs if left_out is None else list(left_out)
    if len(given) != runs:
        raise ValueError(f"left_out must name a sample or None for each of the {runs} seeds, got {len(given)} entries")
    samples = np.array([-1 if sample is None else arguments.integer("left_out", sample, 0) for sample in given], dtype=np.int64)
    if (samples >= len(labels)).any():
        raise ValueError(f"left_out names sample {samples.max()}, but there are {len(labels)}; indices start at 0")
    for sample in set(samples[samples >= 0]):
        if (labels == labels[sample]).sum() < 2:
            raise ValueError(f"left_out: sample {sample} is the only one of its class; add samples of it or leave out another")
    return samples


def _generator(seed: int, purpose: int) -> torch.Generator:
    return torch.Generator().manual_seed(3 * arguments.integer("seeds", seed, 0) + purpose)


def _flat(weights: dict[str, Tensor]) -> NDArray[np.float64]:
    return torch.cat([value.flatten(1) for value in weights.values()], dim=1).numpy()
