"""Small encoders of token sequences: an MLP and a Transformer of a few thousand parameters, smooth
and deterministic.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from tunebound._ground import checks

LARGEST_SEED = 2**64 - 1  # of torch's generators


class TokenEncoder(nn.Module, ABC):
    """What pre-training and fine-tuning ask of an encoder.

    Attributes
    ----------
    vocabulary : int
        Number of tokens; ids 0..vocabulary − 1, and `mask_token` = vocabulary stands for a hidden
        token.
    length : int
        Tokens in a sequence.
    features : int
        Size of the encoded feature.
    perturbation : Tensor or None
        What is added to the embedded tokens (batch, length, size): a buffer that is None except in
        the functional calls of methods that ask for smoothness.

    There is no dropout and no batch statistic, so training and evaluation mode agree and every
    sample's loss is a smooth function of the parameters alone.
    """

    perturbation: Tensor | None

    def __init__(self, vocabulary: int, length: int, features: int) -> None:
        super().__init__()
        self.vocabulary = checks.whole_number("vocabulary", vocabulary, low=2)
        self.length = checks.whole_number("length", length, low=1)
        self.features = features
        self.mask_token = self.vocabulary
        self.register_buffer("perturbation", None, persistent=False)

    @abstractmethod
    def hidden(self, tokens: Tensor) -> Tensor:
        """What the decoder of masked tokens reads, for tokens (batch, length)."""

    @abstractmethod
    def forward(self, tokens: Tensor) -> Tensor:
        """Encoded features (batch, features) of tokens (batch, length)."""

    @abstractmethod
    def decoder(self, *, seed: int = 0) -> nn.Module:
        """A fresh linear map from `hidden` to logits (batch, length, vocabulary)."""

    @property
    def parameter_count(self) -> int:
        """Number of parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def parameter_layers(self) -> tuple[tuple[str, ...], ...]:
        """Names of the parameters by layer, from the embedding up.

        The encoder's own parameters (tables, positions) are one layer; each of its modules is one,
        and each entry of a list of modules.
        """
        layers: dict[str, list[str]] = {}
        for key, _ in self.named_parameters():
            module, *within = key.split(".")
            entry = f"{module}.{within[0]}" if within and within[0].isdigit() else module
            layers.setdefault(entry if within else "", []).append(key)
        return tuple(tuple(keys) for keys in layers.values())

    def embed(self, tokens: Tensor, table: Tensor) -> Tensor:
        """Rows of the table (vocabulary + 1, size) for tokens (batch, length).

        A product with indicator rows instead of a gather: its derivatives of every order are matrix
        products, also for many replicas of the table at once, and the vocabulary is small.

        Raises
        ------
        TypeError, ValueError
            For what is no tensor of these shapes and kinds, on one device. A token's value is not
            looked at; one outside the vocabulary has the row 0.
        """
        require_tokens(tokens, self.length)
        self._require_table(table, tokens)
        indicator = tokens[..., None] == torch.arange(self.vocabulary + 1, device=tokens.device)
        embedded = indicator.to(table.dtype) @ table
        return embedded if self.perturbation is None else embedded + self.perturbation

    def _require_table(self, table: Tensor, tokens: Tensor) -> None:
        rows = self.vocabulary + 1
        if not isinstance(table, Tensor) or not torch.is_floating_point(table):
            raise TypeError(
                f"table must be a floating-point tensor, got {described(table)}; pass a parameter"
                f" of shape ({rows}, size)"
            )
        if table.ndim != 2 or table.shape[0] != rows:
            raise ValueError(
                f"table must have shape ({rows}, size), a row a token and one for a hidden one, got"
                f" {tuple(table.shape)}"
            )
        if tokens.device != table.device:
            raise ValueError(
                f"tokens are on {tokens.device}, the encoder's table is on {table.device}; move one"
                f" of them, as in tokens.to({str(table.device)!r})"
            )


class TokenMLP(TokenEncoder):
    """Embedding, then tanh layers over the concatenated positions.

    Parameters
    ----------
    vocabulary, length : int
    embedding : int
        Size of a token's embedding.
    width : int
        Units of every layer; the size of the encoded feature.
    layers : int
        At least 2.
    seed : int
        Initial parameters are drawn from it; the global generator is left alone.
    """

    def __init__(
        self,
        vocabulary: int = 32,
        length: int = 8,
        *,
        embedding: int = 4,
        width: int = 32,
        layers: int = 2,
        seed: int = 0,
    ) -> None:
        super().__init__(vocabulary, length, checks.whole_number("width", width, low=1))
        checks.whole_number("embedding", embedding, low=1)
        checks.whole_number("layers", layers, low=2)
        with seeded(seed):
            self.table = nn.Parameter(torch.randn(vocabulary + 1, embedding))
            self.first = nn.Linear(length * embedding, width)
            self.second = nn.Linear(width, width)
            self.further = nn.ModuleList(nn.Linear(width, width) for _ in range(layers - 2))

    def hidden(self, tokens: Tensor) -> Tensor:
        embedded = self.embed(tokens, self.table).flatten(-2)
        stream = torch.tanh(self.second(torch.tanh(self.first(embedded))))
        for layer in self.further:
            stream = torch.tanh(layer(stream))
        return stream

    def forward(self, tokens: Tensor) -> Tensor:
        return self.hidden(tokens)

    def decoder(self, *, seed: int = 0) -> nn.Module:
        with seeded(seed):
            return nn.Sequential(
                nn.Linear(self.features, self.length * self.vocabulary),
                nn.Unflatten(-1, (self.length, self.vocabulary)),
            )


