"""What a study is made over: a suite by its name, a suite or a grid itself, or environments that a
user handed over; and the setting that takes them.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, TypeAlias, get_args, get_origin

from tunebound import synthetic
from tunebound._ground.storage import copy_file
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting, find_setting, settings
from tunebound.theory.engine.statement import Theorem, setting_of

DEFAULT_SETTING = "head"
FOLDER = "members"


@dataclass(frozen=True)
class HandedOver:
    """Environments in memory, in the shape of a suite; each is its own specification."""

    specifications: tuple[Any, ...]
    name: ClassVar[str] = "data handed over"

    def __getitem__(self, index: int) -> Any:
        return self.specifications[index]


@dataclass(frozen=True)
class Kept:
    """Environments in the files of a study's directory, in the shape of a sequence."""

    setting: Setting
    directory: Path

    def __getitem__(self, index: int) -> Any:
        return self.setting.load(file_of(self.directory, index))


Members: TypeAlias = synthetic.Suite[Any] | HandedOver


def members_of(sets: Any, setting: Setting, seed: int, options: Options) -> Members:
    """A suite by its name, a suite or grid itself, or environments in the shape of one.

    Raises
    ------
    ValueError
        If there are none, or the setting has no suite of that name.
    TypeError
        If the setting does not take what was handed over.
    """
    if isinstance(sets, str):
        _require_suite(setting, sets)
        return setting.suite(sets, seed, options)
    for name in setting.suite_options:
        if options[name] != setting.options()[name]:
            raise ValueError(
                f"{name}={options[name]!r} is for the suites of the setting {setting.name!r} that"
                " are named; leave it out"
            )
    if isinstance(sets, synthetic.Suite):
        if isinstance(sets, synthetic.Grid):
            _require_taken(setting, "a data set of the grid", synthetic.SeparableDataset)
        return sets
    chosen = _listed(sets)
    if not chosen:
        raise ValueError(
            "suite is empty; pass a suite's name or at least one environment of the setting"
            f" {setting.name!r}"
        )
    for number, environment in enumerate(chosen):
        _require_taken(setting, f"suite: environment {number}", type(environment))
    return HandedOver(chosen)


def setting_for(sets: Any, theorems: Iterable[Theorem] | None, name: str | None) -> Setting:
    """The setting that is named; else that of the theorems; else the one that takes the sets,
    which is head tuning where that does.

    Raises
    ------
    ValueError
        If the theorems belong to another setting or to several, or several settings take the sets.
    TypeError
        If none does.
    """
    speaking = {setting_of(each).name: each.name for each in theorems or ()}
    chosen = {name} if name is not None else set(speaking)
    if name is not None and (others := speaking.keys() - chosen):
        other = min(others)
        raise ValueError(
            f"theorem {speaking[other]!r} speaks of the setting {other!r}, not of {name!r}; leave"
            " out one of them"
        )
    if len(chosen) > 1:
        told = ", ".join(f"{each!r} of {of!r}" for of, each in speaking.items())
        raise ValueError(f"the theorems belong to several settings ({told}); study each alone")
    if chosen:
        return find_setting(chosen.pop())
    if isinstance(sets, str):
        return find_setting(setting_of_suite(sets))
    examples = (sets[0],) if isinstance(sets, synthetic.Suite) else _listed(sets)
    kinds = {type(each) for each in examples}
    taking = [
        each.name
        for each in settings().values()
        if (taken := taken_by(each)) and all(issubclass(kind, taken) for kind in kinds)
    ]
    if DEFAULT_SETTING in taking or len(taking) == 1:
        return find_setting(DEFAULT_SETTING if DEFAULT_SETTING in taking else taking[0])
    told = ", ".join(sorted(kind.__name__ for kind in kinds))
    if not taking:
        raise TypeError(f"no setting takes {told or 'an empty list'}; pass one kind of environment")
    raise ValueError(
        f"the settings {', '.join(taking)} take {told}; name one of them, setting={taking[0]!r} for"
        " example"
    )


