"""The command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import synthetic
from theory import reporting
from theory import study as studies
from theory.settings import find_setting
from theory.statement import find_theorem, theorems
from theory.verdict import verify as verify_theorem

app = typer.Typer(
    help="Check the theory of fine-tuning stability against measurement.\n\n"
    "A typical session: `tunebound run` computes a suite of data sets with planted truth, every left-out head and every bound; "
    "`tunebound report` writes the verdicts and figures as one HTML file.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

Jobs = Annotated[int | None, typer.Option(min=1, help="Processes; all cores by default. Results do not depend on it.")]
Steps = Annotated[int, typer.Option(help="Gradient steps of every head, at least 1.")]
Weights = Annotated[str, typer.Option(help='Weight of the other samples when one is left out: "1/n" or "1/(n-1)".')]
RateFraction = Annotated[float, typer.Option(help="Step size as a share of the stability limit 2/β, in (0, 1].")]
Device = Annotated[str, typer.Option(help='"auto" (CUDA where there is one), "cpu" or "cuda".')]
Dtype = Annotated[str, typer.Option(help='Arithmetic of the heads: "float64" or "float32".')]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the suite.")]
Directory = Annotated[Path, typer.Argument(help="Directory of a finished `tunebound run`.")]


@app.command()
def run(
    suite: Annotated[str, typer.Option(help="Suite of data sets; `tunebound suites` lists them.")] = "standard",
    output: Annotated[Path | None, typer.Option(help="Directory of the study; runs/SUITE by default.")] = None,
    seed: Seed = 0,
    steps: Steps = 10_000,
    weights: Weights = "1/n",
    rate_fraction: RateFraction = 0.5,
    device: Device = "auto",
    dtype: Dtype = "float64",
    jobs: Jobs = None,
) -> None:
    """Compute a suite: separators, every left-out head, every bound. Interrupted, the same command continues."""
    target = output or Path("runs") / suite
    options = {"steps": steps, "weights": weights, "rate_fraction": rate_fraction, "device": device, "dtype": dtype}
    results = studies.run(studies.Study("head", suite, seed, options), target, jobs=jobs)
    for verdict in reporting.judge_all(target, results):
        typer.echo(f"{verdict.status:>22}  {verdict.theorem.name}")
    typer.echo(f"{len(results.environments)} data sets in {target}. Next: tunebound report {target}")


@app.command()
def verify(
    theorem: Annotated[str, typer.Argument(help="Name of a theorem; `tunebound theorems` lists them.")],
    suite: Annotated[str, typer.Option(help="Suite of data sets; `tunebound suites` lists them.")] = "smoke",
    data: Annotated[Path | None, typer.Option(help="One stored data set (.npz) instead of a suite, for example a counterexample.")] = None,
    output: Annotated[Path, typer.Option(help="Directory that receives the smallest counterexample.")] = Path("runs/counterexamples"),
    seed: Seed = 0,
    steps: Steps = 10_000,
    weights: Weights = "1/n",
    rate_fraction: RateFraction = 0.5,
    device: Device = "auto",
    dtype: Dtype = "float64",
    jobs: Jobs = None,
) -> None:
    """Test one theorem and print the verdict. Exits with 1 if it is refuted."""
    found = find_theorem(theorem)
    options = {"steps": steps, "weights": weights, "rate_fraction": rate_fraction, "device": device, "dtype": dtype}
    members = suite if data is None else [find_setting(found.setting).load(data)]
    verdict = verify_theorem(found, members, seed=seed, output=None if data else output, jobs=jobs, **options)
    typer.echo(str(verdict))
    if verdict.status == "refuted":
        raise typer.Exit(1)


@app.command()
def plot(
    directory: Directory,
    output: Annotated[Path | None, typer.Option(help="Directory of the figures; DIRECTORY/figures by default.")] = None,
    form: Annotated[str, typer.Option("--format", help="png, pdf or svg.")] = "png",
) -> None:
    """Draw every figure of a study as a file of its own."""

    from theory import plots  # slow to import, and no other command draws

    if form not in ("png", "pdf", "svg"):
        raise ValueError(f"--format must be png, pdf or svg, got {form!r}")
    results = studies.load(directory)
    target = output or directory / "figures"
    target.mkdir(parents=True, exist_ok=True)
    for name, draw in plots.drawable(results).items():
        path = target / f"{name}.{form}"
        draw(results).savefig(path, dpi=150)
        typer.echo(path)


@app.command()
def report(
    directory: Directory,
    output: Annotated[Path | None, typer.Option(help="The HTML file; DIRECTORY/report.html by default.")] = None,
) -> None:
    """Write verdicts, rates, figures and certificates of a study as one self-contained HTML file."""
    typer.echo(reporting.report(directory, output=output))


@app.command(name="theorems")
def list_theorems() -> None:
    """List the theorems, their statements and sources."""
    for known in theorems().values():
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
    """List the suites of data sets and their sizes."""
    for name in synthetic.suite_names():
        suite = synthetic.make_suite(name)
        kinds = len({specification.family for specification in suite.specifications})
        typer.echo(f"{name:10} {len(suite):6,} data sets of {kinds} families")


def main() -> None:
    """Run the command line; what a user can mend is one line on standard error and exit status 2."""
    try:
        app()
    except (ValueError, TypeError, OSError) as error:
        typer.echo(f"tunebound: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("tunebound: interrupted; finished shards are kept, the same command continues", err=True)
        sys.exit(130)
