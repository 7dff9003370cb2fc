"""Modules imported without looking for garbage, and names that are loaded when they are used."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def imported(name: str) -> ModuleType:
    """The module of that full name.

    What a module makes when it is imported stays, and looking for garbage among it again and again
    takes a fifth of the time of large ones.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return import_module(name)
    finally:
        if collecting:
            gc.enable()


def when_used(
    package: str, modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package whose names are loaded when they are first used.

    Parameters
    ----------
    package : str
        Its `__name__`.
    modules : mapping
        Name → the module below the package that has it.
    """
    names = vars(sys.modules[package])

    def load(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        names[name] = getattr(imported(f"{package}.{modules[name]}"), name)
        return names[name]

    return load, lambda: sorted({*names, *modules})
