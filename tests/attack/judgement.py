"""What counts as right: one function judges every call of the attack."""

from __future__ import annotations

import dataclasses
import linecache
import re
import signal
import threading
import time
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import tunebound.bounds

TREE = Path(tunebound.bounds.__file__).parents[1]
LIMIT = 60.0  # seconds, also where other processes compete for the cores
ANSWER, REFUSAL, UNNAMED, WRONG, HANG = "answer", "refusal", "unnamed refusal", "wrong", "hang"
BUILTIN_REFUSALS = (TypeError, ValueError)
# beyond float64, not convergent, and what a path or a package that is not installed leads to
DOCUMENTED = (OverflowError, FloatingPointError, OSError, ImportError)
# what is documented as infinite, or as NaN for "there is none"
MAY_BE_INFINITE = {
    ("Asymptote", "onset"),
    ("ApproximateLeaveOneOut", "tau"),
    ("ApproximateLeaveOneOut", "reach"),
    ("ApproximateLeaveOneOut", "error"),
    ("ApproximateLeaveOneOut", "distance"),
    ("Certificate", "along_training"),
    ("Estimate", "error"),
    ("HeadRun", "direction_distance"),  # of heads that are zero, see oracles.py
    ("HeadRun", "direction_error"),
    ("HeadRun", "margin"),
    ("Option", "high"),
    ("Theorem", "maximum"),
    ("Falsification", "steps"),
}


class TooLong(BaseException):
    """Raised by the alarm, past every handler of the tree."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a call came to.

    Attributes
    ----------
    kind : str
        One of the five above.
    said : str
        The error, or what is wrong.
    value : object
        The answer.
    """

    kind: str
    said: str = ""
    value: object = None


def judge(call, arguments, names, *, right=None, infinite=False):
    """Call and judge.

    An answer is finite, leaves its arguments as they were, warns of nothing and passes `right`,
    which returns what is wrong with it; with `infinite` that alone says what may be infinite. A
    refusal is raised by a line of the package, is a TypeError, a ValueError, one of its own classes
    or of the documented ones, and names one of the arguments in `names`, or repeats what text was
    given. Anything else is wrong.
    """
    before = {name: fingerprint(value) for name, value in arguments.items()}
    outcome = _outcome(call, arguments, names)
    changed = [name for name, value in arguments.items() if fingerprint(value) != before[name]]
    if changed:
        return Outcome(WRONG, f"changed its argument {changed[0]}")
    if outcome.kind == ANSWER:
        wrong = None if infinite else not_finite(outcome.value)
        wrong = wrong or (right(outcome.value) if right else None)
        if wrong:
            return Outcome(WRONG, wrong)
    return outcome


def _outcome(call, arguments, names):
    started = time.monotonic()
    try:
        with warnings.catch_warnings(), time_limit(LIMIT):
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", ResourceWarning)
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch")
            value = call(**arguments)
    except TooLong:
        return Outcome(HANG, f"more than {LIMIT:g} s")
    except Warning as warning:
        return Outcome(WRONG, f"warned: {type(warning).__name__}: {warning}")
    except Exception as error:
        given = [each for each in arguments.values() if isinstance(each, str)]
        called = ["named"] if "name" in names else []  # "no setting is named …"
        return refusal(error, [*names, *called, *map(repr, given)])
    if time.monotonic() - started > LIMIT:
        return Outcome(HANG, f"more than {LIMIT:g} s")
    return Outcome(ANSWER, value=value)


def refusal(error, names):
    """An exception as a refusal, or as what is wrong with it."""
    said = f"{type(error).__name__}: {error}"
    kind = type(error)
    if not (
        kind in (*BUILTIN_REFUSALS, *DOCUMENTED)
        or issubclass(kind, OSError)
        or kind.__module__.startswith("tunebound.")
    ):
        return Outcome(WRONG, said)
    if not (isinstance(error, OSError) or _raised_on_purpose(error)):
        return Outcome(WRONG, f"{said} (not raised by a check)")
    if isinstance(error, OverflowError) and "for these arguments" in said:
        return Outcome(REFUSAL, said)  # the result is beyond float64, whichever argument it is
    if any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", said) for name in names):
        return Outcome(REFUSAL, said)
    return Outcome(UNNAMED, said)


def _raised_on_purpose(error):
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    source = trace.tb_frame.f_code.co_filename
    if not Path(source).is_relative_to(TREE) or Path(source).is_relative_to(TREE / "tests"):
        return False
    return linecache.getline(source, trace.tb_lineno).lstrip().startswith("raise")


class time_limit:
    """Raise TooLong in the block after some seconds, where signals reach: in the main thread."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self.before = signal.signal(signal.SIGALRM, self._stop)
            signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def __exit__(self, *error):
        if threading.current_thread() is threading.main_thread():
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self.before)

    @staticmethod
    def _stop(number, frame):
        raise TooLong


def not_finite(value, where="answer", depth=20):
    """Where a value holds NaN or infinity that nothing documents, or None."""
    if not depth:
        return None
    if isinstance(value, torch.Tensor):
        value = value.detach().float().numpy() if value.device.type == "cpu" else np.zeros(1)
    if isinstance(value, (float, np.ndarray, np.floating)):
        array = np.asarray(value)
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            return f"{where} is not finite"
        return None
    if isinstance(value, torch.nn.Module):
        return not_finite(list(value.parameters()), where, depth - 1)
    if isinstance(value, Mapping):
        parts = [(f"{where}[{key!r}]", each) for key, each in value.items()]
    elif isinstance(value, (list, tuple)):
        parts = [(f"{where}[{place}]", each) for place, each in enumerate(value)]
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = type(value).__name__
        parts = [
            (f"{where}.{field.name}", getattr(value, field.name))
            for field in dataclasses.fields(value)
            if (kind, field.name) not in MAY_BE_INFINITE
        ]
    else:
        return None
    found = (not_finite(each, place, depth - 1) for place, each in parts)
    return next(filter(None, found), None)


def fingerprint(value):
    """What tells whether an argument was changed: the bytes of arrays, the items of containers."""
    if isinstance(value, np.ndarray):
        data = value.tobytes() if value.dtype != object else repr(value)
        return (value.shape, value.dtype, value.flags.writeable, data)
    if isinstance(value, torch.Tensor):
        if value.is_meta or value.layout != torch.strided:
            return id(value)
        return (value.requires_grad, value.detach().double().numpy().tobytes())
    if isinstance(value, (pd.Series, pd.DataFrame)):
        return value.to_csv()
    if isinstance(value, (list, tuple, dict)):
        return _text(value)
    return id(value)


def _text(value):
    # a list that is too deep for repr is told by its outermost items
    try:
        return repr(value)
    except RecursionError:
        return (len(value), *map(id, value))
