"""The reference: a page for each public name, under the face that gives it."""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

FACES = (
    "synthetic",
    "synthetic.planting",
    "bounds",
    "bounds.head",
    "bounds.full",
    "bounds.multi_head",
    "bounds.multi_class",
    "bounds.regularised",
    "bounds.regularised_bias",
    "bounds.churn",
    "bounds.balls",
    "bounds.constants",
    "bounds.literature",
    "tuning",
    "tuning.instability",
    "theory",
)


def public_names(face: str) -> dict[str, object]:
    """What a face gives; its modules are left out, since those are faces themselves."""
    module = importlib.import_module(f"tunebound.{face}")
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    found = {name: getattr(module, name) for name in sorted(names)}
    return {name: value for name, value in found.items() if not inspect.ismodule(value)}


def write_reference(directory: Path) -> None:
    """A page a face, and a list of the names that it gives; Sphinx writes a page for each name."""
    directory.mkdir()
    for face in FACES:
        text = "\n".join(_page(face)) + "\n"
        (directory / f"{face}.rst").write_text(text, encoding="utf-8")
    index = ["Reference", "=========", "", "Every public name, by the room that gives it.", ""]
    index += [".. toctree::", "   :maxdepth: 1", "", *(f"   {face} <{face}>" for face in FACES)]
    (directory / "index.rst").write_text("\n".join(index) + "\n", encoding="utf-8")


def _page(face: str) -> Iterator[str]:
    title = f"tunebound.{face}"
    yield from (title, "=" * len(title), "", f".. automodule:: {title}", "   :no-members:", "")
    names = public_names(face)
    homes = {name: getattr(value, "__module__", title) for name, value in names.items()}
    # A module that says once what its functions share is a section with what it says.
    shared = {home for home in homes.values() if home != title and _says_parameters(home)}
    rest = {name: value for name, value in names.items() if homes[name] not in shared}
    for home in dict.fromkeys(home for home in homes.values() if home in shared):
        heading = home.rsplit(".", 1)[1].replace("_", " ").capitalize()
        yield from (heading, "-" * len(heading), "")
        yield from (f".. automodule:: {home}", "   :no-members:", "   :no-index:", "")
        yield from _listed(title, [name for name in names if homes[name] == home])
    for kind, holds in (
        ("Functions", inspect.isroutine),
        ("Classes", inspect.isclass),
        ("Constants", lambda value: not inspect.isroutine(value) and not inspect.isclass(value)),
    ):
        of_kind = [name for name, value in rest.items() if holds(value)]
        if of_kind:
            yield from (kind, "-" * len(kind), "")
            yield from _listed(title, of_kind)


def _says_parameters(home: str) -> bool:
    document = (
        getattr(importlib.import_module(home), "__doc__", None)
        if home.startswith("tunebound.")
        else None
    )
    return "\nParameters\n" in (document or "")


def _listed(module: str, names: list[str]) -> Iterator[str]:
    yield from (f".. currentmodule:: {module}", "", ".. autosummary::", "   :toctree: generated")
    yield from ("", *(f"   {name}" for name in names), "")
