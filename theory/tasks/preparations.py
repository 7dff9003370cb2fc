"""How texts become features: what of an encoder is read, and what is done to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from tunebound import tuning
from tunebound._ground.arrays import Floats
from tunebound.theory.texts.formats import Text

CONSTANT = 0.3  # of the mean square norm: the feature that stands for a bias
MIDDLE = "middle"


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """One way from texts to features.

    Attributes
    ----------
    name : str
    pooling : {"mean", "cls", "last", "max", "own"}
    middle : bool
        Whether the states of the middle layer are pooled, instead of those of the last.
    towers : bool
        Whether the texts of a pair are encoded one by one, to u and v, and the features are |u − v|
        and u·v, entry by entry; for pairs only.
    scaling : {"none", "unit", "whitened"}
        "unit": rows of norm 1. "whitened": the mean of the training rows subtracted, and their
        second moment made a multiple of the identity on their span.
    """

    name: str
    pooling: str = "mean"
    middle: bool = False
    towers: bool = False
    scaling: str = "none"


PREPARATIONS = {
    each.name: each
    for each in (
        Preparation(name="mean"),
        Preparation(name="unit", scaling="unit"),
        Preparation(name="whitened", scaling="whitened"),
        Preparation(name="cls", pooling="cls"),
        Preparation(name="max", pooling="max"),
        Preparation(name="last", pooling="last"),
        Preparation(name="own", pooling="own"),
        Preparation(name="middle", middle=True),
        Preparation(name="towers", towers=True),
    )
}


@lru_cache(maxsize=2)
def loaded(name: str) -> tuning.PretrainedEncoder:
    """The encoder of that name, loaded once a process."""
    return tuning.pretrained(name)


def encoder_of(
    name: str, pooling: str, *, middle: bool, max_length: int
) -> tuning.PretrainedEncoder:
    """The encoder of that name, read as a preparation says."""
    whole = loaded(name)
    return tuning.pretrained(
        whole.module,
        tokenizer=whole.tokenizer,
        pooling=pooling,
        layer=whole.module.config.num_hidden_layers // 2 if middle else -1,
        max_length=min(whole.max_length, max_length),
    )


@lru_cache(maxsize=256)
def encoded(
    texts: tuple[Text, ...],
    preparation: Preparation,
    *,
    encoder: str,
    max_length: int,
    cache: Path,
) -> Floats:
    """Features (n, d) as the encoder gives them, not scaled; kept in the cache, not to be
    written.
    """
    reader = encoder_of(
        encoder, preparation.pooling, middle=preparation.middle, max_length=max_length
    )
    if preparation.towers:
        first, second = (
            reader.encode([text[side] for text in texts], cache=cache) for side in (0, 1)
        )
        features = np.hstack([np.abs(first - second), first * second])
    else:
        features = reader.encode(list(texts), cache=cache)
    features.setflags(write=False)
    return features


def scaled(train: Floats, test: Floats, scaling: str) -> tuple[Floats, Floats]:
    """Both scaled by what the training rows say, and a constant feature appended.

    Parameters
    ----------
    train, test : (n, d), (m, d)
    scaling : {"none", "unit", "whitened"}

    Returns
    -------
    train, test : (n, d + 1), (m, d + 1)
        The constant is 0.3 of the root mean square norm of the training rows.
    """
    if scaling == "unit":
        train, test = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (train, test))
    elif scaling == "whitened":
        mean = train.mean(axis=0)
        _, sizes, axes = np.linalg.svd(train - mean, full_matrices=False)
        kept = sizes > sizes[0] * max(train.shape) * np.finfo(float).eps
        whiten = axes[kept].T / sizes[kept] * np.sqrt(len(train))
        train, test = (train - mean) @ whiten, (test - mean) @ whiten
    constant = CONSTANT * np.sqrt((train**2).sum(axis=1).mean())
    return tuple(  # type: ignore[return-value]
        np.column_stack([each, np.full(len(each), constant)]) for each in (train, test)
    )
