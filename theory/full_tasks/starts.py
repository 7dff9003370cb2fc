"""What fine-tuning starts from: the encoder as it was pre-trained, or re-trained on the texts."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tunebound import tuning
from tunebound._ground.storage import replacing

if TYPE_CHECKING:
    from torch import Tensor

REDUCED = "bfloat16"
PRECISIONS = ("float32", REDUCED)


@lru_cache(maxsize=1)
def loaded(encoder: str, max_length: int) -> tuning.PretrainedEncoder:
    """The encoder of that name, loaded once a process; the mean of its last layer is tuned."""
    return tuning.pretrained(encoder, pooling="mean", max_length=max_length)


def retrained(
    encoder: str,
    max_length: int,
    tokens: Tensor,
    *,
    steps: int,
    precision: str,
    cache: Path,
    left_out: int | None = None,
) -> tuning.PretrainedEncoder:
    """The encoder after masked reconstruction of these texts (n, length), as many steps after as
    many of the decoder alone.

    Parameters
    ----------
    encoder, max_length
        As in `loaded`.
    tokens : (n, length) int64 Tensor
    steps : int
    precision : {"float32", "bfloat16"}
    cache : Path
        Directory of the encoders that were re-trained on all texts, by what they are of.
    left_out : int, optional
        A text that counts in nothing, in batches and masks that are those of all texts.
    """
    import torch  # what reads tables alone does not wait for it

    before = loaded(encoder, max_length)
    made = hashlib.sha256(repr((encoder, steps, precision, tokens.shape)).encode())
    made.update(np.ascontiguousarray(tokens.numpy()).tobytes())
    stored = None if left_out is not None else cache / f"{made.hexdigest()}.pt"
    if stored is not None and stored.exists():
        module = tuning.pretrained(encoder).module
        module.load_state_dict(torch.load(stored, weights_only=True))
    else:
        readable = tuning.MaskedLanguageEncoder(before.module, before.tokenizer)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == REDUCED):
            module = tuning.self_unsupervised_retraining(
                readable, tokens.numpy(), steps=steps, left_out=left_out
            ).encoder.base_model
        if stored is not None:
            stored.parent.mkdir(parents=True, exist_ok=True)
            with replacing(stored) as partial:
                torch.save(module.state_dict(), partial)
    return tuning.pretrained(
        module, tokenizer=before.tokenizer, pooling="mean", max_length=max_length
    )
