"""What an encoder reads and returns: the token sequences of a `TokenEncoder`, or what another
module takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from tunebound.tuning.encoders.reconstruction import sequences
from tunebound.tuning.encoders.tokens import TokenEncoder
from tunebound.tuning.fine_tuning.batches import require_pooled

Inputs = Tensor | dict[str, Tensor]
OWN, BFLOAT16 = "own", "bfloat16"
PRECISIONS = (OWN, BFLOAT16)
TOGETHER = 64  # samples that another module encodes at once
MASK = "attention_mask"


def stackable(encoder: nn.Module) -> bool:
    """Whether many replicas can be one batched computation: a `TokenEncoder` promises it; another
    module may branch on values or draw its dropout inside.
    """
    return isinstance(encoder, TokenEncoder)


def read_inputs(encoder: nn.Module, inputs: Any) -> Inputs:
    """Inputs of several samples along the first axis, or an error that says what they should be."""
    if not isinstance(encoder, nn.Module):
        raise TypeError(
            "encoder must be a torch module that maps a batch to features (batch, d), got"
            f" {type(encoder).__name__}"
        )
    precision = next((p.dtype for p in encoder.parameters() if p.is_floating_point()), None)
    if precision is None:
        raise ValueError(f"encoder {type(encoder).__name__} has no parameters to tune")
    if isinstance(encoder, TokenEncoder):
        return sequences("inputs", inputs, encoder)
    if not isinstance(inputs, Mapping):
        return _tensor("inputs", inputs, precision)
    if not inputs:
        raise ValueError("inputs is an empty mapping; pass what the encoder takes by name")
    read = {key: _tensor(f"inputs[{key!r}]", value, precision) for key, value in inputs.items()}
    sizes = {key: len(value) for key, value in read.items()}
    if len(set(sizes.values())) != 1:
        raise ValueError(f"inputs must hold as many samples under each name, got {sizes}")
    return read


def number_of(inputs: Inputs) -> int:
    """Number of samples."""
    return len(next(iter(inputs.values())) if isinstance(inputs, dict) else inputs)


def rows(inputs: Inputs, chosen: Tensor) -> Inputs:
    """The chosen samples; where there is an ``attention_mask`` (n, length), padding that no chosen
    sample needs is cut off at the end.
    """
    if not isinstance(inputs, dict):
        return inputs[chosen]
    taken = {key: value[chosen] for key, value in inputs.items()}
    mask = taken.get(MASK)
    if mask is None or mask.ndim != 2:
        return taken
    kept = torch.nonzero(mask.any(dim=0))
    longest = int(kept.max()) + 1 if len(kept) else 1
    return {
        key: value[:, :longest] if value.shape[:2] == mask.shape else value
        for key, value in taken.items()
    }


def encode(
    encoder: nn.Module, parameters: Mapping[str, Tensor], inputs: Inputs, precision: str = OWN
) -> Tensor:
    """Features (batch, d) in float64, by a module with these parameters."""
    with computing_in(precision):
        encoded: Tensor = functional_call(encoder, dict(parameters), (inputs,))
    return encoded.double()


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """The encoder's own precision, or products of matrices in bfloat16 with parameters as they are.

    In bfloat16, torch's fused attention takes half of a step on texts of 32 tokens; written out it
    takes a tenth.
    """
    if precision == OWN:
        yield
        return
    with torch.autocast("cpu", torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
        yield


def feature_size(encoder: nn.Module, inputs: Inputs) -> int:
    """d, from the features of two samples."""
    if isinstance(encoder, TokenEncoder):
        return encoder.features
    with torch.no_grad():
        first = encoder(rows(inputs, torch.arange(2)))
    require_pooled(first)
    if len(first) != 2:
        raise ValueError(
            f"encoder must return one vector a sample, got {tuple(first.shape)} for 2 samples"
        )
    return int(first.shape[1])


def encode_all(
    encoder: nn.Module,
    parameters: Mapping[str, Tensor],
    inputs: Inputs,
    precision: str = OWN,
) -> NDArray[np.float64]:
    """Features (R, n, d) of all samples by all replicas, whose parameters are (R, ...)."""
    with torch.no_grad():
        if stackable(encoder):
            stacked: Tensor = vmap(lambda own: encode(encoder, own, inputs))(dict(parameters))
            return stacked.numpy()
        replicas = len(next(iter(parameters.values())))
        places = torch.arange(number_of(inputs)).split(TOGETHER)
        every = []
        for replica in range(replicas):
            own = {key: value[replica] for key, value in parameters.items()}
            parts = (encode(encoder, own, rows(inputs, part), precision) for part in places)
            every.append(torch.cat(list(parts)))
        return torch.stack(every).numpy()


def _tensor(name: str, value: ArrayLike | Tensor, precision: torch.dtype) -> Tensor:
    """A tensor on the CPU; real numbers in the encoder's precision."""
    if isinstance(value, Tensor):
        given = value.detach().cpu()
    else:
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            raise TypeError(
                f"{name} must hold numbers, got dtype {array.dtype}; turn texts into tensors by the"
                " encoder's tokenizer"
            )
        given = torch.as_tensor(array)
    if given.ndim < 1 or not given.numel():
        raise ValueError(f"{name} must hold samples along its first axis, got {tuple(given.shape)}")
    if not torch.isfinite(given).all():
        raise ValueError(f"{name} must be finite; drop or fill samples with NaN or infinity")
    return given.to(precision) if given.is_floating_point() else given
