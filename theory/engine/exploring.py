"""The data sets of a study to be looked at one by one: a chart that a browser draws without a
network.

Vega-Lite, because the chart is data and not a program, and can be drawn without a browser too, for
tests; its scripts come from the package vl-convert (extra `explore`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.looks import MARKERS, look

ALL, NONE = "all", "none"
STEPS = 10  # numbers of steps that the slider has at most
DIGITS = 4  # significant digits of what is shown
SIZE = 380
LEAST = 1e-6  # what is smaller stands at the edge
FEW = 12  # values of a factor that get a colour each


def available() -> bool:
    """Whether the scripts are installed."""
    try:
        import vl_convert  # noqa: F401
    except ImportError:
        return False
    return True


def scripts() -> str:
    """What a browser needs to draw the chart, as one script."""
    import vl_convert

    return str(vl_convert.javascript_bundle(None))  # type: ignore[arg-type]


def chart(results: Results, words: Mapping[str, str], factors: tuple[str, ...]) -> dict[str, Any]:
    """Bound against measured as a Vega-Lite specification: a slider over t, two theorems beside
    each other, colour and choice by factor, and the curves along t of the points that are drawn
    around.

    Parameters
    ----------
    results : Results
    words : mapping
        Name of an environment → how it is called.
    factors : tuple of str
        Columns of the environments that can give the colour.
    """
    rows = _points(results)
    theorems = list(rows["theorem"].unique())
    sets = _sets(results, words, factors)
    levels = sorted(rows.loc[rows["k"] >= 0, "k"].unique())
    varying = [name for name in factors if results.environments[name].nunique() > 1]
    named = [tables.symbol(name) for name in varying or factors[:1]]
    parameters: list[dict[str, Any]] = []
    if levels:
        bounds = {"min": int(levels[0]), "max": int(levels[-1]), "step": 1}
        slider = {"input": "range", **bounds, "name": "number of steps "}
        parameters.append({"name": "step", "value": int(levels[-1]), "bind": slider})
    moving = rows.loc[rows["k"] >= 0, "theorem"]
    parameters.append(_menu("theorem", theorems, " theorem ", next(iter(moving), theorems[0])))
    parameters.append(_menu("beside", [NONE, *theorems], " beside "))
    parameters.append(_menu("colour", named, " colour by ", named[min(1, len(named) - 1)]))
    chosen_of = []
    for number, name in enumerate(named):
        parameters.append(
            _menu(f"only{number}", [ALL, *sorted(set(sets[name]), key=_order)], f" {name} ")
        )
        chosen_of.append(f"(only{number} == '{ALL}' || datum['{name}'] == only{number})")
    at = f"datum.k < 0 || datum.k == {'step' if levels else -1}"
    chosen = f"datum['{named[0]}']"
    for name in named[1:]:
        chosen = f"colour == '{name}' ? datum['{name}'] : {chosen}"
    common = [
        {"lookup": "m", "from": {"data": {"name": "sets"}, "key": "m", "fields": ["set", *named]}},
        {"filter": "datum.theorem == theorem || datum.theorem == beside"},
        {"filter": " && ".join(chosen_of)},
        {"calculate": chosen, "as": "shown"},
        {"calculate": f"({at}) ? datum.y : null", "as": "y_now"},
        {"calculate": f"({at}) ? datum.b : null", "as": "b_now"},
        {
            "joinaggregate": [
                {"op": "max", "field": "y_now", "as": "measured"},
                {"op": "max", "field": "b_now", "as": "bound"},
            ],
            "groupby": ["m", "theorem"],
        },
    ]
    colour = {
        "field": "shown",
        "type": "nominal",
        "scale": {"scheme": "viridis"},
        "legend": {"title": "colour", "columns": 2, "symbolLimit": 3 * FEW},
    }
    low = max(float(rows[["y", "b"]].min().min()), LEAST) / 1.5
    high = float(rows[["y", "b"]].max().max()) * 1.5
    log = {"type": "log", "domain": [low, high], "nice": False, "clamp": True}
    tooltip = [
        {"field": "set", "title": "data set"},
        {"field": "theorem"},
        {"field": "t", "title": "t"},
        {"field": "measured", "type": "quantitative", "format": f".{DIGITS - 1}~g"},
        {"field": "bound", "type": "quantitative", "format": f".{DIGITS - 1}~g"},
    ]
    title: dict[str, Any] = {"text": "Below the line a bound is violated"}
    if levels:
        said = rows[rows["k"] >= 0].drop_duplicates("k").set_index("k")["t"]
        parameters.append({"name": "numbers", "value": [said[level] for level in levels]})
        title["subtitle"] = {"expr": f"'t = ' + numbers[step - {int(levels[0])}]"}
    scatter = {
        "width": SIZE,
        "height": SIZE,
        "title": title,
        "layer": [
            {
                "data": {"values": [{"v": low}, {"v": high}]},
                "mark": {"type": "line", "color": "gray", "tooltip": None},
                "encoding": {
                    "x": {"field": "v", "type": "quantitative", "scale": log},
                    "y": {"field": "v", "type": "quantitative", "scale": log},
                },
            },
            {
                "data": {"name": "points"},
                "transform": [*common, {"filter": at}],
                "params": [
                    {"name": "around", "select": {"type": "interval", "encodings": ["x", "y"]}},
                ],
                "mark": {"type": "point", "filled": True, "size": 60, "strokeWidth": 1.5},
                "encoding": {
                    "x": {
                        "field": "measured",
                        "type": "quantitative",
                        "scale": log,
                        "title": "measured",
                    },
                    "y": {"field": "bound", "type": "quantitative", "scale": log, "title": "bound"},
                    "color": colour,
                    "stroke": _by_theorem(theorems, [look(name)["color"] for name in theorems]),
                    "shape": _by_theorem(
                        theorems, [MARKERS[look(name)["marker"]] for name in theorems]
                    ),
                    "tooltip": tooltip,
                },
            },
        ],
    }
    curves = {
        "width": SIZE,
        "height": SIZE,
        "title": ["Measured along t,", "of the points drawn around"],
        "data": {"name": "points"},
        "transform": [
            *common,
            {"filter": {"param": "around"}},
            {"filter": "datum.k >= 0"},
        ],
        "mark": {"type": "line", "point": True, "opacity": 0.6},
        "encoding": {
            "x": {"field": "lt", "type": "quantitative", "title": "log10 t"},
            "y": {
                "field": "y",
                "type": "quantitative",
                "scale": {"type": "log"},
                "title": "measured",
            },
            "color": colour,
            "detail": [{"field": "m"}, {"field": "theorem"}],
            "tooltip": tooltip[:3],
        },
    }
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "description": (
            "Bound against measured for each data set of the study, with a slider over the number"
            " of steps, and measured curves of the points that are drawn around."
        ),
        "params": parameters,
        "datasets": {
            "points": json.loads(rows.to_json(orient="records", double_precision=15)),
            "sets": json.loads(sets.to_json(orient="records", double_precision=15)),
        },
        "hconcat": [scatter, curves] if levels else [scatter],
    }


def _by_theorem(theorems: Sequence[str], looks: Sequence[str]) -> dict[str, Any]:
    scale = {"domain": list(theorems), "range": list(looks)}
    shown_now = {"expr": f"beside == '{NONE}' ? [theorem] : [theorem, beside]"}
    legend = {"title": "theorem", "values": shown_now}
    return {"field": "theorem", "type": "nominal", "scale": scale, "legend": legend}


def _menu(
    name: str, options: Sequence[str], label: str, value: str | None = None
) -> dict[str, Any]:
    bind = {"input": "select", "options": list(options), "name": label}
    return {"name": name, "value": options[0] if value is None else value, "bind": bind}


def _order(level: str) -> tuple[float, str]:
    """Numbers by their size, classes of numbers by their begin, words by the alphabet."""
    try:
        return float(level.split(" to ")[0]), level
    except ValueError:
        return np.inf, level


def _points(results: Results) -> pd.DataFrame:
    """Rows that have a place on logarithmic axes, at some numbers of steps and in the limit."""
    rows = results.rows
    rows = rows[(rows[tables.MEASURED] > 0) & (rows[tables.BOUND] > 0)]
    largest = rows.groupby(tables.THEOREM)[tables.MAXIMUM].transform("max")
    if np.isfinite(largest).any():
        rows = rows[np.isfinite(largest)]
    finite = np.sort(rows.loc[np.isfinite(rows[tables.STEPS]), tables.STEPS].unique())
    places = np.unique(np.linspace(0, len(finite) - 1, STEPS).round().astype(int))
    taken = finite[places] if len(finite) else finite
    rows = rows[rows[tables.STEPS].isin(taken) | ~np.isfinite(rows[tables.STEPS])]
    number = {step: place for place, step in enumerate(taken)}
    steps = rows[tables.STEPS]
    return pd.DataFrame(
        {
            "m": rows[tables.MEMBER],
            "theorem": rows[tables.THEOREM],
            "k": [number.get(step, -1) for step in steps],
            "t": [f"{step:g}" if np.isfinite(step) else "limit" for step in steps],
            "lt": [
                round(float(np.log10(step)), 3) if np.isfinite(step) else None for step in steps
            ],
            "y": _rounded(rows[tables.MEASURED]),
            "b": _rounded(rows[tables.BOUND]),
        }
    )


def _sets(results: Results, words: Mapping[str, str], factors: tuple[str, ...]) -> pd.DataFrame:
    """One row a data set: its words, and each factor as text, in classes where values are many."""
    environments = results.environments
    columns = {"m": environments[tables.MEMBER], "set": environments[tables.ENVIRONMENT].map(words)}
    for name in factors:
        values = environments[name]
        if pd.api.types.is_numeric_dtype(values) and values.nunique() > FEW:
            values = pd.qcut(values, FEW // 2, duplicates="drop").map(
                lambda part: f"{part.left:.3g} to {part.right:.3g}"
            )
        columns[tables.symbol(name)] = values.map(tables.level)
    return pd.DataFrame(columns)


def _rounded(values: pd.Series) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values]
