"""What a way of fine-tuning may change of plain fine-tuning, and the registry of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import torch
from torch import Tensor, nn

from tunebound._ground import checks
from tunebound._ground.registry import Registry, modules_in
from tunebound.tuning.fine_tuning.encoding import Inputs
from tunebound.tuning.fine_tuning.iterate import Iterate

Parameters = Mapping[str, Tensor]
CLAIMS = ("accuracy", "scores over seeds", "leave-one-out")


@dataclass(frozen=True)
class StrengthRange:
    """The strengths that a method may have.

    Attributes
    ----------
    meaning : str
        What the strength is, for messages.
    least : float
        Smallest value.
    below : float, optional
        Upper end, which is not taken itself.
    whole : bool
        Whether it must be a whole number.
    """

    meaning: str
    least: float = 0.0
    below: float | None = None
    whole: bool = False

    def check(self, method: str, value: object) -> None:
        """Refuse a value outside, naming the method."""
        name, remedy = f"strength of {method}", f"it is {self.meaning}"
        number = checks.real_number(name, value, low=self.least, below=self.below, remedy=remedy)
        if self.whole and not number.is_integer():
            raise ValueError(f"{name} must be a whole number, got {value}; {remedy}")


@dataclass(kw_only=True)
class ReplicaState:
    """One step of one replica, as a method sees it (without the replica axis, which is added around
    it).

    Attributes
    ----------
    encoder : Module
        Its structure; its own parameters are not used.
    parameters, start : mapping of str to Tensor
        Of the encoder now, and at the start of fine-tuning.
    heads : (H, features) Tensor
    biases : (H,) Tensor
    trail : Iterate
        The exponential average of the iterates for a method with a `memory`; for others, where
        tuning starts.
    inputs : (batch, length) Tensor, or what the encoder takes
    labels, counted : (batch,) Tensor
        −1 or +1; and 1, or 0 for a sample that this replica does not see.
    keep : (batch, features) Tensor
        Dropout's factors: 0, or 1/(1 − dropout).
    features : (batch, features) Tensor
        Of the inputs, before dropout.
    noise : mapping of str to Tensor
        What the method drew for this step.
    """

    encoder: nn.Module
    parameters: Parameters
    start: Parameters
    heads: Tensor
    biases: Tensor
    trail: Iterate
    inputs: Inputs
    labels: Tensor
    counted: Tensor
    keep: Tensor
    features: Tensor
    noise: Mapping[str, Tensor]


@dataclass(frozen=True)
class RateFactors:
    """What the step size is multiplied by in a step.

    Attributes
    ----------
    head : float
        For the heads and biases, at least 0.
    encoder : float or mapping of str to float
        For the encoder's parameters, all alike or each by its name; one with 0 rests.
    """

    head: float = 1.0
    encoder: float | Mapping[str, float] = 1.0

    def of(self, key: str) -> float:
        """The factor of the encoder's parameter `key`."""
        return self.encoder[key] if isinstance(self.encoder, Mapping) else self.encoder


