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
from tunebound.theory.engine.presentation import Presentation
from tunebound.theory.engine.tightness import judged_rows, placed

ALL, NONE = "all", "none"
STEPS = 10  # numbers of steps that the slider has at most
DIGITS = 4  # significant digits of what is shown
SIZE = 380
LEAST = 1e-6  # what is smaller stands at the edge
FEW = 12  # values of a factor that get a colour each
SCHEME = {"name": "viridis", "extent": [0, 0.85]}  # on white; a page shifts it in the dark
NUMBERS = {"format": ".4~g", "labelSeparation": 6}


def scripts() -> str | None:
    """What a browser needs to draw the chart, as one script; None where it is not installed."""
    try:
        import vl_convert
    except ImportError:
        return None
    return str(vl_convert.javascript_bundle(None))  # type: ignore[arg-type]


def moves(drawn: dict[str, Any]) -> bool:
    """Whether a chart has a slider, and curves beside its points."""
    return len(drawn["hconcat"]) > 1


def chart(
    results: Results, words: Mapping[str, str], factors: tuple[str, ...], told: Presentation
) -> dict[str, Any]:
    """Bound against measured as a Vega-Lite specification: a slider over t, two theorems beside
    each other, colour and choice by factor, and the curves along t of the points that are drawn
    around; without slider and curves where nothing was measured at several t.

    Parameters
    ----------
    results : Results
    words : mapping
        Name of an environment → how it is called.
    factors : tuple of str
        Columns of the environments that can give the colour.
    told : Presentation
        What members, and what they are followed along, are called.
    """
    rows = _points(results)
    along, symbol = told.along
    theorems = list(rows["theorem"].unique())
    sets = _sets(results, words, factors)
    levels = sorted(rows.loc[rows["k"] >= 0, "k"].unique())
    varying = [name for name in factors if results.environments[name].nunique() > 1]
    named = [tables.symbol(name) for name in varying or factors[:1]]
    parameters: list[dict[str, Any]] = []
    moving = rows.loc[rows["k"] >= 0, "theorem"]
    shown_first = next(iter(moving), theorems[0])
    if levels:
        bounds = {"min": int(levels[0]), "max": int(levels[-1]), "step": 1}
        slider = {"input": "range", **bounds, "name": f"{along} "}
        begin = _begin(results, rows, shown_first)
        parameters.append({"name": "step", "value": begin, "bind": slider})
    parameters.append(_menu("theorem", theorems, " theorem ", shown_first))
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
        # numbers by their size, words by the alphabet
        {"calculate": "isNaN(parseFloat(datum.shown)) ? 0 : parseFloat(datum.shown)", "as": "size"},
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
        "scale": {"scheme": SCHEME},
        "sort": {"field": "size", "op": "min"},
        "legend": {"title": "colour", "columns": 2, "symbolLimit": 3 * FEW},
    }
    (left, right), (low, high) = (_span(rows[name]) for name in ("y", "b"))
    diagonal = [max(left, low), min(right, high)]
    tooltip = [
        {"field": "set", "title": told.member},
        {"field": "theorem"},
        {"field": "t", "title": symbol},
        {"field": "measured", "type": "quantitative", "format": f".{DIGITS - 1}~g"},
        {"field": "bound", "type": "quantitative", "format": f".{DIGITS - 1}~g"},
    ]
    title: dict[str, Any] = {"text": "Below the line a bound is violated"}
    if levels:
        said = rows[rows["k"] >= 0].drop_duplicates("k").set_index("k")["t"]
        parameters.append({"name": "numbers", "value": [said[level] for level in levels]})
        title["subtitle"] = {"expr": f"'{symbol} = ' + numbers[step - {int(levels[0])}]"}
    scatter = {
        "width": SIZE,
        "height": SIZE,
        "title": title,
        "layer": [
            {
                "data": {"values": [{"v": end} for end in diagonal if left < right]},
                "mark": {"type": "line", "color": "gray", "tooltip": None},
                "encoding": {"x": _axis("v", left, right), "y": _axis("v", low, high)},
            },
            {
                "data": {"name": "points"},
                "transform": [*common, {"filter": at}],
                "params": [
                    {"name": "around", "select": {"type": "interval", "encodings": ["x", "y"]}},
                ],
                "mark": {"type": "point", "filled": True, "size": 60, "strokeWidth": 1.5},
                "encoding": {
                    "x": _axis("measured", left, right),
                    "y": _axis("bound", low, high),
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
        "title": [f"Measured along {symbol},", "of the points drawn around"],
        "data": {"name": "points"},
        "transform": [
            *common,
            {"filter": {"param": "around"}},
            {"filter": f"datum.k >= 0 && datum.y >= {LEAST}"},
        ],
        "mark": {"type": "line", "point": True, "opacity": 0.6},
        "encoding": {
            "x": {"field": "lt", "type": "quantitative", "title": f"log₁₀ {symbol}"},
            "y": {
                "field": "y",
                "type": "quantitative",
                "scale": {"type": "log"},
                "axis": NUMBERS,
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
            f"Bound against measured for each {told.member} of the study"
            + (
                f", with a slider over the {along}, and curves of the points that are drawn around."
                if levels
                else "."
            )
        ),
        "params": parameters,
        "datasets": {
            "points": json.loads(rows.to_json(orient="records", double_precision=15)),
            "sets": json.loads(sets.to_json(orient="records", double_precision=15)),
        },
        "hconcat": [scatter, curves] if levels else [scatter],
    }


def _axis(field: str, low: float, high: float) -> dict[str, Any]:
    """What stands along one side, on a logarithmic scale of which nothing falls out."""
    scale = {"type": "log", "domain": [low, high], "nice": False, "clamp": True}
    title = {} if field == "v" else {"title": field}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": NUMBERS, **title}


def _span(values: pd.Series) -> tuple[float, float]:
    return max(float(values.min()), LEAST) / 1.5, float(values.max()) * 1.5


def _begin(results: Results, rows: pd.DataFrame, theorem: str) -> int:
    """Where the slider stands first: next to where most data sets are judged."""
    judged = judged_rows(results.rows[results.rows[tables.THEOREM] == theorem])[tables.STEPS]
    finite = judged[np.isfinite(judged)]
    there = rows[(rows["theorem"] == theorem) & (rows["k"] >= 0)]
    if not len(finite):
        return int(there["k"].max())
    return int(there.loc[(there["lt"] - np.log10(finite.median())).abs().idxmin(), "k"])


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
    rows = placed(results.rows)
    largest = rows.groupby(tables.THEOREM)[tables.MAXIMUM].transform("max")
    if np.isfinite(largest).any():
        rows = rows[np.isfinite(largest)]
    finite = np.sort(rows.loc[np.isfinite(rows[tables.STEPS]), tables.STEPS].unique())
    places = np.unique(np.linspace(0, len(finite) - 1, STEPS).round().astype(int))
    taken = finite[places] if len(finite) else finite
    rows = rows[rows[tables.STEPS].isin(taken) | ~np.isfinite(rows[tables.STEPS])]
    # a slider needs two places
    number = {step: place for place, step in enumerate(taken)} if len(taken) > 1 else {}
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
