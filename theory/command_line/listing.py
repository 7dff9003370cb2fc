"""Commands that list what there is."""

from typing import TYPE_CHECKING, Annotated

import typer

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
        typer.echo(_told(find_known(name, chosen)))
        return
    for known in statements(chosen).values():
        typer.echo(
            f"{known.name} [{known.setting}]\n    {known.statement}\n"
            f"    {_known_of(known)}{known.source}"
        )


def _told(known: "Known") -> str:
    """All that is known of one statement, a line each."""
    from tunebound.theory.engine.known import facts

    lines = {"says": known.statement, **facts(known), "in LaTeX": getattr(known, "formula", "")}
    lines["test it"] = f"tunebound verify {known.name}"
    told = (f"    {word}: {text}" for word, text in lines.items() if text)
    return "\n".join([known.name, *told])


def _known_of(listed: "Known") -> str:
    status = getattr(listed, "status", None)
    return "" if status is None else f"{status}: "


def families() -> None:
    """List the families of synthetic data sets and their options."""
    from tunebound import synthetic

    for name, family in synthetic.families().items():
        typer.echo(f"{name}\n    {family.summary}")
        for option, about in family.options.items():
            typer.echo(f"    {option} = {about.default}: {about.meaning}")


def methods() -> None:
    """List the fine-tuning methods and their sources."""
    from tunebound import tuning

    for name, method in tuning.methods().items():
        typer.echo(f"{name}\n    {method.source}")


def suites() -> None:
    """List the suites of every setting and their sizes."""
    from tunebound import theory

    for setting in theory.settings().values():
        typer.echo(f"{setting.name}: {setting.summary}")
        for name in setting.suite_names():
            members = setting.suite(name, 0, setting.options()).specifications
            draws = len({setting.draw(each) for each in members})
            typer.echo(f"    {name:10} {len(members):6,} members, {draws:6,} independent draws")


def list_options() -> None:
    """List the options of every setting, which --set takes, with their defaults and meanings."""
    from tunebound import theory

    for setting in theory.settings().values():
        typer.echo(setting.name)
        for name, default, meaning in setting.options.described():
            typer.echo(f"    {name} = {default}: {meaning}")
