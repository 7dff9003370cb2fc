"""Commands on a study: run it, draw it, report it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tunebound.theory.command_line.parameters import (
    Directory,
    Options,
    Suite,
    complete_settings,
    computes,
    output_path,
)

if TYPE_CHECKING:
    from tunebound.theory.engine.studies import Study

DEFAULT_SUITE = "standard"


def _share(text: str) -> tuple[int, int]:
    numbers = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text)
    if numbers is None or int(numbers[1]) > int(numbers[2]):
        raise ValueError(f"--shard {text} is no part; write 2/8 for the second of eight")
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
                "What is tuned: head, full-quadratics, …; by default head, or the one setting that"
                " has the suite."
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

    share = _share(shard)
    if backend is None and not (dry_run or plan):
        processes.prepare(jobs)
    from tunebound import theory
    from tunebound.theory.engine import reporting
    from tunebound.theory.engine.forecast import forecast
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
        typer.echo(study.summary(target))
        if plan:
            typer.echo(f"cost: {forecast(study, target, jobs) or 'nothing is left to compute'}")
        return
    if grid is not None:
        typer.echo(str(study.suite))
    try:
        missing = theory.compute(
            study, target, share=share, jobs=jobs, backend=backend, address=address
        )
    except KeyboardInterrupt:
        typer.echo(
            f"tunebound: interrupted; finished shards are kept in {target}, the same command"
            " continues",
            err=True,
        )
        raise typer.Exit(130) from None
    if missing:
        typer.echo(
            f"part {shard} is in {target}; shards of the study that are missing there: {missing}."
            " Next: the other parts; `tunebound merge` joins those with directories of their own"
        )
        return
    results = theory.load(target)
    for verdict in reporting.judge_all(target, results):
        known = verdict.theorem
        line = f"{verdict.test:>16}  {known.status:>25}  {known.name}  {verdict.extent}"
        typer.echo(line.rstrip())
    for decision in theory.decide(list(theory.hypotheses(chosen.name).values()), results):
        if decision.units:
            typer.echo(
                f"{decision.status:>16}  {'hypothesis':>25}  {decision.hypothesis.name}"
                f"  {decision.effect}{decision.note and f'  ({decision.note})'}"
            )
    typer.echo(
        f"{len(results.environments)} environments in {target}. Next: tunebound report {target}"
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
) -> None:
    """Draw every figure of a study as a file of its own."""
    from tunebound._ground.checks import choice
    from tunebound.theory.engine.loading import load
    from tunebound.theory.engine.manifests import read_manifest
    from tunebound.theory.engine.setting import find_setting

    choice("--format", form, ("png", "pdf", "svg"))
    results = load(directory)
    presentation = find_setting(read_manifest(directory)["setting"]).presentation()
    target = output or directory / "figures"
    target.mkdir(parents=True, exist_ok=True)
    for name, illustration in presentation.figures(results).items():
        path = target / f"{name}.{form}"
        illustration.draw(results).savefig(path, dpi=150)
        typer.echo(path)


def report(
    directory: Directory,
    output: Annotated[
        Path | None,
        output_path("The HTML file; DIRECTORY/report.html by default."),
    ] = None,
) -> None:
    """Write verdicts, rates, figures and certificates of a study as one HTML file."""
    from tunebound import theory

    typer.echo(theory.report(directory, output=output))
