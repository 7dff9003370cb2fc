"""What fine-tuning leaves: the parameters of all replicas, and what they make of inputs."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from tunebound._ground import checks
from tunebound.tuning.fine_tuning.encoding import OWN, Inputs, encode_all, read_inputs
from tunebound.tuning.fine_tuning.methods.method import Method


@dataclass(frozen=True, eq=False, kw_only=True)
class FineTuned:
    """R replicas of a tuned encoder with a linear head.

    Attributes
    ----------
    encoder : Module
        The structure of all replicas, a `TokenEncoder` in float64, others in their own precision
        and in evaluation mode; its own parameters are those that `fine_tune` was given.
    method : Method
    seeds : (R,) int64
    left_out : (R,) int64
        The sample that a replica did not see; −1 for none.
    parameters, start : dict of str to Tensor
        Of the encoders after tuning, and where tuning started, (R, ...) each, in the encoder's
        precision. Those that did not move are views of one tensor for all replicas.
    head : (R, features) Tensor
        Of several heads, their mean.
    bias : (R,) Tensor
    losses : (R, steps) float64
        Mean logistic loss of each batch before its step, with dropout and without the method's own
        terms; 0 for a batch of which the replica sees nothing.
    precision : {"own", "bfloat16"}
        As tuning was asked for; features are computed in it.
    """

    encoder: Any
    method: Method
    seeds: NDArray[np.int64]
    left_out: NDArray[np.int64]
    parameters: dict[str, Tensor]
    start: dict[str, Tensor]
    head: Tensor
    bias: Tensor
    losses: NDArray[np.float64]
    precision: str = OWN

    def features(self, inputs: ArrayLike | Inputs) -> NDArray[np.float64]:
        """Encoded features (R, N, features) of N inputs like those of `fine_tune`, without
        dropout.
        """
        read = read_inputs(self.encoder, inputs)
        return encode_all(self.encoder, self.parameters, read, self.precision)

    def logits(self, inputs: ArrayLike | Inputs) -> NDArray[np.float64]:
        """Logits (R, N) of the label +1 for N inputs like those of `fine_tune`."""
        without_bias = (self.features(inputs) @ self.head.numpy()[..., None])[..., 0]
        logits: NDArray[np.float64] = without_bias + self.bias.numpy()[:, None]
        return logits

    @property
    def distance(self) -> NDArray[np.float64]:
        """‖w_T − w_0‖ of the encoders' parameters, (R,)."""
        squares = np.zeros(len(self.seeds))
        for key, value in self.parameters.items():
            moved = (value - self.start[key]).reshape(len(value), -1).double()
            squares += moved.square().sum(dim=1).numpy()
        return np.sqrt(squares)

    @property
    def flat_parameters(self) -> NDArray[np.float64]:
        """Parameters of the encoders after tuning, (R, p)."""
        return _flat(self.parameters)

    @property
    def flat_start(self) -> NDArray[np.float64]:
        """Parameters of the encoders that tuning started from, (R, p)."""
        return _flat(self.start)

    def start_encoder(self, replica: int) -> Any:
        """A copy of the encoder that a replica's tuning started from."""
        return self._filled(self.start, replica)

    def tuned_encoder(self, replica: int) -> Any:
        """A copy of a replica's encoder after tuning."""
        return self._filled(self.parameters, replica)

    def _filled(self, parameters: dict[str, Tensor], replica: int) -> Any:
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
        [value.reshape(len(value), -1) for value in parameters.values()], dim=1
    ).numpy()
    return flat
