"""The command line."""

import functools
import inspect
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tunebound.theory.certification.command import certify

# What computes is imported by the commands that need it: --help answers at once.
if TYPE_CHECKING:
    from tunebound.theory.engine.hypothesis import Hypothesis
    from tunebound.theory.engine.setting import Setting
    from tunebound.theory.engine.statement import Theorem

app = typer.Typer(
    help=(
        "Check the theory of fine-tuning stability against measurement.\n\nA typical session:"
        " `tunebound run` computes a suite of data sets with planted truth, every left-out head and"
        " every bound; `tunebound report` writes the verdicts and figures as one HTML file."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

DEFAULT_SETTING = "head"


def _complete_theorems() -> list[str]:
    from tunebound import theory

    return [*theory.theorems(), *theory.hypotheses()]


def _complete_settings() -> list[str]:
    from tunebound import theory

    return list(theory.settings())


def _complete_suites() -> list[str]:
    from tunebound import theory

    return sorted({name for each in theory.settings().values() for name in each.suite_names()})


Directory = Annotated[Path, typer.Argument(help="Directory of a finished `tunebound run`.")]
Suite = Annotated[
    str,
    typer.Option(
        help="Suite of data sets; `tunebound suites` lists them.", autocompletion=_complete_suites
    ),
]

# Options of a study that most settings know, each under its own name; every other one is reached by
# --set. None: the setting's default.
SHORTCUTS: dict[str, Any] = {
    "steps": Annotated[
        float | None,
        typer.Option(
            help=(
                "Gradient steps of every run, at least 1; 1e30 for heads, else as the setting says."
            )
        ),
    ],
    "exact": Annotated[
        bool | None,
        typer.Option(
            "--exact",
            help=(
                "Heads: take every step, instead of following them in log-time; then name --steps,"
                " 10000 say."
            ),
        ),
    ],
    "weighting": Annotated[
        str | None,
        typer.Option(
            help='Weight of the other samples when one is left out: "1/n" (default) or "1/(n-1)".'
        ),
    ],
    "rate_fraction": Annotated[
        float | None,
        typer.Option(
            help="Heads: step size as a share of the limit 2/β, in (0, 1]; 0.5 by default."
        ),
    ],
    "device": Annotated[
        str | None,
        typer.Option(help='"auto" (CUDA where there is one, the default), "cpu" or "cuda".'),
    ],
    "dtype": Annotated[
        str | None,
        typer.Option(help='Heads: arithmetic, "float64" (default), "mixed" or "float32".'),
    ],
}
# Parameters that every command has that computes.
COMMON: dict[str, tuple[Any, Any]] = {
    "seed": (Annotated[int, typer.Option(min=0, help="Seed of the suite.")], 0),
    "jobs": (
        Annotated[
            int | None,
            typer.Option(
                min=1, help="Processes; all cores by default. Results do not depend on it."
            ),
        ],
        None,
    ),
    "assignments": (
        Annotated[
            list[str] | None,
            typer.Option(
                "--set",
                metavar="NAME=VALUE",
                help=(
                    "Any option of the setting, for example --set batch_size=8; may be repeated."
                    " `tunebound options` lists them."
                ),
            ),
        ],
        None,
    ),
}

Options = Callable[["Setting"], dict[str, Any]]


def _computes(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a study.

    The command takes `seed`, `jobs` where it uses processes, and `options`: setting → the options
    that were set. The setting knows the defaults of the others.
    """
    taken = (*inspect.signature(command).parameters, "assignments")
    added = {
        **{name: each for name, each in COMMON.items() if name in taken},
        **{name: (annotation, None) for name, annotation in SHORTCUTS.items()},
    }

    @functools.wraps(command)
    def with_options(**values: Any) -> None:
        assignments = values.pop("assignments") or []
        named = {name: values.pop(name) for name in SHORTCUTS}
        command(**values, options=functools.partial(_options, assignments, named))

    own = [
        each
        for name, each in inspect.signature(command).parameters.items()
        if name not in ("options", *COMMON)
    ]
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in added.items()
    ]
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own] + more
    vars(with_options)["__signature__"] = inspect.Signature(parameters)
    with_options.__annotations__ = {each.name: each.annotation for each in parameters}
    return with_options


def _options(
    assignments: Iterable[str], named: dict[str, Any], setting: "Setting"
) -> dict[str, Any]:
    from tunebound.theory.engine.options import whole_if_exact

    chosen = {name: value for name, value in named.items() if value is not None}
    if "steps" in chosen:
        chosen["steps"] = whole_if_exact(chosen["steps"])
    return {**chosen, **setting.options.parse(assignments, setting=setting.name)}


def _setting_of(suite: str) -> str:
    """The setting that a suite's name stands for: head tuning where it has such a suite, else the
    only one that has.
    """
    from tunebound import theory

    settings = theory.settings()
    having = [name for name, setting in settings.items() if suite in setting.suite_names()]
    if DEFAULT_SETTING in having or len(having) == 1:
        return DEFAULT_SETTING if DEFAULT_SETTING in having else having[0]
    if having:
        raise ValueError(
            f"a suite named {suite!r} is in the settings {', '.join(having)}; name one with"
            " --setting"
        )
    known = sorted({name for setting in settings.values() for name in setting.suite_names()})
    raise ValueError(
        f"no suite of any setting is named {suite!r}. Known: {', '.join(known)}; `tunebound suites`"
        " lists them by setting"
    )


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"tunebound {version('tunebound')}")
        raise typer.Exit


@app.callback()
def tunebound(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


@app.command()
@_computes
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
            autocompletion=_complete_settings,
        ),
    ] = None,
    suite: Suite = "standard",
    output: Annotated[
        Path | None,
        typer.Option(help="Directory of the study; runs/SUITE or runs/SETTING-SUITE by default."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be computed, and stop.")
    ] = False,
) -> None:
    """Compute a suite: every left-out run, every bound. Interrupted, the same command continues."""
    from tunebound import theory
    from tunebound.theory.engine import reporting
    from tunebound.theory.engine.setting import find_setting

    chosen = find_setting(_setting_of(suite) if setting is None else setting)
    default = suite if chosen.name in (DEFAULT_SETTING, suite) else f"{chosen.name}-{suite}"
    target = output or Path("runs") / default
    study = theory.Study(chosen.name, suite, seed, options(chosen))
    if dry_run:
        typer.echo(study.summary(target))
        return
    try:
        results = theory.run(study, target, jobs=jobs)
    except KeyboardInterrupt:
        typer.echo(
            f"tunebound: interrupted; finished shards are kept in {target}, the same command"
            " continues",
            err=True,
        )
        raise typer.Exit(130) from None
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


@app.command()
@_computes
def verify(
    seed: int,
    jobs: int | None,
    options: Options,
    theorem: Annotated[
        str,
        typer.Argument(
            help="Name of a theorem or a hypothesis; `tunebound theorems` lists them.",
            autocompletion=_complete_theorems,
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
        Path, typer.Option(help="Directory that receives the smallest counterexample.")
    ] = Path("runs/counterexamples"),
) -> None:
    """Test one theorem or hypothesis and print the verdict; status 1 where it is violated."""
    from tunebound import theory
    from tunebound.theory.engine.computing import checked_options
    from tunebound.theory.engine.hypothesis import verify_hypothesis
    from tunebound.theory.engine.setting import find_setting
    from tunebound.theory.engine.statement import find_theorem
    from tunebound.theory.engine.verification import second_opinions

    if theorem in theory.hypotheses():
        hypothesis = theory.hypotheses()[theorem]
        if data is not None:
            raise ValueError(
                f"{theorem} is a hypothesis, which takes a suite to decide; leave out --data"
            )
        chosen = options(find_setting(hypothesis.setting))
        decision = verify_hypothesis(hypothesis, suite, seed=seed, jobs=jobs, **chosen)
        typer.echo(str(decision))
        if decision.status == "refuted":
            raise typer.Exit(1)
        return
    known = find_theorem(theorem)
    setting = find_setting(known.setting)
    chosen = options(setting)
    members: Any = suite if data is None else [setting.load(data)]
    verdict = theory.verify(
        known, members, seed=seed, output=None if data else output, jobs=jobs, **chosen
    )
    typer.echo(str(verdict))
    if verdict.violation is not None:
        if data is None:
            members = setting.suite(suite, seed, checked_options(setting, chosen))
        for sentence in second_opinions(verdict, members[verdict.violation.member], chosen):
            typer.echo(f"  {sentence}")
        raise typer.Exit(1)


@app.command()
@_computes
def falsify(
    seed: int,
    options: Options,
    theorem: Annotated[
        str,
        typer.Argument(
            help="Name of a theorem; `tunebound theorems` lists them.",
            autocompletion=_complete_theorems,
        ),
    ],
    budget: Annotated[
        int, typer.Option(min=100, help="Members to examine; the search ends at a violation.")
    ] = 6000,
    output: Annotated[
        Path, typer.Option(help="Directory that receives the data with the largest ratio.")
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


@app.command()
def plot(
    directory: Directory,
    output: Annotated[
        Path | None, typer.Option(help="Directory of the figures; DIRECTORY/figures by default.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="png, pdf or svg.")] = "png",
) -> None:
    """Draw every figure of a study as a file of its own."""
    from tunebound._ground.checks import choice
    from tunebound.theory.engine import studies
    from tunebound.theory.engine.setting import find_setting

    choice("--format", form, ("png", "pdf", "svg"))
    results = studies.load(directory)
    presentation = find_setting(studies.read_manifest(directory)["setting"]).presentation()
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
    """Write verdicts, rates, figures and certificates of a study as one HTML file."""
    from tunebound import theory

    typer.echo(theory.report(directory, output=output))


app.command()(certify)


@app.command(name="theorems")
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


@app.command()
def families() -> None:
    """List the families of synthetic data sets and their options."""
    from tunebound import synthetic

    for name, family in synthetic.families().items():
        typer.echo(f"{name}\n    {family.summary}")
        for option, about in family.options.items():
            typer.echo(f"    {option} = {about.default}: {about.meaning}")


@app.command()
def methods() -> None:
    """List the fine-tuning methods and their sources."""
    from tunebound import tuning

    for name, method in tuning.methods().items():
        typer.echo(f"{name}\n    {method.source}")


@app.command()
def suites() -> None:
    """List the suites of every setting and their sizes."""
    from tunebound import theory

    for setting in theory.settings().values():
        typer.echo(f"{setting.name}: {setting.summary}")
        for name in setting.suite_names():
            members = setting.suite(name, 0, setting.options()).specifications
            draws = len({setting.draw(each) for each in members})
            typer.echo(f"    {name:10} {len(members):6,} members, {draws:6,} independent draws")


@app.command(name="options")
def list_options() -> None:
    """List the options of every setting, which --set takes, with their defaults and meanings."""
    from tunebound import theory

    for setting in theory.settings().values():
        typer.echo(setting.name)
        for name, default, meaning in setting.options.described():
            typer.echo(f"    {name} = {default}: {meaning}")


def main() -> None:
    """Run the command line; what a user can mend is one line on standard error and status 2."""
    try:
        app()
    except (ValueError, TypeError, OSError, ArithmeticError) as error:
        typer.echo(f"tunebound: {error}", err=True)
        sys.exit(2)