class TokenTransformer(TokenEncoder):
    """Pre-norm Transformer encoder with learned positions; the feature is the mean over the
    positions.

    Parameters
    ----------
    vocabulary, length : int
    width : int
        Size of the stream and of the encoded feature; a multiple of `heads`.
    heads, layers : int
    expansion : int
        Units of the position-wise layer are ``expansion * width``.
    seed : int
        Initial parameters are drawn from it; the global generator is left alone.
    """

    def __init__(
        self,
        vocabulary: int = 32,
        length: int = 8,
        *,
        width: int = 16,
        heads: int = 1,
        layers: int = 1,
        expansion: int = 2,
        seed: int = 0,
    ) -> None:
        super().__init__(vocabulary, length, checks.whole_number("width", width, low=1))
        for name, value in (("heads", heads), ("layers", layers), ("expansion", expansion)):
            checks.whole_number(name, value, low=1)
        if width % heads:
            raise ValueError(
                f"width must be a multiple of heads, got width={width} and heads={heads}"
            )
        with seeded(seed):
            self.table = nn.Parameter(torch.randn(vocabulary + 1, width))
            self.positions = nn.Parameter(0.1 * torch.randn(length, width))
            self.layers = nn.ModuleList(_Layer(width, heads, expansion) for _ in range(layers))
            self.norm = _norm(width)

    def hidden(self, tokens: Tensor) -> Tensor:
        stream = self.embed(tokens, self.table) + self.positions
        for layer in self.layers:
            stream = layer(stream)
        return self.norm(stream)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.hidden(tokens).mean(dim=-2)

    def decoder(self, *, seed: int = 0) -> nn.Module:
        with seeded(seed):
            return nn.Linear(self.features, self.vocabulary)


class _Layer(nn.Module):
    """Self-attention and a position-wise layer, each behind a norm and beside a skip connection."""

    def __init__(self, width: int, heads: int, expansion: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_feedforward = _norm(width), _norm(width)
        self.queries_keys_values, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen = nn.Linear(width, expansion * width)
        self.narrow = nn.Linear(expansion * width, width)

    def forward(self, stream: Tensor) -> Tensor:
        # Plain products and a softmax: the fused attention kernels have no second derivative.
        joint = self.queries_keys_values(self.before_attention(stream)).unflatten(
            -1, (3, self.heads, -1)
        )
        queries, keys, values = joint.movedim(-3, 0).transpose(-3, -2)
        scores = torch.softmax(
            queries @ keys.transpose(-1, -2) / math.sqrt(queries.shape[-1]), dim=-1
        )
        stream = stream + self.mix((scores @ values).transpose(-3, -2).flatten(-2))
        return stream + self.narrow(nn.functional.gelu(self.widen(self.before_feedforward(stream))))


def _norm(width: int) -> nn.LayerNorm:
    # Without scale and shift of its own: a linear layer follows each norm and has both.
    return nn.LayerNorm(width, elementwise_affine=False)


class SequenceClassifier(nn.Module):
    """An encoder and a linear head with bias on its feature: one logit (batch,) for tokens (batch,
    length).

    Parameters
    ----------
    encoder : Module
        Maps inputs to features (batch, ``encoder.features``); it is not copied.
    seed : int
        The head is drawn from it.
    """

    def __init__(self, encoder: nn.Module, *, seed: int = 0) -> None:
        super().__init__()
        features = getattr(encoder, "features", None)
        if not isinstance(features, int):
            raise TypeError(
                f"encoder must state the size of its output as encoder.features, got {features!r};"
                " use a TokenEncoder"
            )
        self.encoder = encoder
        with seeded(seed):
            self.head = nn.Linear(features, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.head(self.encoder(tokens))
        return logits.squeeze(-1)


def require_tokens(tokens: object, length: int | None = None) -> None:
    """Refuse what is no tensor of integers, or whose sequences are not of this length."""
    if not isinstance(tokens, Tensor) or tokens.layout != torch.strided:
        raise TypeError(
            f"tokens must be a dense tensor of token ids, got {described(tokens)}; pass"
            " torch.as_tensor(...)"
        )
    if tokens.is_floating_point() or tokens.is_complex() or tokens.dtype == torch.bool:
        raise TypeError(
            f"tokens must be integers, got {tokens.dtype}; pass token ids, as in tokens.long()"
        )
    if tokens.ndim < 1 or (length is not None and tokens.shape[-1] != length):
        raise ValueError(
            f"tokens must have shape (batch, {'length' if length is None else length}), got"
            f" {tuple(tokens.shape)}; pad or cut sequences to it"
        )


def described(value: object) -> str:
    """What was given in place of a tensor of some kind: its own kind."""
    if not isinstance(value, Tensor):
        return type(value).__name__
    return f"a tensor of {value.dtype}, {value.layout}"


class seeded:
    """Context in which torch draws from `seed`; the global CPU generator is put back afterwards."""

    def __init__(self, seed: int) -> None:
        self.seed = checks.whole_number("seed", seed, low=0, high=LARGEST_SEED)

    def __enter__(self) -> None:
        self.state = torch.get_rng_state()
        torch.random.default_generator.manual_seed(self.seed)

    def __exit__(self, *_: object) -> None:
        torch.set_rng_state(self.state)
