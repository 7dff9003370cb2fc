"""Commands on one theorem: test it on data, or search for data that violate it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tunebound.theory.command_line import printing
from tunebound.theory.command_line.parameters import (
    Options,
    Suite,
    complete_theorems,
    computes,
    output_path,
)

if TYPE_CHECKING:
    from tunebound.theory.engine.setting import Setting
    from tunebound.theory.engine.statement import Theorem


@computes
def verify(
    seed: int,
    jobs: int | None,
    options: Options,
    theorem: Annotated[
        str,
        typer.Argument(
            help="Name of a theorem or a hypothesis; `tunebound theorems` lists them.",
            autocompletion=complete_theorems,
        ),
    ],
    suite: Suite = "smoke",
    data: Annotated[
        Path | None,
        typer.Option(
            help="One stored data set (.npz) instead of a suite, for example a counterexample."
        ),
    ] = None,
    output: Annotated[
        Path,
        output_path("Directory that receives the smallest counterexample."),
    ] = Path("runs/counterexamples"),
) -> None:
    """Test one theorem or hypothesis and print the verdict; status 1 where it is violated."""
    from tunebound import theory
    from tunebound.theory.engine.computing import checked_options
    from tunebound.theory.engine.decision import verify_hypothesis
    from tunebound.theory.engine.hypothesis import Hypothesis
    from tunebound.theory.engine.known import find_known
    from tunebound.theory.engine.setting import find_setting
    from tunebound.theory.engine.verification import second_opinions

    known = find_known(theorem)
    if isinstance(known, Hypothesis):
        if data is not None:
            raise ValueError(
                f"{theorem} is a hypothesis, which takes a suite to decide; leave out --data"
            )
        chosen = options(find_setting(known.setting))
        decision = verify_hypothesis(known, suite, seed=seed, jobs=jobs, **chosen)
        printing.verdict(str(decision), decision.status)
        if decision.status == "refuted":
            raise typer.Exit(1)
        return
    setting = find_setting(known.setting)
    chosen = options(setting)
    members: Any = suite if data is None else [_loaded(data, known)]
    verdict = theory.verify(
        known, members, seed=seed, output=None if data else output, jobs=jobs, **chosen
    )
    printing.verdict(str(verdict), verdict.test)
    if verdict.violation is not None:
        if data is None:
            members = setting.suite(suite, seed, checked_options(setting, chosen))
        for sentence in second_opinions(verdict, members[verdict.violation.member], chosen):
            typer.echo(f"  {sentence}")
        raise typer.Exit(1)


def _loaded(data: Path, theorem: "Theorem") -> Any:
    """The environment in a file, or whose it is where the theorem does not speak of it."""
    from tunebound.theory.engine.setting import find_setting, settings

    if data.is_file() and data.suffix != ".npz":
        raise ValueError(
            f"--data takes a data set that to_npz or a verdict has written (.npz), got {data}; for"
            " features of your own there is `tunebound certify`"
        )
    try:
        return find_setting(theorem.setting).load(data)
    except ValueError:
        taking = [name for name, each in settings().items() if _takes(each, data)]
        if not taking:
            raise
    raise ValueError(
        f"--data {data} is for the theorems of {', '.join(taking)}; {theorem.name} speaks of"
        f" {theorem.setting}"
    )


def _takes(setting: "Setting", data: Path) -> bool:
    try:
        setting.load(data)
    except ValueError:
        return False
    return True


@computes
def falsify(
    seed: int,
    options: Options,
    theorem: Annotated[
        str,
        typer.Argument(
            help="Name of a theorem; `tunebound theorems` lists them.",
            autocompletion=complete_theorems,
        ),
    ],
    budget: Annotated[
        int, typer.Option(min=100, help="Members to examine; the search ends at a violation.")
    ] = 6000,
    output: Annotated[
        Path,
        output_path("Directory that receives the data with the largest ratio."),
    ] = Path("runs/falsified"),
) -> None:
    """Search small data for a violation of a theorem; status 1 where 50 digits confirm one."""
    from tunebound import theory
    from tunebound.theory.engine.setting import find_setting
    from tunebound.theory.engine.statement import find_theorem

    known = find_theorem(theorem)
    chosen = options(find_setting(known.setting))
    found = theory.falsify(known, budget=budget, seed=seed, output=output, **chosen)
    typer.echo(str(found))
    if found:
        raise typer.Exit(1)
