"""Named collections: cheap specifications, each made on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from tunebound._ground.checks import whole_number
from tunebound._ground.registry import find_named

Member = TypeVar("Member", covariant=True)


class Made(Protocol[Member]):
    """What a member is, cheaply: a name, and the means to make it."""

    @property
    def name(self) -> str:
        """Readable and unique within a suite."""

    def make(self) -> Member:
        """Generate the member."""


@dataclass(frozen=True)
class Suite(Generic[Member]):
    """Members by index, generated when asked for; ``suite[i]`` needs no other member.

    Attributes
    ----------
    name : str
    seed : int or None
        None where no one seed made it, as in a grid.
    specifications : tuple
        What each member is; nothing is generated.
    """

    name: str
    seed: int | None
    specifications: tuple[Made[Member], ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.specifications)

    def __iter__(self) -> Iterator[Member]:
        return (specification.make() for specification in self.specifications)

    def __getitem__(self, index: int) -> Member:
        """The member at an integer ``index``; take slices of ``specifications`` instead."""
        remedy = (
            f"suite {self.name!r} has {len(self)} members; slice suite.specifications and call"
            " .make()"
        )
        try:
            position = whole_number(
                "index", index, low=-len(self), high=len(self) - 1, remedy=remedy
            )
        except ValueError as error:
            raise IndexError(str(error)) from None
        return self.specifications[position].make()


def named_suite(
    name: str, seed: int, known: Mapping[str, Callable[[int], Iterator[Made[Member]]]]
) -> Suite[Member]:
    """The suite of that name among the ``known`` generators of specifications; the name and the
    seed are checked.
    """
    specifications = find_named("suite", name, known)
    seed = whole_number("seed", seed, low=0, remedy="choose a seed of 0, 1, 2, …")
    return Suite(name, seed, tuple(specifications(seed)))
