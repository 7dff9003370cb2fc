"""Commands that list what there is."""

from typing import TYPE_CHECKING, Annotated

import typer

from tunebound.theory.command_line import printing
from tunebound.theory.command_line.parameters import complete_settings, complete_theorems

# What computes is imported by the commands that need it: --help answers at once.
if TYPE_CHECKING:
    from tunebound.theory.engine.known import Known


def list_theorems(
    name: Annotated[
        str | None,
        typer.Argument(
            help="One theorem or hypothesis, to read all that is known of it.",
            autocompletion=complete_theorems,
        ),
    ] = None,
    setting: Annotated[
        str | None,
        typer.Option(help="Those of one setting.", autocompletion=complete_settings),
    ] = None,
) -> None:
    """List the theorems and hypotheses, their statements and sources; or tell all of one."""
    from tunebound.theory.engine.known import find_known, statements
    from tunebound.theory.engine.setting import find_setting

    chosen = None if setting is None else find_setting(setting).name
    if name is not None:
        told = find_known(name, chosen)
        printing.entry(told.name, _all_of(told))
        return
    for known in statements(chosen).values():
        lines = [known.statement, f"{_known_of(known)}{known.source}"]
        printing.entry(known.name, lines, f" [{known.setting}]")


def _all_of(known: "Known") -> list[str]:
    """All that is known of one statement, a line each."""
    from tunebound.theory.engine.known import facts

    lines = {"says": known.statement, **facts(known), "in LaTeX": getattr(known, "formula", "")}
    if (code := getattr(known, "claims", None)) is not None:
        lines["code"] = f"{code.__module__}.{code.__qualname__}"
    lines["test it"] = f"tunebound verify {known.name}"
    return [f"{word}: {text}" for word, text in lines.items() if text]


def _known_of(listed: "Known") -> str:
    status = getattr(listed, "status", None)
    return "" if status is None else f"{status}: "


def families() -> None:
    """List the families of synthetic data sets and their options."""
    from tunebound import synthetic

    for name, family in synthetic.families().items():
        options = (
            f"{option} = {about.default}: {about.meaning}"
            for option, about in family.options.items()
        )
        printing.entry(name, [family.summary, *options])


def methods() -> None:
    """List the fine-tuning methods and their sources."""
    from tunebound import tuning

    for name, method in tuning.methods().items():
        printing.entry(name, [method.source])


def suites() -> None:
    """List the suites of every setting and their sizes."""
    from tunebound import theory

    for setting in theory.settings().values():
        lines = []
        for name in setting.suite_names():
            members = setting.suite(name, 0, setting.options()).specifications
            draws = len({setting.draw(each) for each in members})
            lines.append(f"{name:10} {len(members):6,} members, {draws:6,} independent draws")
        printing.entry(setting.name, lines, f": {setting.summary}")


def list_options() -> None:
    """List the options of every setting, which --set takes, with their defaults and meanings."""
    from tunebound import theory

    for setting in theory.settings().values():
        printing.entry(
            setting.name,
            [
                f"{name} = {default}: {meaning}"
                for name, default, meaning in setting.options.described()
            ],
        )
