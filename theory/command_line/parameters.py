"""Parameters that commands share, the options of a study among them, and what completes them."""

import functools
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

# What computes is imported by the commands that need it: --help answers at once.
if TYPE_CHECKING:
    from tunebound.theory.engine.setting import Setting


def complete_theorems() -> list[str]:
    from tunebound import theory

    return [*theory.theorems(), *theory.hypotheses()]


def complete_settings() -> list[str]:
    from tunebound import theory

    return list(theory.settings())


def complete_suites() -> list[str]:
    from tunebound import theory

    return sorted({name for each in theory.settings().values() for name in each.suite_names()})


def _named(text: str) -> Path:
    if not text:
        raise typer.BadParameter("it is empty text; name a file or directory, or leave it out")
    return Path(text)


def output_path(meaning: str) -> Any:
    return typer.Option(parser=_named, metavar="PATH", help=meaning)


Directory = Annotated[Path, typer.Argument(help="Directory of a finished `tunebound run`.")]
Suite = Annotated[
    str,
    typer.Option(
        help="Suite of data sets; `tunebound suites` lists them.", autocompletion=complete_suites
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


def computes(command: Callable[..., None]) -> Callable[..., None]:
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
