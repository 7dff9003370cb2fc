"""What a way of fine-tuning may change of plain fine-tuning, and the registry of them."""

from __future__ import annotations

import difflib
import importlib
import math
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from tunebound.tuning.encoders.tokens import TokenEncoder

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Strength:
    """The values that the `weight` of a method may take.

    Attributes
    ----------
    meaning : str
        What the weight is, for messages.
    least : float
        Smallest value.
    below : float
        Upper end, which is not taken itself.
    whole : bool
        Whether it must be a whole number.
    """

    meaning: str
    least: float = 0.0
    below: float = math.inf
    whole: bool = False

    def check(self, method: str, value: object) -> None:
        """Refuse a value outside, naming the method."""
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
            raise TypeError(
                f"weight of {method} must be a number, got {value!r}; it is {self.meaning}"
            )
        if not self.least <= float(value) < self.below or (
            self.whole and not float(value).is_integer()
        ):
            kind = "a whole number" if self.whole else "a number"
            raise ValueError(
                f"weight of {method} must be {kind} in [{self.least:g}, {self.below:g}), got"
                f" {value}; it is {self.meaning}"
            )


@dataclass
class State:
    """One step of one replica, as a method sees it (without the replica axis, which is added around
    it).

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
        How strongly the method acts, in its own units; `strength` says which values it takes, None
        that there is nothing to set.

    Notes
    -----
    A method of your own is a class with the class variables `name`, `summary`, `formula` and
    `source` that overrides what it changes; `register` makes it known under its name. All replicas
    advance in one batched computation: `used` and `penalty` are called for one replica inside
    `torch.func.vmap` and `torch.func.grad`, so they must be pure functions of tensors without
    branches on values; whatever is random comes from `draw`, one generator a replica, so that a
    replica is the same in any company. A sample that a replica does not see has ``counted`` 0 in
    its batches, and a penalty must weigh it by that.
    """

    weight: float = 0.0

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    source: ClassVar[str] = ""
    strength: ClassVar[Strength | None] = Strength("how strongly the method acts")

    def __post_init__(self) -> None:
        if self.strength is not None:
            self.strength.check(self.name, self.weight)
        elif self.weight != 0:
            raise ValueError(f"{self.name} has no weight to set, got {self.weight!r}; leave it out")

    def steps(self, steps: int) -> int:
        """Number of steps, from that of plain fine-tuning."""
        return steps

    def passes(self, steps: int) -> int:
        """What the method costs: how many batches go through the encoder, there and back, where
        plain fine-tuning takes `steps`.
        """
        return self.steps(steps)

    def learning_rate(self, rate: float) -> float:
        """Step size, from that of plain fine-tuning."""
        return rate

    def heads(self) -> int:
        """Number of linear heads that are tuned side by side; prediction is by their mean."""
        return 1

    def start(
        self, encoder: TokenEncoder, inputs: Tensor, seen: Tensor, generators: list[torch.Generator]
    ) -> dict[str, Tensor] | None:
        """Where tuning starts from.

        Parameters
        ----------
        encoder : TokenEncoder
            The given one in float64; it must not be changed.
        inputs : (n, length) Tensor
        seen : (R, n) Tensor
            1 where a replica may use an input, 0 where it may not.
        generators : list of R Generators
            One a replica.

        Returns
        -------
        dict of str to Tensor, or None
            Weights (R, ...) of the encoders; None for the encoder's own.
        """
        return None

    def draw(
        self, encoder: TokenEncoder, batch: int, generators: list[torch.Generator]
    ) -> dict[str, Tensor]:
        """Random numbers (R, ...) for one step on `batch` inputs, row r from generator r; they
        arrive as ``noise``.
        """
        return {}

    def used(self, weights: Weights, start: Weights, noise: Mapping[str, Tensor]) -> Weights:
        """Weights with which the loss of this step is computed; its gradient moves `weights`."""
        return weights

    def penalty(self, state: State) -> Tensor:
        """What is added to the mean loss of the batch, (); nothing where no sample counts."""
        return state.features.new_zeros(())

    def averaged_from(self, steps: int) -> int | None:
        """First step, from 0, of those whose iterates are averaged into the result; None for the
        last iterate alone.
        """
        return None


def copies(module: nn.Module, count: int) -> dict[str, Tensor]:
    """The module's parameters, `count` times each: (count, ...)."""
    return {
        key: value.detach().expand(count, *value.shape).clone()
        for key, value in module.named_parameters()
    }


def uniform(limit: float, shape: tuple[int, ...], generators: list[torch.Generator]) -> Tensor:
    """Numbers (R, *shape) in [−limit, limit), row r from generator r; with 1/√fan-in torch's
    default for a linear layer.
    """
    return torch.stack(
        [
            limit * (2 * torch.rand(shape, generator=each, dtype=torch.float64) - 1)
            for each in generators
        ]
    )


Kind = TypeVar("Kind", bound=type[Method])
_registry: dict[str, Method] = {}


def register(kind: Kind) -> Kind:
    """Register a method under its name, with its default weight.

    Raises
    ------
    ValueError, TypeError
        For a class that is no `Method`, that lacks a name, or whose name is taken.
    """
    if not (isinstance(kind, type) and issubclass(kind, Method)):
        raise TypeError(f"register takes a subclass of Method, got {kind!r}")
    if not kind.name:
        raise ValueError(
            f"{kind.__name__} has no name; set the class variable name, and summary, formula and"
            " source with it"
        )
    known = _registry.get(kind.name)
    if known is not None and type(known).__qualname__ != kind.__qualname__:
        raise ValueError(f"a method named {kind.name!r} is registered already; choose another name")
    _registry[kind.name] = kind()
    return kind


def methods() -> dict[str, Method]:
    """The registered methods by name, plain fine-tuning first."""
    package = importlib.import_module("tunebound.tuning.fine_tuning.methods")
    for module in sorted(found.name for found in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"tunebound.tuning.fine_tuning.methods.{module}")
    return dict(sorted(_registry.items(), key=lambda entry: (entry[0] != "plain", entry[0])))


def find_method(method: str | Method) -> Method:
    """The method of that name; a `Method` is passed through."""
    if isinstance(method, Method):
        return method
    if not isinstance(method, str):
        raise TypeError(
            f"method must be a name or a Method, got {method!r}; tuning.methods() lists them"
        )
    known = methods()
    if method not in known:
        close = difflib.get_close_matches(method, known, n=1, cutoff=0.5)
        raise ValueError(
            f"method {method!r} is none{f'; did you mean {close[0]!r}?' if close else ''}. Known:"
            f" {', '.join(known)}"
        )
    return known[method]
