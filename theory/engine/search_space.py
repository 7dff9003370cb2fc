"""Where a setting's counterexamples are searched: charts of members, smaller members, evidence with
50 digits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from tunebound._ground.arrays import Floats
from tunebound.theory.engine.options import Options

MemberT = TypeVar("MemberT")
OptionsT = TypeVar("OptionsT", bound=Options)


@dataclass(frozen=True, kw_only=True)
class Chart(Generic[MemberT, OptionsT]):
    """Members of one shape as functions of real numbers, and the options they are examined under.

    Attributes
    ----------
    name : str
        Shape and options, for people.
    options : Options
    starts : callable
        (generator, count) → points (count, m) where a search may begin.
    member : callable
        A point (m,) → the member; ValueError where a point means none.
    """

    name: str
    options: OptionsT
    starts: Callable[[np.random.Generator, int], Floats]
    member: Callable[[Floats], MemberT]


class SearchSpace(ABC, Generic[MemberT, OptionsT]):
    """What `falsify` needs to know of a setting.

    Attributes
    ----------
    steps_called : str
        What stands where a run has its number of steps, for people.
    """

    steps_called: ClassVar[str] = "t"

    @abstractmethod
    def charts(
        self, options: OptionsT, given: Collection[str]
    ) -> Sequence[Chart[MemberT, OptionsT]]:
        """Small shapes first; options whose names are not among the given ones may vary."""

    @abstractmethod
    def smaller(self, member: MemberT, options: OptionsT) -> Iterator[tuple[MemberT, OptionsT]]:
        """Members that are simpler in one respect (a sample, a feature, a digit, steps), the
        largest simplification first.
        """

    def shape(self, member: MemberT) -> str:
        """The member's size, for people."""
        return f"n = {member.n}, d = {member.d}"  # type: ignore[attr-defined]

    @abstractmethod
    def precisely(self, member: MemberT, options: OptionsT) -> Any:
        """Evidence whose measured side and constants were computed with 50 digits and rounded once.

        Raises
        ------
        ValueError
            If that cannot be done for this member; the message says why.
        """
