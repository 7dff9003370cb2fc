"""The application: every command under its name, and what a user reads where one fails."""

import atexit
import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress
from importlib.metadata import version
from types import FrameType
from typing import Annotated

import typer

from tunebound.theory.certification.command import certify
from tunebound.theory.command_line import listing, printing, studying, testing

SIGNALLED = 128  # and the signal's number: the status of what a signal has ended

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


# In the order of --help.
for command in (
    studying.run,
    studying.merge,
    testing.verify,
    testing.falsify,
    studying.plot,
    studying.report,
    certify,
):
    app.command()(command)
app.command(name="theorems")(listing.list_theorems)
for command in (listing.families, listing.methods, listing.suites):
    app.command()(command)
app.command(name="options")(listing.list_options)


def main() -> None:
    """Run the command line; what a user can mend is one line on standard error and status 2. As
    shells tell it, an interruption is status 130.
    """
    try:
        app(prog_name="tunebound")
    except KeyboardInterrupt:  # while the command is still looked up
        sys.exit(SIGNALLED + signal.SIGINT)
    except OSError as error:
        printing.complaint(_in_words(error))
        sys.exit(2)
    except (ValueError, TypeError, ArithmeticError) as error:
        printing.complaint(str(error))
        sys.exit(2)


def program() -> None:
    """`main` in a process of its own, which ends when the command has: Python would free all memory
    object by object yet, which takes half a second. Asked to terminate, it ends its helpers first
    (they would wait for work for minutes) and has status 143.
    """
    # Arrow's own pool takes memory from the system piece by piece, which slows the reading of a
    # study by half
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell; libraries write to it all the same
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminated)
    try:
        main()
    except SystemExit as ended:
        if not isinstance(ended.code, int):
            raise
        status = ended.code
    else:
        status = 0
    processes = sys.modules.get("tunebound.theory.engine.processes")
    if processes is not None:  # only what computes imports it
        processes.end()
    threads = [thread for thread in threading.enumerate() if not thread.daemon]
    if len(threads) > 1 or multiprocessing.active_children():  # Python waits for others in its way
        sys.exit(status)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # a reader that left, a full disk: the status is known
            stream.flush()
    atexit._run_exitfuncs()
    os._exit(status)


def _terminated(number: int, frame: FrameType | None) -> None:
    sys.exit(SIGNALLED + number)


def _in_words(error: OSError) -> str:
    """What the system refused, on which file, and what to give instead."""
    if error.filename is None:
        return str(error)
    name = f"{os.fspath(error.filename)!r}"
    if isinstance(error, FileNotFoundError):
        return f"{name} does not exist and cannot be made; check the path"
    if isinstance(error, IsADirectoryError):
        return f"{name} is a directory; name a file"
    if isinstance(error, NotADirectoryError):
        return f"{name} lies below a file; name a directory"
    return f"{name} cannot be read or written here ({error.strerror}); choose another path"
