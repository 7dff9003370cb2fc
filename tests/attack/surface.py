"""The public callables, found from the faces of the rooms: nothing is listed by hand."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType

ROOMS = ("bounds", "synthetic", "tuning", "theory")
FACES = (*ROOMS, "bounds.constants", "bounds.multi_head", "tuning.instability")
PREFIX = "tunebound."


def faces():
    """Modules whose names are public, by name: those above, and modules among their names."""
    found, waiting = {}, [importlib.import_module(PREFIX + name) for name in FACES]
    while waiting:
        face = waiting.pop(0)
        if found.setdefault(face.__name__.removeprefix(PREFIX), face) is face:
            waiting += [
                each
                for each in (getattr(face, name) for name in public_names(face))
                if isinstance(each, ModuleType) and each not in (*found.values(), *waiting)
            ]
    return found


def public_names(face):
    """`__all__`, or what the module itself defines under a name without an underscore."""
    if hasattr(face, "__all__"):
        return list(face.__all__)
    return [
        name
        for name, each in vars(face).items()
        if not name.startswith("_") and getattr(each, "__module__", None) == face.__name__
    ]


def callables():
    """Every public function, class that is called, and method that takes an argument, by name."""
    found, seen = {}, set()
    for face_name, face in faces().items():
        for name in public_names(face):
            each, path = getattr(face, name), f"{face_name}.{name}"
            if isinstance(each, ModuleType) or not callable(each) or id(each) in seen:
                continue
            if not getattr(each, "__module__", "").startswith(PREFIX):
                continue
            seen.add(id(each))
            if not inspect.isclass(each):
                found[path] = each
                continue
            if _is_called(each):
                found[path] = each
            found |= {f"{path}.{key}": method for key, method in _methods(each).items()}
    return found


def _is_called(kind):
    """Whether users make one: it checks what it is given. Records that functions return do not."""
    own = [
        part
        for part in kind.__mro__
        if part.__module__.startswith(PREFIX) and ("__post_init__" in vars(part) or _own_init(part))
    ]
    return bool(own) and not inspect.isabstract(kind)


def _own_init(part):
    return "__init__" in vars(part) and not hasattr(part, "__dataclass_fields__")


def _methods(kind):
    found = {}
    for name in dir(kind):
        if name.startswith("_") or not _own_method(kind, name):
            continue
        method = getattr(kind, name)
        taken = [each for each in inspect.signature(method).parameters if each != "self"]
        if taken:
            found[name] = method
    return found


def _own_method(kind, name):
    owner = next(part for part in kind.__mro__ if name in vars(part))
    if not owner.__module__.startswith(PREFIX):
        return False
    return inspect.isroutine(vars(owner)[name])
