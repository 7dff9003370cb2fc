"""What a setting is: how a suite of environments becomes evidence; and the registry of settings."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, Protocol, TypeVar

from tunebound import synthetic
from tunebound._ground.checks import instance
from tunebound._ground.registry import Registry, find_named
from tunebound.theory.engine.folders import modules_called
from tunebound.theory.engine.options import Options

if TYPE_CHECKING:
    from tunebound.theory.engine.presentation import Presentation
    from tunebound.theory.engine.search_space import SearchSpace

Cell = bool | int | float | str


class Evidence(Protocol):
    """What one environment gave: known to its theorems in full, to everything else by columns."""

    def columns(self) -> Mapping[str, Cell]:
        """The design factors, then constants and certificates, one value each."""


class Source(Protocol):
    """What a member is made from, cheaply."""

    @property
    def name(self) -> str:
        """Readable and unique within a suite."""


SourceT = TypeVar("SourceT", bound=Source)
MemberT = TypeVar("MemberT")
EvidenceT = TypeVar("EvidenceT", bound=Evidence)
OptionsT = TypeVar("OptionsT", bound=Options)


class Setting(ABC, Generic[SourceT, MemberT, EvidenceT, OptionsT]):
    """How a suite of environments becomes evidence.

    A setting is a folder of its own: a subclass with its attributes and methods, registered by
    `register_setting`; theorems that read its evidence; figures and words. A member is one
    environment (a data set, a problem, a task); its source is the specification that it is made
    from, or the member itself where a user handed it over.

    Attributes
    ----------
    name, summary : str
    measures : str
        What the instability is a distance of, with its range, for axes.
    factors : tuple of str
        Columns that a suite varies by design; slopes compare environments that differ in one of
        them only.
    family : str
        The factor that says which kind of data a member is, where a suite has several that were
        chosen and not drawn; intervals of slopes resample kinds, then draws within them.
    stands_for : mapping
        Measured column → the factor through which a suite varies it, where a rate is predicted in
        the measured column.
    judged_at : {"last", "tightest"}
        The number of steps at which a bound is called vacuous and its tightness and rates are read:
        the last one, or the one with the largest measured/bound (where the instability dies out
        with the steps).
    options : subclass of Options
        Options of a study, with their defaults.
    suite_options : tuple of str
        Those that say what is in its suites; they are refused beside a grid and handed-over data.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    measures: ClassVar[str]
    factors: ClassVar[tuple[str, ...]]
    family: ClassVar[str] = ""
    stands_for: ClassVar[Mapping[str, str]] = {}
    judged_at: ClassVar[Literal["last", "tightest"]] = "last"
    options: type[OptionsT]
    suite_options: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def suite_names(self) -> tuple[str, ...]:
        """Names of the setting's suites, smallest first."""

    @abstractmethod
    def suite(self, name: str, seed: int, options: OptionsT) -> synthetic.Suite[MemberT]:
        """A lazy suite; what its members are is written out, so that nothing that is registered
        elsewhere changes it.
        """

    @abstractmethod
    def evidence(
        self,
        members: Sequence[MemberT],
        sources: Sequence[SourceT | MemberT],
        options: OptionsT,
    ) -> Sequence[EvidenceT]:
        """One piece of evidence a member, in order; the members have equal batch keys."""

    @abstractmethod
    def save(self, member: MemberT, path: str | os.PathLike[str]) -> None:
        """Write one member so that `load` and one command replay it."""

    @abstractmethod
    def load(self, path: str | os.PathLike[str]) -> MemberT:
        """Read what `save` wrote; ValueError for any other file."""

    @abstractmethod
    def presentation(self) -> Presentation:
        """Titles, words and figures of the report; imported when asked for."""

    def check(self, options: OptionsT) -> None:
        """Refuse options that are out of range, before any work."""
        return

    def cost(self, source: SourceT | MemberT, options: OptionsT) -> float:
        """Work to expect, in multiplications; from 4e10 on a member is a shard of its own."""
        return 1e12

    def draw(self, source: SourceT) -> str:
        """The independent draw that a suite's member comes from, by name; verdicts and intervals
        count draws. By default it is what a source calls its `draw`, as those of a grid do, and
        else every member is one of its own: say otherwise where members share data, a world or
        random numbers.
        """
        return getattr(source, "draw", source.name)

    def batch_key(self, source: SourceT | MemberT) -> Hashable:
        """Members of equal keys are computed together; by default each alone."""
        return id(source)

    def search_space(self) -> SearchSpace | None:
        """Where `falsify` searches; None where it cannot. Imported when asked for."""
        return None

    def parts(self, source: SourceT) -> Mapping[str, str]:
        """Registered things that a member is made of, by name, and where each comes from; a study
        of other parts is another study.
        """
        return {}


_SETTINGS: Registry[Setting] = Registry(
    "setting", partial(modules_called, "setting"), "tunebound.settings"
)

SettingT = TypeVar("SettingT", bound=Setting)


def register_setting(new: SettingT) -> SettingT:
    """Register a setting and return it.

    Parameters
    ----------
    new : Setting

    Raises
    ------
    TypeError, ValueError
        If it is no setting, or its name is taken by another class.
    """
    instance("new", new, Setting, remedy="pass an instance of your subclass")
    _SETTINGS.add(new.name, new, type(new))
    return new


def settings() -> dict[str, Setting]:
    """The registered settings by name, ordered by it whatever was imported first."""
    return dict(sorted(_SETTINGS.known().items()))


def home_of(name: str) -> str:
    """What the names of the modules of a setting begin with; nothing where there is none."""
    known = _in_its_folder(name) or settings().get(name)
    return "" if known is None else type(known).__module__.rpartition(".")[0]


def find_setting(name: str) -> Setting:
    """The setting of that name.

    Parameters
    ----------
    name : str

    Raises
    ------
    ValueError
        If there is none; the message has the closest name.
    """
    return _in_its_folder(name) or find_named(_SETTINGS.kind, name, settings())


def _in_its_folder(name: str) -> Setting | None:
    """A setting whose folder has its name, which is found without the others."""
    folder = f"tunebound.theory.{name.replace('-', '_')}" if isinstance(name, str) else ""
    return _SETTINGS.known(f"{folder}.").get(name) if folder else None
