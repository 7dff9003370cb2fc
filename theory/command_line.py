"""The command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tunebound import synthetic
from tunebound.theory.engine import reporting
from tunebound.theory.engine import study as studies
from tunebound.theory.engine.hypothesis import Hypothesis, decide, hypotheses, verify_hypothesis
from tunebound.theory.engine.setting import find_setting, settings
from tunebound.theory.engine.statement import Theorem, find_theorem, theorems
from tunebound.theory.engine.verdict import second_opinions
from tunebound.theory.engine.verdict import verify as verify_theorem

app = typer.Typer(
    help=(
        "Check the theory of fine-tuning stability against measurement.\n\nA typical session:"
        " `tunebound run` computes a suite of data sets with planted truth, every left-out head and"
        " every bound; `tunebound report` writes the verdicts and figures as one HTML file."
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

DEFAULT_SETTING = "head"

Jobs = Annotated[
    int | None,
    typer.Option(min=1, help="Processes; all cores by default. Results do not depend on it."),
]
Steps = Annotated[
    float | None,
    typer.Option(
        help="Gradient steps of every run, at least 1; 1e30 for heads, else as the setting says."
    ),
]
Exact = Annotated[
    bool | None,
    typer.Option(
        "--exact",
        help=(
            "Heads: take every step, instead of following them in log-time; then name --steps,"
            " 10000 say."
        ),
    ),
]
Weighting = Annotated[
    str | None,
    typer.Option(
        help='Weight of the other samples when one is left out: "1/n" (default) or "1/(n-1)".'
    ),
]
RateFraction = Annotated[
    float | None,
    typer.Option(help="Heads: step size as a share of the limit 2/β, in (0, 1]; 0.5 by default."),
]
Device = Annotated[
    str | None,
    typer.Option(
        help='Heads and networks: "auto" (CUDA where there is one, the default), "cpu" or "cuda".'
    ),
]
Dtype = Annotated[
    str | None,
    typer.Option(
        help='Heads, with --exact: arithmetic, "float64" (default), "mixed" or "float32".'
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the suite.")]
Directory = Annotated[Path, typer.Argument(help="Directory of a finished `tunebound run`.")]


def _given(**options: Any) -> dict[str, Any]:
    """The options that were set; the setting knows the defaults of the others."""
    steps = options.get("steps")
    if steps is not None and steps.is_integer() and abs(steps) < 2**53:
        options["steps"] = int(steps)
    return {name: value for name, value in options.items() if value is not None}


def _setting_of(suite: str) -> str:
    """The setting that a suite's name stands for: head tuning where it has such a suite, else the
    only one that has.
    """
    having = [found.name for found in settings().values() if suite in found.suite_names()]
    if DEFAULT_SETTING in having or len(having) == 1:
        return DEFAULT_SETTING if DEFAULT_SETTING in having else having[0]
    if having:
        raise ValueError(
            f"a suite named {suite!r} is in the settings {', '.join(having)}; name one with"
            " --setting"
        )
    known = sorted({name for found in settings().values() for name in found.suite_names()})
    raise ValueError(
        f"no suite of any setting is named {suite!r}. Known: {', '.join(known)}; `tunebound suites`"
        " lists them by setting"
    )


@app.command()
def run(
    setting: Annotated[
        str | None,
        typer.Option(
            help=(
                "What is tuned: head, full-quadratics, …; by default head, or the one setting that"
                " has the suite."
            )
        ),
    ] = None,
    suite: Annotated[
        str, typer.Option(help="Suite of data sets; `tunebound suites` lists them.")
    ] = "standard",
    output: Annotated[
        Path | None,
        typer.Option(help="Directory of the study; runs/SUITE or runs/SETTING-SUITE by default."),
    ] = None,
    seed: Seed = 0,
    steps: Steps = None,
    exact: Exact = None,
    weighting: Weighting = None,
    rate_fraction: RateFraction = None,
    device: Device = None,
    dtype: Dtype = None,
    jobs: Jobs = None,
) -> None:
    """Compute a suite: every left-out run, every bound. Interrupted, the same command continues."""
    setting = _setting_of(suite) if setting is None else setting
    target = output or Path("runs") / (
        suite if setting in (DEFAULT_SETTING, suite) else f"{setting}-{suite}"
    )
    options = _given(
        steps=steps,
        exact=exact,
        weighting=weighting,
        rate_fraction=rate_fraction,
        device=device,
        dtype=dtype,
    )
    try:
        results = studies.run(studies.Study(setting, suite, seed, options), target, jobs=jobs)
    except KeyboardInterrupt:
        typer.echo(
            f"tunebound: interrupted; finished shards are kept in {target}, the same command"
            " continues",
            err=True,
        )
        raise typer.Exit(130) from None
    for verdict in reporting.judge_all(target, results):
        typer.echo(f"{verdict.status:>22}  {verdict.theorem.name}")
    for decision in decide(list(hypotheses(setting).values()), results):
        if decision.units:
            typer.echo(f"{decision.status:>22}  {decision.hypothesis.name}  {decision.effect}")
    typer.echo(
        f"{len(results.environments)} environments in {target}. Next: tunebound report {target}"
    )


@app.command()
def verify(
    theorem: Annotated[
        str,
        typer.Argument(help="Name of a theorem or a hypothesis; `tunebound theorems` lists them."),
    ],
    suite: Annotated[
        str, typer.Option(help="Suite of data sets; `tunebound suites` lists them.")
    ] = "smoke",
    data: Annotated[
        Path | None,
        typer.Option(
            help="One stored data set (.npz) instead of a suite, for example a counterexample."
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option(help="Directory that receives the smallest counterexample.")
    ] = Path("runs/counterexamples"),
    seed: Seed = 0,
    steps: Steps = None,
    exact: Exact = None,
    weighting: Weighting = None,
    rate_fraction: RateFraction = None,
    device: Device = None,
    dtype: Dtype = None,
    jobs: Jobs = None,
) -> None:
    """Test one theorem, or one hypothesis, and print the verdict. Exits with 1 if it is refuted."""
    options = _given(
        steps=steps,
        exact=exact,
        weighting=weighting,
        rate_fraction=rate_fraction,
        device=device,
        dtype=dtype,
    )
    if theorem in hypotheses():
        claim = hypotheses()[theorem]
        if data is not None:
            raise ValueError(
                f"{theorem} is a hypothesis, which takes a suite to decide; leave out --data"
            )
        decision = verify_hypothesis(claim, suite, seed=seed, jobs=jobs, **options)
        typer.echo(str(decision))
        if decision.status == "refuted":
            raise typer.Exit(1)
        return
    found = find_theorem(theorem)
    found_setting = find_setting(found.setting)
    members = suite if data is None else [found_setting.load(data)]
    verdict = verify_theorem(
        found, members, seed=seed, output=None if data else output, jobs=jobs, **options
    )
    typer.echo(str(verdict))
    if verdict.violation is not None:
        suite_members = found_setting.suite(suite, seed) if data is None else members
        for sentence in second_opinions(verdict, suite_members[verdict.violation.member], options):
            typer.echo(f"  {sentence}")
        raise typer.Exit(1)


@app.command()
def plot(
    directory: Directory,
    output: Annotated[
        Path | None, typer.Option(help="Directory of the figures; DIRECTORY/figures by default.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="png, pdf or svg.")] = "png",
) -> None:
    """Draw every figure of a study as a file of its own."""
    # slow to import, and no other command draws
    from tunebound.theory.engine.presentation import find_presentation

    if form not in ("png", "pdf", "svg"):
        raise ValueError(f"--format must be png, pdf or svg, got {form!r}")
    results = studies.load(directory)
    presentation = find_presentation(studies.read_manifest(directory)["setting"])
    target = output or directory / "figures"
    target.mkdir(parents=True, exist_ok=True)
    for name, illustration in presentation.figures(results).items():
        path = target / f"{name}.{form}"
        illustration.draw(results).savefig(path, dpi=150)
        typer.echo(path)


@app.command()
def report(
    directory: Directory,
    output: Annotated[
        Path | None, typer.Option(help="The HTML file; DIRECTORY/report.html by default.")
    ] = None,
) -> None:
    """Write verdicts, rates, figures and certificates of a study as one self-contained HTML
    file.
    """
    typer.echo(reporting.report(directory, output=output))


@app.command(name="theorems")
def list_theorems() -> None:
    """List the theorems and hypotheses, their statements and sources."""
    listed: list[Theorem | Hypothesis] = [*theorems().values(), *hypotheses().values()]
    for known in listed:
        typer.echo(f"{known.name} [{known.setting}]\n    {known.statement}\n    {known.source}")


@app.command()
def families() -> None:
    """List the families of synthetic data sets and their options."""
    for name, family in synthetic.families().items():
        typer.echo(f"{name}\n    {family.summary}")
        for option, about in family.options.items():
            typer.echo(f"    {option} = {about.default}: {about.meaning}")


@app.command()
def suites() -> None:
    """List the suites of every setting and their sizes."""
    for found in settings().values():
        typer.echo(f"{found.name}: {found.summary}")
        for name in found.suite_names():
            typer.echo(f"    {name:10} {len(found.suite(name, 0).specifications):6,} members")


def main() -> None:
    """Run the command line; what a user can mend is one line on standard error and exit status
    2.
    """
    try:
        app()
    except (ValueError, TypeError, OSError, ArithmeticError) as error:
        typer.echo(f"tunebound: {error}", err=True)
        sys.exit(2)