def setting_of_suite(suite: str) -> str:
    """The setting that a suite's name stands for: head tuning where it has such a suite, else the
    only one that has.
    """
    if suite in find_setting(DEFAULT_SETTING).suite_names():
        return DEFAULT_SETTING
    known = settings()
    having = [name for name, setting in known.items() if suite in setting.suite_names()]
    if len(having) == 1:
        return having[0]
    if having:
        raise ValueError(
            f"a suite named {suite!r} is in the settings {', '.join(having)}; name one with"
            " setting=…, --setting on the command line"
        )
    names = sorted({name for setting in known.values() for name in setting.suite_names()})
    raise ValueError(
        f"no suite of any setting is named {suite!r}. Known: {', '.join(names)}; `tunebound suites`"
        " lists them by setting"
    )


def _require_suite(setting: Setting, suite: str) -> None:
    """Refuse the name of a suite that only other settings have, and say which."""
    if suite in setting.suite_names():
        return
    having = [name for name, each in settings().items() if suite in each.suite_names()]
    if having:
        raise ValueError(
            f"the suite {suite!r} belongs to {', '.join(having)}, not to {setting.name}; leave the"
            " setting out, or name that one"
        )


def taken_by(setting: Setting) -> tuple[type, ...]:
    """The classes of the members of a setting, as its base class `Setting[…]` names them; none
    where that says nothing.
    """
    for each in type(setting).__mro__:
        for base in vars(each).get("__orig_bases__", ()):
            if get_origin(base) is Setting:
                member = get_args(base)[1]
                kinds = get_args(member) or (member,)
                return kinds if all(isinstance(kind, type) for kind in kinds) else ()
    return ()


def content(setting: Setting, members: Sequence[Any]) -> str:
    """SHA-256 of the environments as the setting writes them."""
    total = hashlib.sha256()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "member.npz"
        for member in members:
            setting.save(member, path)
            for name, entry in _entries(path):
                total.update(f"{name} {len(entry)}\n".encode())
                total.update(entry)
    return total.hexdigest()


def keep(setting: Setting, members: Members, directory: Path) -> None:
    """Write the environments that are not there yet into a study's directory."""
    (directory / FOLDER).mkdir(exist_ok=True)
    for number in range(len(members.specifications)):
        path = file_of(directory, number)
        if not path.exists():
            setting.save(members[number], path)


def adopt(source: Path, directory: Path) -> None:
    """Copy the environments that another directory of the same study keeps."""
    (directory / FOLDER).mkdir(exist_ok=True)
    for path in (source / FOLDER).glob("*.npz"):
        target = directory / FOLDER / path.name
        if not target.exists():
            copy_file(path, target)


def _entries(path: Path) -> Iterable[tuple[str, bytes]]:
    """What a file holds: of an archive its entries, unpacked, since packing may differ."""
    if not zipfile.is_zipfile(path):
        return [("", path.read_bytes())]
    with zipfile.ZipFile(path) as archive:
        return [(name, archive.read(name)) for name in sorted(archive.namelist())]


def file_of(directory: Path, number: int) -> Path:
    """Where a study's directory keeps an environment that cannot be made again."""
    return directory / FOLDER / f"{number:05d}.npz"


def _listed(sets: Any) -> tuple[Any, ...]:
    return tuple(sets) if isinstance(sets, (list, tuple)) else (sets,)


def _require_taken(setting: Setting, what: str, kind: type) -> None:
    taken = taken_by(setting)
    if taken and not issubclass(kind, taken):
        remedy = "call its make()" if hasattr(kind, "make") else "name the setting that takes such"
        raise TypeError(
            f"{what} is of type {kind.__name__}, and the setting {setting.name!r} takes"
            f" {' or '.join(each.__name__ for each in taken)}; {remedy}"
        )
