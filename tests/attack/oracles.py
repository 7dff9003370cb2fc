"""Independent routes for answers to malformed arguments: formulas with 50 digits, margins by exact
rationals, and the answer to the same numbers in another form.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from mpmath import mp, mpf

from tests.attack.arguments import TABLE
from tests.oracles import (
    full_formulas,
    head_formulas,
    literature_formulas,
    multi_class_formulas,
    multi_head_formulas,
)
from tests.oracles.rational_margin import squared_margin
from tunebound._ground.checks import real_array

FORMULAS = {
    "bounds.head.": head_formulas,
    "bounds.full.": full_formulas,
    "bounds.multi_head.": multi_head_formulas,
    "bounds.multi_class.": multi_class_formulas,
    "bounds.literature.": literature_formulas,
}
RELATIVE = 1e-9


def differs(value, known):
    """Whether two answers are not the same numbers, to rounding."""
    first, second = numbers(value), numbers(known)
    if len(first) != len(second):
        return f"other form, {len(first)} numbers instead of {len(second)}"
    scale = np.abs(second[np.isfinite(second)]).max(initial=0.0)
    if not np.allclose(first, second, rtol=1e-9, atol=1e-9 * scale + 1e-12, equal_nan=True):
        return "the same numbers in another form are answered otherwise"
    return None


def numbers(value):
    """Every number of an answer, in one array."""
    if isinstance(value, torch.Tensor):
        return value.detach().double().numpy().ravel()
    if isinstance(value, (int, float, np.ndarray, np.generic)):
        array = np.asarray(value)
        return array.astype(float).ravel() if array.dtype.kind in "biuf" else np.empty(0)
    if isinstance(value, torch.nn.Module):
        parts = list(value.parameters())
    elif isinstance(value, dict):
        parts = list(value.values())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        # times differ from call to call
        parts = [
            getattr(value, each.name)
            for each in dataclasses.fields(value)
            if each.name != "seconds"
        ]
    else:
        parts = list(value) if isinstance(value, (list, tuple)) else []
    return np.concatenate([np.empty(0), *map(numbers, parts)])


def wrong(path, value, arguments):
    """What is wrong with an answer by an independent route, or None, also where there is none."""
    prefix = path.rpartition(".")[0] + "."
    oracle = getattr(FORMULAS.get(prefix), path.rpartition(".")[2], None)
    if oracle is not None and _shaped(TABLE[path](), arguments):
        return _wrong_formula(oracle, value, arguments)
    if path in ("tuning.tune_heads", "tuning.flow_heads"):
        return _undirected(value)
    if path in INFINITE or path in CERTIFIED:
        given = {
            name: real_array(name, each) if np.ndim(each) else float(each)
            for name, each in arguments.items()
        }
        return (INFINITE | CERTIFIED)[path](value, **given)
    if path == "bounds.max_margin" and all(map(_is_array, arguments.values())):
        return _wrong_margin(value, arguments)
    return None


def _wrong_formula(oracle, value, arguments):
    if not all(_plain(each) for each in arguments.values()):
        return None  # the formulas on paper take numbers, and one list where they have samples
    longest = max(map(np.size, arguments.values()))
    arguments = {  # one number for every sample
        name: list(each) * longest if np.ndim(each) and len(each) == 1 else each
        for name, each in arguments.items()
    }
    for digits in (50, 2000):  # where differences on paper cancel: once more with all digits
        with mp.workdps(digits):
            said = _far(value, np.ravel(oracle(**arguments)))
        if said is None:
            return None
    return said


def _far(value, exact):
    for mine, theirs in zip(np.ravel(value), exact, strict=True):
        if abs(mpf(float(mine)) - theirs) > RELATIVE * abs(theirs) + mpf(5e-324):
            return f"{float(mine)!r} instead of {mp.nstr(theirs, 20)}"
    return None


def _undirected(run):
    """Directions are NaN where a head is exactly zero, and nowhere else."""
    zero = run.norm == 0
    for found, where in (
        (run.margin, zero),
        (run.direction_distance, zero[..., 1:] | zero[..., :1]),
    ):
        if not np.array_equal(~np.isfinite(found), where):
            return "a direction of a head that is not zero is not finite"
    return None


def _is_array(value):
    return isinstance(value, np.ndarray) and value.dtype.kind in "iuf"


def _shaped(valid, arguments):
    """Whether lists are where the formula on paper has them."""
    return all(np.ndim(arguments[name]) == np.ndim(each) for name, each in valid.items())


def _plain(value):
    if isinstance(value, (list, np.ndarray)) and np.ndim(value) == 1:
        return all(_plain(each) for each in value)
    return type(value) in (int, float, str, bool, np.float64, np.bool_)


def _wrong_margin(separator, arguments):
    X, y = (np.asarray(arguments[name], dtype=float) for name in ("X", "y"))
    if X.shape[0] > 10 or X.shape[1] > 3:
        return None
    square = squared_margin(X, y, guess=separator.support)
    if square is None:
        return "a margin of what nothing separates"
    ratio = mpf(separator.margin) ** 2 * mpf(square.denominator) / mpf(square.numerator)
    return None if abs(ratio - 1) < 1e-6 else f"the squared margin is {float(ratio)} of the exact"


def _wrong_count(value, *, points, weights, margin, radius):
    """What exact numbers give, or more by its rounding; infinite where that hides the side."""
    allowance = mpf(2 * (len(weights) + 9)) * mpf(2) ** -52
    with mp.workdps(700):
        for mine, point in zip(value, points, strict=True):
            x, w = _exactly(point), _exactly(weights)
            share = abs(mp.fdot(x, w)) / (mp.norm(x) * mp.norm(w))
            exact = mpf(float(radius)) / mpf(float(margin)) / share if share else mp.inf
            most = exact * share / (share - allowance) if share > allowance else mp.inf
            if not exact * (1 - RELATIVE) <= mpf(float(mine)) <= most * (1 + RELATIVE):
                return f"{float(mine)!r} instead of {mp.nstr(exact, 20)}"
    return None


def _exactly(values):
    return [mpf(float(each)) for each in values]


def _unsound(reach):
    """Judge of certificates of predictions: where one is given, |x·w| > reach(x, w, i) exactly."""

    def judge(value, *, points, weights, **known):
        with mp.workdps(700):
            w = _exactly(weights)
            for point, certified in zip(points, value, strict=True):
                x = _exactly(point)
                for i in np.flatnonzero(certified):
                    if not abs(mp.fdot(x, w)) > reach(x, w, i, **known):
                        return f"point {point} is certified for sample {i}"
        return None

    return judge


def _reach_of_angle(x, w, i, *, distance, gap=0.0):
    between = mpf(float(distance[i])) + mp.sqrt(2 - 2 * mp.sqrt(1 - mpf(float(gap))))
    return mp.norm(x) * mp.norm(w) * (mp.sin(2 * mp.asin(between / 2)) if between**2 < 2 else 1)


def _reach_of_drift(x, w, i, *, drift):
    return mp.norm(x) * mpf(float(drift[i]))


def _reach_of_ball(x, w, i, *, diameter):
    e = _exactly(diameter[i])
    return (mp.norm(x) * mp.norm(e) + mp.sign(mp.fdot(x, w)) * mp.fdot(x, e)) / 2


# Certificates: none may be given wrongly.
CERTIFIED = {
    "bounds.churn.angle": _unsound(_reach_of_angle),
    "bounds.churn.drift": _unsound(_reach_of_drift),
    "bounds.churn.ball": _unsound(_reach_of_ball),
}

# Answers that may be infinite, and what says where.
INFINITE = {"bounds.churn.count": _wrong_count}
