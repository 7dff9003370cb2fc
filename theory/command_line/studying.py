"""Commands on a study: run it, draw it, report it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tunebound.theory.command_line import printing
from tunebound.theory.command_line.parameters import (
    Directory,
    Options,
    Suite,
    complete_settings,
    computes,
    output_path,
)

if TYPE_CHECKING:
    from tunebound.theory.engine.computing import Results
    from tunebound.theory.engine.studies import Study

DEFAULT_SUITE = "standard"
DRAWING = 2  # processes; more would take longer to start than to draw


def _share(text: str) -> tuple[int, int]:
    numbers = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text)
    if numbers is None or int(numbers[1]) > int(numbers[2]):
        raise ValueError(f"--shard {text} is no part; write 2/8 for the second of eight")
    return int(numbers[1]), int(numbers[2])


def _members(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    numbers = re.fullmatch(r"(\d+):(\d+)", text)
    if numbers is None or int(numbers[1]) >= int(numbers[2]):
        raise ValueError(f"--members {text} names no members; write 3:5 for those numbered 3 and 4")
    return int(numbers[1]), int(numbers[2])


@computes
def run(
    seed: int,
    jobs: int | None,
    options: Options,
    setting: Annotated[
        str | None,
        typer.Option(
            help=(
                "What is tuned; `tunebound suites` lists the settings. By default head, or the one"
                " setting that has the suite."
            ),
            autocompletion=complete_settings,
        ),
    ] = None,
    suite: Suite = DEFAULT_SUITE,
    grid: Annotated[
        Path | None,
        typer.Option(
            help=(
                "A TOML file with a grid of your own instead of a suite: families, n, d, margin,"
                " radius or radius_over_margin, seeds."
            )
        ),
    ] = None,
    output: Annotated[
        Path | None,
        output_path(
            "Directory of the study; runs/SUITE, runs/SETTING-SUITE or runs/GRID by default."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be computed, and stop.")
    ] = False,
    plan: Annotated[
        bool,
        typer.Option(
            "--plan",
            help="Print what would be computed and what it costs, measured on one shard, and stop.",
        ),
    ] = False,
    shard: Annotated[
        str,
        typer.Option(
            metavar="I/N",
            help="Compute the I-th of N parts only, other machines the others; see `merge`.",
        ),
    ] = "1/1",
    members: Annotated[
        str | None,
        typer.Option(
            metavar="A:B",
            help=(
                "Compute the shards that hold the members A, …, B − 1 only, numbered from 0; of one"
                " member also print what it gave."
            ),
        ),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(help='"dask": compute on a cluster, whose workers send the tables back.'),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="Scheduler of the cluster, for example tcp://10.0.0.1:8786."),
    ] = None,
) -> None:
    """Compute a suite or a grid of your own: every left-out run, every bound. Interrupted, the same
    command continues.
    """
    from tunebound.theory.engine import processes

    share, only = _share(shard), _members(members)
    if backend is None and not (dry_run or plan):
        processes.prepare(jobs, "tunebound.theory.engine.studies", "torch")
    from tunebound import theory
    from tunebound.theory.engine.forecast import forecast
    from tunebound.theory.engine.judging import judge_all
    from tunebound.theory.engine.members import DEFAULT_SETTING, setting_of_suite
    from tunebound.theory.engine.setting import find_setting

    if grid is None:
        chosen = find_setting(setting_of_suite(suite) if setting is None else setting)
        study = theory.Study(chosen.name, suite, seed, options(chosen))
        default = suite if chosen.name in (DEFAULT_SETTING, suite) else f"{chosen.name}-{suite}"
    elif suite != DEFAULT_SUITE or seed:
        raise ValueError(f"--grid {grid} names data sets and seeds; leave out --suite and --seed")
    else:
        study = _over_grid(grid, setting, options)
        chosen, default = find_setting(study.setting), study.suite.name
    target = output or Path("runs") / default
    if dry_run or plan:
        typer.echo(study.summary(target, share=share, members=only))
        if plan:
            cost = forecast(study, target, jobs, share=share, members=only)
            typer.echo(f"cost: {cost or 'nothing is left to compute'}")
        return
    if grid is not None:
        typer.echo(str(study.suite))
    try:
        missing = theory.compute(
            study, target, share=share, members=only, jobs=jobs, backend=backend, address=address
        )
    except KeyboardInterrupt:
        typer.echo(
            f"tunebound: interrupted; finished shards are kept in {target}, the same command"
            " continues",
            err=True,
        )
        raise typer.Exit(130) from None
    if only and only[1] - only[0] == 1 and share == (1, 1):
        _tell(theory.load(target, members=only))
    if missing:
        part = f"part {shard}"
        if members is not None:
            part = f"{part} of what holds the members {members}"
        typer.echo(
            f"{part} is in {target}; shards of the study that are missing there: {missing}."
            " Next: the other parts; `tunebound merge` joins those with directories of their own"
        )
        return
    results = theory.load(target)
    decisions = theory.decide(list(theory.hypotheses(chosen.name).values()), results)
    found = [
        (each.test, each.theorem.status, each.theorem.name, each.extent)
        for each in judge_all(target, results)
    ] + [
        (
            each.status,
            "hypothesis",
            each.hypothesis.name,
            f"{each.effect}{each.note and f'  ({each.note})'}",
        )
        for each in decisions
        if each.units
    ]
    printing.table(
        ("test:", "known", "statement:", "on what"),
        found,
        "{:>16}  {:>25}  {}  {}".format,
    )
    typer.echo(
        f"{len(results.environments)} environments in {target}. Next: tunebound report {target}"
    )


def _tell(results: "Results") -> None:
    """What was measured on one member, and its bounds, where verdicts read them."""
    from tunebound import theory

    judged = theory.judged_rows(results.rows)
    typer.echo(results.environments["environment"].iloc[0])
    for row, ratio in zip(judged.itertuples(), theory.tightness(judged), strict=True):
        typer.echo(
            f"{row.theorem:>20}  measured {row.measured:.6g}, bound {row.bound:.6g},"
            f" measured/bound {ratio:.3g} at t = {row.steps:g}: {row.quantity}"
        )


def _over_grid(path: Path, setting: str | None, options: Options) -> "Study":
    from tunebound.theory.engine.grids import read_grid
    from tunebound.theory.engine.setting import find_setting

    file = read_grid(path)
    return file.study(setting, **options(find_setting(file.study(setting).setting)))


def merge(
    directories: Annotated[
        list[Path], typer.Argument(help="Directories of `tunebound run --shard`, of one study.")
    ],
    output: Annotated[Path, output_path("Directory of the united study; may be one of them.")],
) -> None:
    """Bring the shards of one study, computed into several directories, together in one."""
    from tunebound import theory

    missing = theory.merge(directories, output)
    typer.echo(
        f"{missing} shards are missing in {output}. Next: tunebound run with the same options and"
        f" --output {output}"
        if missing
        else f"All shards are in {output}. Next: tunebound report {output}"
    )


def plot(
    directory: Directory,
    output: Annotated[
        Path | None,
        output_path("Directory of the figures; DIRECTORY/figures by default."),
    ] = None,
    form: Annotated[str, typer.Option("--format", help="png, pdf or svg.")] = "png",
    only: Annotated[
        list[str] | None,
        typer.Option(help="This figure, for example bound-against-measured; may be repeated."),
    ] = None,
    theorems: Annotated[
        str | None,
        typer.Option(help="Theorems to be shown, with commas between them; all by default."),
    ] = None,
    style: Annotated[
        str, typer.Option(help="What it is for: page, talk (a slide), column (of a paper).")
    ] = "page",
    width: Annotated[
        float | None, typer.Option(help="Width in inches; that of the style by default.")
    ] = None,
) -> None:
    """Draw the figures of a study, each as a file of its own."""
    from tunebound.theory.engine.drawing import draw_figures

    named = [name.strip() for name in theorems.split(",")] if theorems else []
    for path in draw_figures(
        directory,
        output or directory / "figures",
        form=form,
        only=only or (),
        theorems=named,
        style=style,
        width=width,
    ):
        typer.echo(path)


def report(
    directory: Directory,
    output: Annotated[
        Path | None,
        output_path("The HTML file; DIRECTORY/report.html by default."),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser, too.")] = False,
) -> None:
    """Write verdicts, rates, figures and certificates of a study as one HTML file."""
    from tunebound.theory.engine import processes

    jobs = processes.at_most(DRAWING)
    processes.prepare(jobs, "tunebound.theory.engine.reporting")
    from tunebound import theory

    written = theory.report(directory, output=output, jobs=jobs)
    typer.echo(written)
    if show and typer.launch(str(written.resolve())):
        raise ValueError(f"no browser was found that opens {written}; open it yourself")
