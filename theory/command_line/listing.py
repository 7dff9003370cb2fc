"""Commands that list what there is."""

from typing import TYPE_CHECKING

import typer

# What computes is imported by the commands that need it: --help answers at once.
if TYPE_CHECKING:
    from tunebound.theory.engine.hypothesis import Hypothesis
    from tunebound.theory.engine.statement import Theorem


def list_theorems() -> None:
    """List the theorems and hypotheses, their statements and sources."""
    from tunebound import theory

    listed: list[Theorem | Hypothesis] = [
        *theory.theorems().values(),
        *theory.hypotheses().values(),
    ]
    for known in listed:
        typer.echo(
            f"{known.name} [{known.setting}]\n    {known.statement}\n"
            f"    {_known_of(known)}{known.source}"
        )


def _known_of(listed: "Theorem | Hypothesis") -> str:
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
