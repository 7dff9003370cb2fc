"""Encoders of transformers, with their masked-language head where they have one, as modules that
masked reconstruction can train.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tunebound._ground import checks
from tunebound.tuning.encoders.tokens import require_tokens, seeded


class MaskedLanguageEncoder(nn.Module):
    """What `self_unsupervised_retraining` asks for, of an encoder of transformers.

    Padding is masked out and cut off, and special tokens are never hidden. A checkpoint's own
    masked-language head predicts the tokens and is trained along; an encoder without one gets a
    fresh decoder onto its own token embeddings, which stay fixed there.

    Parameters
    ----------
    module : Module
        ``AutoModelForMaskedLM`` or ``AutoModel`` of transformers, or what is called and configured
        like them. It is not copied.
    tokenizer : object
        The tokenizer that belongs to it: its ``mask_token_id``, ``pad_token_id``,
        ``all_special_ids`` and ``model_max_length`` are read.

    Attributes
    ----------
    vocabulary, length, mask_token, padding : int
        Size of the vocabulary, longest sequence, and what stands for a hidden token and for none.
    has_head : bool

    Raises
    ------
    TypeError
        If the module is none of transformers', or the tokenizer names no mask or padding token.
    """

    module: Any

    def __init__(self, module: Any, tokenizer: Any) -> None:
        super().__init__()
        config: Any = getattr(module, "config", None)
        if not isinstance(module, nn.Module) or not hasattr(config, "vocab_size"):
            raise TypeError(
                "module must be an encoder of transformers with a config that states vocab_size,"
                f" got {type(module).__name__}; see tuning.MaskedEncoder for modules of your own"
            )
        for name in ("mask_token_id", "pad_token_id"):
            if getattr(tokenizer, name, None) is None:
                raise TypeError(
                    f"tokenizer {type(tokenizer).__name__} has no {name}; pass the tokenizer that"
                    " the encoder was pre-trained with"
                )
        self.module = module
        self.vocabulary = checks.whole_number("vocab_size", config.vocab_size, low=2)
        limits = (
            getattr(config, "max_position_embeddings", None),
            getattr(tokenizer, "model_max_length", None),
        )
        self.length = min(limit for limit in (*limits, 10**6) if limit is not None)
        self.mask_token, self.padding = tokenizer.mask_token_id, tokenizer.pad_token_id
        self._special = sorted({*tokenizer.all_special_ids, self.mask_token, self.padding})
        output = getattr(module, "get_output_embeddings", None)
        self.has_head = output is not None and output() is not None

    @property
    def base_model(self) -> Any:
        """The encoder without the head: what is fine-tuned afterwards."""
        return self.module.base_model

    def hidden(self, tokens: Tensor) -> Tensor:
        """States (batch, length, size) of tokens (batch, length); the head's logits, if it has
        one.
        """
        require_tokens(tokens)
        output = self.module(input_ids=tokens, attention_mask=(tokens != self.padding).long())
        states: Tensor = output.logits if self.has_head else output.last_hidden_state
        return states

    def decoder(self, *, seed: int = 0) -> nn.Module:
        """What makes logits (batch, length, vocabulary) of `hidden`: nothing after the head."""
        if self.has_head:
            return nn.Identity()
        embeddings = self.module.get_input_embeddings().weight.detach().clone()
        with seeded(seed):
            return _EmbeddingDecoder(self.module.config.hidden_size, embeddings)

    def maskable(self, tokens: Tensor) -> Tensor:
        """Which tokens may be hidden, (batch, length): all but padding and special ones."""
        require_tokens(tokens)
        return ~torch.isin(tokens, torch.tensor(self._special, device=tokens.device))


class _EmbeddingDecoder(nn.Module):
    """A layer, a norm, and products with token embeddings that stay as they are."""

    def __init__(self, size: int, embeddings: Tensor) -> None:
        super().__init__()
        self.register_buffer("embeddings", embeddings)
        width = embeddings.shape[1]
        self.layer = nn.Sequential(nn.Linear(size, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(len(embeddings)))

    def forward(self, states: Tensor) -> Tensor:
        return nn.functional.linear(self.layer(states), self.get_buffer("embeddings"), self.bias)