@dataclass(frozen=True)
class Method:
    """Plain fine-tuning; subclasses change some of it.

    Attributes
    ----------
    strength : float
        How strongly the method acts, in its own units; `strength_range` says which values it takes,
        None that there is nothing to set.

    Notes
    -----
    A method of your own is a class with the class variables `name`, `summary`, `formula` and
    `source` that overrides what it changes; `register_method` makes it known under its name.
    `claims` is what its source says that it improves: "accuracy", "scores over seeds" (they vary
    less, or fewer runs fail) or "leave-one-out" (the result depends less on one sample). Five
    `strengths`, ascending and the default among them, are what a comparison tries: from hardly any
    effect to a strong one. All replicas of a `TokenEncoder` advance in one batched computation:
    `used` and `penalty` are called for one replica inside `torch.func.vmap` and `torch.func.grad`,
    so they must be pure functions of tensors without branches on values; whatever is random comes
    from `draw`, one generator a replica, so that a replica is the same in any company. A sample
    that a replica does not see has ``counted`` 0 in its batches, and a penalty must weigh it by
    that.
    """

    strength: float = 0.0

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    source: ClassVar[str] = ""
    claims: ClassVar[str] = ""
    strengths: ClassVar[tuple[float, ...]] = ()
    strength_range: ClassVar[StrengthRange | None] = StrengthRange("how strongly the method acts")

    def __post_init__(self) -> None:
        if self.strength_range is not None:
            self.strength_range.check(self.name, self.strength)
        elif self.strength != 0:
            raise ValueError(
                f"{self.name} has no strength to set, got {self.strength!r}; leave it out"
            )

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

    def optimiser(self, given: str) -> str:
        """The optimiser, one of "sgd", "adam", "adam_uncorrected" and "adamw", from the one that
        `fine_tune` was given.
        """
        return given

    def dropout(self, share: float) -> float:
        """Share of features that is dropped, from that of plain fine-tuning."""
        return share

    def rate_factors(self, encoder: nn.Module, step: int, steps: int) -> RateFactors:
        """What the step size is multiplied by in a step, from 0, of `steps` in all."""
        return RateFactors()

    def recall(self, step: int, steps: int) -> float:
        """ρ of w ← w − ρ(w − w_0), by which a step moves the encoder's parameters besides; w and
        w_0 as they were before the step, and no optimiser in between.
        """
        return 0.0

    def memory(self) -> float | None:
        """β in [0, 1) of the average w̃ ← βw̃ + (1 − β)w of the iterates, from w̃ = w_0, that arrives
        as ``trail``; None for a method that asks for none.
        """
        return None

    def heads(self) -> int:
        """Number of linear heads that are tuned side by side; prediction is by their mean."""
        return 1

    def start(
        self, encoder: nn.Module, inputs: Inputs, seen: Tensor, generators: list[torch.Generator]
    ) -> dict[str, Tensor] | None:
        """Where tuning starts from.

        Parameters
        ----------
        encoder : Module
            The given one, a `TokenEncoder` in float64; it must not be changed.
        inputs : (n, length) Tensor, or what the encoder takes of n samples
        seen : (R, n) Tensor
            1 where a replica may use an input, 0 where it may not.
        generators : list of R Generators
            One a replica.

        Returns
        -------
        dict of str to Tensor, or None
            Parameters (R, ...) of the encoders; None for the encoder's own.
        """
        return None

    def draw(
        self, encoder: nn.Module, batch: int, generators: list[torch.Generator]
    ) -> dict[str, Tensor]:
        """Random numbers (R, ...) for one step on `batch` inputs, row r from generator r; they
        arrive as ``noise``.
        """
        return {}

    def used(
        self, parameters: Parameters, start: Parameters, noise: Mapping[str, Tensor]
    ) -> Parameters:
        """Parameters with which the loss of this step is computed; its gradient moves `parameters`
        themselves.
        """
        return parameters

    def penalty(self, state: ReplicaState) -> Tensor:
        """What is added to the mean loss of the batch, (); nothing where no sample counts."""
        return state.features.new_zeros(())

    def averaged_from(self, steps: int) -> int | None:
        """First step, from 0, of those whose iterates are averaged into the result; None for the
        last iterate alone.
        """
        return None


def copies(module: nn.Module, count: int) -> dict[str, Tensor]:
    """The module's parameters, `count` times each: (count, ...), views that take no memory."""
    return {
        key: value.detach().expand(count, *value.shape) for key, value in module.named_parameters()
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
_METHODS: Registry[Method] = Registry(
    "method",
    modules=lambda: modules_in("tunebound.tuning.fine_tuning.methods"),
    group="tunebound.methods",
)


def register_method(kind: Kind) -> Kind:
    """Register a method under its name, at its default strength; a decorator.

    Parameters
    ----------
    kind : subclass of Method

    Returns
    -------
    subclass of Method
        The same class.

    Raises
    ------
    ValueError, TypeError
        For a class that is no `Method`, that lacks a name, whose name is taken, or that claims
        what is none of the three.

    Notes
    -----
    An installed package offers its methods as entry points of the group "tunebound.methods", each
    the name of a module that registers some.
    """
    if not (isinstance(kind, type) and issubclass(kind, Method)):
        raise TypeError(f"kind must be a subclass of Method, got {checks.shown(kind)}")
    if not kind.name:
        raise ValueError(
            f"{kind.__name__} has no name; set the class variable name, and summary, formula and"
            " source with it"
        )
    if kind.claims:
        checks.choice(f"claims of {kind.name}", kind.claims, CLAIMS)
    _METHODS.add(kind.name, kind(), kind)
    return kind


def methods() -> dict[str, Method]:
    """The registered methods by name, plain fine-tuning first."""
    return dict(sorted(_METHODS.known().items(), key=lambda entry: (entry[0] != "plain", entry[0])))


def find_method(method: str | Method) -> Method:
    """A method by its name.

    Parameters
    ----------
    method : str or Method
        A name from `methods`; a `Method` is passed through, whether it is registered or not.

    Returns
    -------
    Method

    Raises
    ------
    ValueError, TypeError
        If no method has the name; the message has the closest one.
    """
    return method if isinstance(method, Method) else _METHODS.find(method)
