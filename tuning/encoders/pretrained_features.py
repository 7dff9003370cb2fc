"""Features of many inputs: batches of similar length, and what a file of features is of."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import real_array, sequence, shown

if TYPE_CHECKING:
    from tunebound.tuning.encoders.pretrained import PretrainedEncoder

logger = logging.getLogger(__name__)

Batch = tuple[Any, NDArray[np.intp]]


def computed(encoder: PretrainedEncoder, parts: list[Batch], progress: bool) -> Floats:
    """Features of all batches, in the order of the inputs; in evaluation mode."""
    device = next((each.device for each in encoder.parameters()), torch.device("cpu"))
    trained = encoder.training
    encoder.eval()
    rows: list[Floats] = []
    total = sum(len(numbers) for _, numbers in parts)
    try:
        with (
            torch.inference_mode(),
            tqdm(total=total, desc="encoding", delay=2, disable=None if progress else True) as bar,
        ):
            for batch, numbers in parts:
                rows.append(encoder(_moved(batch, device)).double().cpu().numpy())
                bar.update(len(numbers))
    finally:
        encoder.train(trained)
    X = np.concatenate(rows)
    order = np.concatenate([numbers for _, numbers in parts])
    finite = np.isfinite(X).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"the features of input {order[~finite].min()} are not finite: load the encoder in"
            " float32"
        )
    result = np.empty_like(X)
    result[order] = X
    return result


def batches(encoder: PretrainedEncoder, inputs: Any, batch_size: int) -> Iterator[Batch]:
    """Batches, and the numbers of their inputs."""
    if isinstance(inputs, Tensor) or (
        isinstance(inputs, np.ndarray) and inputs.dtype.kind not in "OUT"
    ):
        tensor = _dense(inputs)
        if tensor.ndim < 2 or not len(tensor):
            raise ValueError(
                f"inputs must have shape (n, ...) with n at least 1, got {tuple(tensor.shape)}"
            )
        for start in range(0, len(tensor), batch_size):
            part = tensor[start : start + batch_size]
            yield part, np.arange(start, start + len(part))
        return
    texts = sequence("inputs", inputs, of="texts or pairs of texts")
    split_pairs("inputs", texts)
    order = np.argsort([sum(map(len, parts_of("inputs", text))) for text in texts], kind="stable")
    full = 0
    for start in range(0, len(order), batch_size):
        numbers = order[start : start + batch_size]
        batch = encoder.tokens([texts[number] for number in numbers])
        if "attention_mask" in batch:
            lengths = batch["attention_mask"].sum(dim=1)
            if (lengths == 0).any():
                empty = int(numbers[int((lengths == 0).int().argmax())])
                raise ValueError(f"inputs: text {empty} has no tokens; leave it out")
            full += int((lengths >= encoder.max_length).sum())
        yield batch, numbers
    if full:
        _say_cut(full, len(texts), encoder.max_length)


@cache
def _say_cut(full: int, texts: int, tokens: int) -> None:
    """Once for the same numbers: a study reads the same texts in many ways."""
    logger.warning(
        "%d of %d texts fill all %d tokens and may be cut; max_length says how many are read",
        full,
        texts,
        tokens,
    )


def _dense(inputs: Tensor | NDArray[Any]) -> Tensor:
    """Inputs as a tensor of numbers in rows; tokens stay whole numbers."""
    if isinstance(inputs, Tensor) and inputs.layout != torch.strided:
        raise TypeError(f"inputs must be a dense tensor, got {inputs.layout}; call its to_dense()")
    if isinstance(inputs, np.ndarray) and inputs.dtype.kind not in "biuf":
        inputs = real_array("inputs", inputs)
    return torch.as_tensor(inputs)


def digest(encoder: PretrainedEncoder, parts: list[Batch]) -> str:
    """SHA-256 of the encoder's structure and weights, of the pooling, and of the batches."""
    total = hashlib.sha256(f"{encoder.pooling} {encoder.layer} {encoder.module!r}\n".encode())
    written = getattr(getattr(encoder.module, "config", None), "to_json_string", None)
    if written is not None:
        total.update(written().encode())
    tensors: list[tuple[str, Tensor]] = list(encoder.module.state_dict().items())
    for batch, numbers in parts:
        tensors.append(("numbers", torch.as_tensor(numbers)))
        tensors += sorted(batch.items()) if isinstance(batch, dict) else [("inputs", batch)]
    for name, tensor in tensors:
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return total.hexdigest()


def parts_of(name: str, text: Any) -> tuple[str, ...]:
    """The one or two texts of an input."""
    parts = (text,) if isinstance(text, str) else text
    pair = isinstance(parts, (tuple, list)) and len(parts) in (1, 2)
    if not pair or not all(isinstance(part, str) for part in parts):
        raise TypeError(f"{name} must be texts or pairs of texts, got {shown(text):.80}")
    return tuple(parts)


def split_pairs(name: str, texts: Any) -> tuple[list[str], list[str] | None]:
    """The texts, or the first ones of pairs and the second ones."""
    parts = [parts_of(name, text) for text in sequence(name, texts, of="texts or pairs of texts")]
    if not parts:
        raise ValueError(f"{name} is empty; pass at least one text")
    if len({len(each) for each in parts}) > 1:
        raise TypeError(f"{name} mixes single texts and pairs; pass one kind")
    return [each[0] for each in parts], [each[1] for each in parts] if len(parts[0]) > 1 else None


def _moved(batch: Any, device: torch.device) -> Any:
    if isinstance(batch, dict):
        return {name: value.to(device) for name, value in batch.items()}
    return batch.to(device)
