"""What fine-tuning leaves: the parameters of all replicas, and what they make of inputs."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.func import functional_call, vmap

from tunebound._ground import checks
from tunebound.tuning.encoders.reconstruction import sequences
from tunebound.tuning.encoders.tokens import TokenEncoder
from tunebound.tuning.fine_tuning.methods.method import Method


@dataclass(frozen=True, eq=False, kw_only=True)
class FineTuned:
    """R replicas of a tuned encoder with a linear head.

    Attributes
    ----------
    encoder : TokenEncoder
        The structure of all replicas, in float64; its own parameters are those that
        `fine_tune` was given.
    method : Method
    seeds : (R,) int64
    left_out : (R,) int64
        The sample that a replica did not see; −1 for none.
    parameters, start : dict of str to Tensor
        Of the encoders after tuning, and where tuning started, (R, ...) each, float64.
    head : (R, features) Tensor
        Of several heads, their mean.
    bias : (R,) Tensor
    losses : (R, steps) float64
        Mean logistic loss of each batch before its step, with dropout and without the method's own
        terms; 0 for a batch of which the replica sees nothing.
    """

    encoder: TokenEncoder
    method: Method
    seeds: NDArray[np.int64]
    left_out: NDArray[np.int64]
    parameters: dict[str, Tensor]
    start: dict[str, Tensor]
    head: Tensor
    bias: Tensor
    losses: NDArray[np.float64]

    def features(self, inputs: ArrayLike | Tensor) -> NDArray[np.float64]:
        """Encoded features (R, N, features) of inputs (N, length), without dropout."""
        tokens = sequences("inputs", inputs, self.encoder)
        with torch.no_grad():
            encoded: Tensor = vmap(
                lambda parameters: functional_call(self.encoder, parameters, (tokens,))
            )(self.parameters)
        return encoded.numpy()

    def logits(self, inputs: ArrayLike | Tensor) -> NDArray[np.float64]:
        """Logits (R, N) of the label +1 for inputs (N, length)."""
        without_bias = (self.features(inputs) @ self.head.numpy()[..., None])[..., 0]
        logits: NDArray[np.float64] = without_bias + self.bias.numpy()[:, None]
        return logits

    @property
    def distance(self) -> NDArray[np.float64]:
        """‖w_T − w_0‖ of the encoders' parameters, (R,)."""
        return np.asarray(np.linalg.norm(self.flat_parameters - self.flat_start, axis=1))

    @property
    def flat_parameters(self) -> NDArray[np.float64]:
        """Parameters of the encoders after tuning, (R, p)."""
        return _flat(self.parameters)

    @property
    def flat_start(self) -> NDArray[np.float64]:
        """Parameters of the encoders that tuning started from, (R, p)."""
        return _flat(self.start)

    def start_encoder(self, replica: int) -> TokenEncoder:
        """A copy of the encoder that a replica's tuning started from."""
        return self._filled(self.start, replica)

    def tuned_encoder(self, replica: int) -> TokenEncoder:
        """A copy of a replica's encoder after tuning."""
        return self._filled(self.parameters, replica)

    def _filled(self, parameters: dict[str, Tensor], replica: int) -> TokenEncoder:
        if checks.whole_number("replica", replica, low=0) >= len(self.seeds):
            raise ValueError(
                f"replica must be below {len(self.seeds)}, the number of replicas, got {replica}"
            )
        made = copy.deepcopy(self.encoder)
        with torch.no_grad():
            for key, value in made.named_parameters():
                value.copy_(parameters[key][replica])
        return made


def _flat(parameters: dict[str, Tensor]) -> NDArray[np.float64]:
    flat: NDArray[np.float64] = torch.cat(
        [value.flatten(1) for value in parameters.values()], dim=1
    ).numpy()
    return flat
