"""The command `tunebound certify`: files in, a certificate out, a status for scripts."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

# What computes is imported when it is needed: --help answers at once.
if TYPE_CHECKING:
    from tunebound.theory.certification.certificate import Certificate

KINDS = "npy, npz, csv, tsv, parquet, feather, arrow, jsonl, safetensors, pt"
CLASSES = ("softmax", "one-vs-rest", "all-pairs")


def certify(
    features: Annotated[
        Path, typer.Argument(metavar="FEATURES", help=f"File of features: {KINDS}.")
    ],
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN|FILE",
            help=(
                "Column or array of FEATURES with the labels, or another file; by default the one"
                " named y, label, labels, target, targets or class."
            ),
        ),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File of test features, with the same columns; its labels are not needed.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help=(
                "Columns that make up the features; by default the one of vectors, or all but the"
                " labels and what is shown."
            ),
        ),
    ] = None,
    classes: Annotated[
        str,
        typer.Option(help=f"How several classes are told apart: {', '.join(CLASSES)}."),
    ] = "softmax",
    constant: Annotated[
        float | None,
        typer.Option(help="Append a feature of this value to every row, above 0, as an intercept."),
    ] = None,
    centre: Annotated[
        bool, typer.Option("--centre", help="Subtract the mean of each training feature.")
    ] = False,
    scale: Annotated[
        bool,
        typer.Option("--scale", help="Divide each feature by its training standard deviation."),
    ] = False,
    exact: Annotated[
        str,
        typer.Option(
            metavar="K|all|auto",
            help=(
                "Heads to compute without one sample each: the K that can move it most, all, or all"
                " where that is cheap."
            ),
        ),
    ] = "auto",
    group: Annotated[
        int, typer.Option(min=1, help="Speak also of removals of up to this many samples together.")
    ] = 1,
    measured: Annotated[
        bool, typer.Option("--measured", help="Train every left-out head too, and compare.")
    ] = False,
    lam: Annotated[
        float | None,
        typer.Option(
            help="Weight of the penalty where the data cannot be separated; chosen by default."
        ),
    ] = None,
    show: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help=(
                "What the page shows of a sample: a column of text, of images, or of paths to"
                " images in the folder of FEATURES."
            ),
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the certificate as one page.")
    ] = None,
    json: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|-",
            help="Write every number as JSON; - prints it instead of the summary.",
        ),
    ] = None,
    fail_above: Annotated[
        float | None,
        typer.Option(
            help=(
                "Exit with status 1 above this. With --test: above this share of the test"
                " predictions that one training sample, whichever has the largest certified reach,"
                " can change. Without: above this certified instability, the bound on the mean"
                " distance between the head's direction with and without a sample."
            ),
        ),
    ] = None,
) -> None:
    """Certify how far a linear head on your own features moves when one sample is left out.

    The promise follows from one solve and covers every training sample; heads without a sample are
    computed where that is cheap, or as --exact says. A file is a table, one row a sample, or named
    arrays; its ending says the kind, and nothing in it is ever executed. Rows are counted from 0,
    without the header.

    **Status**: 0 when the certificate was made; 1 when --fail-above was given and exceeded; 2 on
    any error, which is one line on standard error. Files are written whole or not at all.

    **Examples**

    `tunebound certify features.npz --test test.npz --html certificate.html`

    `tunebound certify reviews.parquet --labels stars --columns embedding --show text --json -`
    """
    from tunebound import theory
    from tunebound._ground.checks import choice, real_number
    from tunebound._ground.storage import write_text
    from tunebound.theory.certification.reading import read

    choice("--classes", classes, CLASSES)
    if fail_above is not None:
        real_number("--fail-above", fail_above, low=0)
    printed = json == "-"
    stored = None if json is None or printed else Path(json)
    sources = [Path(source) for source in (features, labels, test) if source is not None]
    _require_writable({"--html": html, "--json": stored}, sources)
    heads = _exact(exact)
    given = read(
        features,
        labels=labels,
        test=test,
        columns=None if columns is None else columns.split(","),
        show=show,
    )
    certificate: Certificate = theory.certify(
        given.X,
        given.y,
        X_test=given.X_test,
        classes=classes,
        constant=constant,
        centre=centre,
        scale=scale,
        exact=heads,
        group=group,
        measured=measured,
        lam=lam,
        content=given.content,
    )
    if html is not None:
        certificate.to_html(html)
    if stored is not None:
        write_text(stored, _as_json(certificate))
    typer.echo(_as_json(certificate) if printed else str(certificate))
    if fail_above is not None and _judged(certificate) > fail_above:
        raise typer.Exit(1)


def _judged(certificate: "Certificate") -> float:
    """The number that --fail-above is held against."""
    if certificate.predictions is None:
        return certificate.instability
    return certificate.predictions.largest_reach


def _exact(value: str) -> str | int:
    if value in ("auto", "all"):
        return value
    if not value.isdecimal():
        raise ValueError(f"--exact must be a number of samples, all or auto, got {value!r}")
    return int(value)


def _require_writable(targets: Mapping[str, Path | None], inputs: Iterable[Path]) -> None:
    """Raise unless each option names a file of its own, in a directory that there is."""
    taken = {path.resolve(): f"would replace {path}, which is read" for path in inputs}
    for option, target in targets.items():
        if target is None:
            continue
        if target.is_dir():
            raise IsADirectoryError(f"{option}: {target} is a directory: name a file in it")
        if not target.parent.is_dir():
            raise FileNotFoundError(
                f"{option}: there is no directory {target.parent}: make it first"
            )
        if target.resolve() in taken:
            raise ValueError(f"{option} {taken[target.resolve()]}: name another file")
        taken[target.resolve()] = f"and {option} name one file, {target}"


def _as_json(certificate: "Certificate") -> str:
    from json import dumps

    return dumps(certificate.to_dict(), allow_nan=False, ensure_ascii=False)
