"""Registries: what is added under a name, found by it, and discovered in files and packages."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from tunebound._ground.checks import shown
from tunebound._ground.importing import imported

Entry = TypeVar("Entry")
MANY = 30  # names that are not all listed beside a guess


class Registry(Generic[Entry]):
    """Entries of one kind by name.

    Parameters
    ----------
    kind : str
        What an entry is called in messages, for example "family".
    modules : callable
        () → names of modules that add entries when they are imported; asked again at every
        look-up, so that a new file is found.
    group : str
        Entry-point group: modules that installed packages add theirs with.
    """

    def __init__(self, kind: str, modules: Callable[[], Iterable[str]], group: str) -> None:
        self.kind = kind
        self.group = group
        self._modules = modules
        self._entries: dict[str, Entry] = {}
        self._owners: dict[str, str] = {}

    def add(self, name: str, entry: Entry, source: Any) -> None:
        """Enter under a name; the same source (a notebook cell run twice) replaces its entry.

        Parameters
        ----------
        name : str
        entry : object
        source : function or class
            What was written by the entry's author.

        Raises
        ------
        TypeError
            If the name is no text.
        ValueError
            If it is taken by another source.
        """
        if not isinstance(name, str):
            raise TypeError(f"{self.kind} must be named by text, got {shown(name)}")
        owner = f"{source.__module__}.{source.__qualname__}"
        taken = self._owners.get(name)
        if taken is not None and taken != owner:
            raise ValueError(
                f"{self.kind} {name!r} is registered by {taken} already; choose another name"
            )
        self._entries[name] = entry
        self._owners[name] = owner

    def known(self, package: str = "") -> dict[str, Entry]:
        """All entries by name, in the order in which they were added; where a package is named,
        those that its modules add, and whatever others are there already.
        """
        for module in self._modules():
            if module.startswith(package):
                imported(module)
        load_entry_points(self.group)
        return dict(self._entries)

    def find(self, name: object) -> Entry:
        """The entry of that name.

        Raises
        ------
        TypeError
            If `name` is no text.
        ValueError
            If there is none; the message has the closest name.
        """
        load_entry_points(self.group)  # they may not take the name
        there = isinstance(name, str) and name in self._entries
        return find_named(self.kind, name, self._entries if there else self.known())

    def owner(self, name: str) -> str:
        """Who added the entry: module and name of its source."""
        return self._owners[name]


def find_named(kind: str, name: object, known: Mapping[str, Entry]) -> Entry:
    """The entry of that name; a refusal with the closest name where there is none."""
    if not isinstance(name, str):
        raise TypeError(
            f"{kind} must be named by text, got {shown(name)}; known: {', '.join(known)}"
        )
    if name not in known:
        close = [each for each in known if each.lower() == name.lower()]
        close = close or difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        said = f"no {kind} is named {shown(name)}"
        if close and len(known) > MANY:
            raise ValueError(f"{said}; did you mean {close[0]!r}?")
        hint = f"; did you mean {close[0]!r}?" if close else "."
        raise ValueError(f"{said}{hint} Known: {', '.join(known) or 'none'}")
    return known[name]


def modules_in(package: str) -> list[str]:
    """The modules that lie in a package, by full name, in alphabetical order."""
    path = importlib.import_module(package).__path__
    return sorted(f"{package}.{found.name}" for found in pkgutil.iter_modules(path))


@cache
def load_entry_points(group: str) -> None:
    """Import what installed packages offer under a group, once a process.

    Raises
    ------
    ImportError
        If one cannot be imported; the message names it and its package.
    """
    for point in entry_points(group=group):
        try:
            point.load()
        except Exception as error:
            package = point.dist.name if point.dist is not None else "an installed package"
            raise ImportError(
                f"{package} offers {point.value} as {group}, which cannot be imported"
                f" ({type(error).__name__}: {error}); mend or uninstall {package}"
            ) from error
