"""What a way of fine-tuning may change of plain fine-tuning, and the registry of them."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from tuning.encoders import TokenEncoder

Weights = Mapping[str, Tensor]


@dataclass
class State:
    """One step of one replica, as a method sees it (without the replica axis, which is added around it).

    Attributes
    ----------
    encoder : TokenEncoder
        Its structure; its own weights are not used.
    weights, start : mapping of str to Tensor
        Parameters of the encoder now, and at the start of fine-tuning.
    heads : (H, features) Tensor
    biases : (H,) Tensor
    inputs : (batch, length) Tensor
    labels, counted : (batch,) Tensor
        −1 or +1; and 1, or 0 for a sample that this replica does not see.
    features : (batch, features) Tensor
        Of the inputs, before dropout.
    noise : mapping of str to Tensor
        What the method drew for this step.
    """

    encoder: TokenEncoder
    weights: Weights
    start: Weights
    heads: Tensor
    biases: Tensor
    inputs: Tensor
    labels: Tensor
    counted: Tensor
    features: Tensor
    noise: Mapping[str, Tensor]


@dataclass(frozen=True)
class Method:
    """Plain fine-tuning; subclasses change some of it.

    Attributes
    ----------
    weight : float
        How strongly the method acts, in its own units.
    """

    weight: float = 0.0

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    source: ClassVar[str] = ""

    def steps(self, steps: int) -> int:
        """Number of steps, from that of plain fine-tuning."""
        return steps

    def learning_rate(self, rate: float) -> float:
        """Step size, from that of plain fine-tuning."""
        return rate

    def heads(self) -> int:
        """Number of linear heads that are tuned side by side; prediction is by their mean."""
        return 1

    def start(self, encoder: TokenEncoder, inputs: Tensor, seen: Tensor, generators: list[torch.Generator]) -> dict[str, Tensor] | None:
        """Weights (R, ...) of the encoder that tuning starts from, where they are not the encoder's own.

        `inputs` (n, length); `seen` (R, n) marks the inputs that a replica may use; one generator a replica.
        """
        return None

    def draw(self, encoder: TokenEncoder, batch: int, generators: list[torch.Generator]) -> dict[str, Tensor]:
        """Random numbers (R, ...) for one step."""
        return {}

    def used(self, weights: Weights, start: Weights, noise: Mapping[str, Tensor]) -> Weights:
        """Weights with which the loss of this step is computed."""
        return weights

    def penalty(self, state: State) -> Tensor:
        """What is added to the mean loss of the batch."""
        return state.features.new_zeros(())

    def averaged_from(self, steps: int) -> int | None:
        """First step of those whose iterates are averaged into the result; None for the last iterate alone."""
        return None


Kind = TypeVar("Kind", bound=type[Method])
_registry: dict[str, Method] = {}


def register(kind: Kind) -> Kind:
    """Register a method under its name, with its default weight."""
    known = _registry.get(kind.name)
    if known is not None and type(known).__qualname__ != kind.__qualname__:
        raise ValueError(f"a method named {kind.name!r} is registered already; choose another name")
    _registry[kind.name] = kind()
    return kind


def methods() -> dict[str, Method]:
    """The registered methods by name, plain fine-tuning first."""
    package = importlib.import_module("tuning.methods")
    for module in sorted(found.name for found in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"tuning.methods.{module}")
    return dict(sorted(_registry.items(), key=lambda entry: (entry[0] != "plain", entry[0])))


def find_method(method: str | Method) -> Method:
    """The method of that name; a `Method` is passed through."""
    if isinstance(method, Method):
        return method
    known = methods()
    if method not in known:
        close = difflib.get_close_matches(str(method), known, n=1, cutoff=0.5)
        raise ValueError(f"method {method!r} is none{f'; did you mean {close[0]!r}?' if close else ''}. Known: {', '.join(known)}")
    return known[method]
