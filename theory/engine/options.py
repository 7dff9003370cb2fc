"""Options of a study: plain values that JSON can hold, declared by each setting as a dataclass."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Self, TypeAlias, get_type_hints

Value: TypeAlias = bool | int | float | str | tuple[str, ...]

WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
BEYOND_INTEGERS = 2**53  # from here on a float stands for more than one whole number


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every setting's options can do; a setting adds its own as fields with defaults.

    The kinds of fields are bool, int, float (which takes whole numbers as integers), str and
    tuple[str, ...].
    """

    @classmethod
    def of(cls, values: Mapping[str, object] | None, *, setting: str) -> Self:
        """Options with the given values and the defaults of the others.

        Raises
        ------
        ValueError
            If a name is unknown to the setting.
        TypeError
            If a value is of another kind than its option.
        """
        kinds = get_type_hints(cls)
        chosen: dict[str, Value] = {}
        for name, value in (values or {}).items():
            _require_known([name], kinds, setting)
            chosen[name] = _checked(name, value, kinds[name])
        return cls(**chosen)

    @classmethod
    def parse(cls, assignments: Iterable[str], *, setting: str) -> dict[str, Value]:
        """Read texts such as "steps=500" or "methods=plain,mixout" in the kind of each option.

        Raises
        ------
        ValueError
            If a text is no assignment, names an unknown option, or does not read as its kind.
        """
        kinds = get_type_hints(cls)
        parsed: dict[str, Value] = {}
        for assignment in assignments:
            name, sign, text = (part.strip() for part in assignment.partition("="))
            if not sign:
                raise ValueError(
                    f"--set takes name=value, got {assignment!r}; write --set steps=500 for example"
                )
            name = name.replace("-", "_")
            _require_known([name], kinds, setting)
            parsed[name] = _read(name, text, kinds[name])
        return parsed

    def __getitem__(self, name: str) -> Value:
        """The option of that name, for code that does not know the setting."""
        return getattr(self, name)

    @classmethod
    def described(cls) -> list[tuple[str, str, str]]:
        """Name, default and meaning of each option, as the class's docstring has it."""
        text = inspect.getdoc(cls) or ""
        return [
            (field.name, written(field.default) or "the suite's own", _meaning(text, field.name))
            for field in fields(cls)
        ]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The options' names."""
        return tuple(field.name for field in fields(cls))


def _meaning(docstring: str, name: str) -> str:
    """What a NumPy-style docstring says below "name : type", or the type where it says no more."""
    entry = re.search(rf"^{name} : (.+)\n((?:    .+\n?)*)", docstring, flags=re.MULTILINE)
    if entry is None:
        return ""
    below = " ".join(entry[2].split())
    choices = f"one of {entry[1]}" if entry[1].startswith("{") else ""
    return "; ".join(part for part in (choices, below) if part)


def written(value: Value) -> str:
    """A value as `Options.parse` reads it."""
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _require_known(names: Iterable[str], kinds: Mapping[str, object], setting: str) -> None:
    unknown = sorted(set(names) - set(kinds))
    if unknown:
        raise ValueError(
            f"options {unknown} are unknown to the setting {setting!r}. Known: {', '.join(kinds)}"
        )


def _checked(name: str, value: object, kind: object) -> Value:
    if kind == tuple[str, ...]:
        if isinstance(value, str):
            return (value,)
        if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
            return tuple(value)
        raise TypeError(f"{name} must be a sequence of names, got {value!r}")
    if kind is bool:
        if isinstance(value, bool):
            return value
        raise TypeError(f"{name} must be true or false, got {value!r}")
    if kind is str:
        if isinstance(value, str):
            return value
        raise TypeError(f"{name} must be text, got {value!r}")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if kind is int and not isinstance(value, int):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    return whole_if_exact(value) if isinstance(value, float) else value


def _read(name: str, text: str, kind: object) -> Value:
    if kind == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind is bool:
        if text.lower() not in WORDS:
            raise ValueError(f"{name} must be true or false, got {text!r}")
        return WORDS[text.lower()]
    if kind is str:
        return text
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{name} must be a number, got {text!r}") from None
    return whole_if_exact(number)


def whole_if_exact(number: float) -> int | float:
    """A whole number that integers hold exactly as an int, any other as it is."""
    return int(number) if number.is_integer() and abs(number) < BEYOND_INTEGERS else number
