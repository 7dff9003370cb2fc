"""Predicted exponents against slopes of tables that were written by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tunebound import theory
from tunebound.theory.engine import exponents
from tunebound.theory.engine.exponents import ALONG_STEPS, by_family, by_slope, decide_rates

SETTING = SimpleNamespace(
    factors=("family", "n", "d", "size"),
    family="family",
    judged_at="last",
    stands_for={"n": "size"},
)


def rows(theorem, exponent, *, levels=(1.0, 2.0, 4.0), steps=(np.inf,), **changed):
    """Sets of three families, of n = 8, 16, 32 and d = 2, 3: measured = level nᵉ."""
    found = []
    for family, level in enumerate(levels):
        for d in (2, 3):
            for n in (8, 16, 32):
                for t in steps:
                    found.append(
                        {
                            "member": len(found),
                            "draw": f"{family}, {d}, {n}",
                            "theorem": theorem,
                            "quantity": f"q of {theorem}",
                            "steps": t,
                            "measured": level * d * float(n) ** exponent,
                            "bound": level * d * n**0.5,
                            "resolution": 1e-9,
                            "family": f"family {family}",
                            "n": n,
                            "d": d,
                            "size": 2 * n,
                            **changed,
                        }
                    )
    return pd.DataFrame(found)


def theorem(name, **rates):
    return theory.Theorem(
        name=name,
        statement="s",
        source="t",
        setting="head",
        proof="conjecture",
        claims=lambda evidence: (),
        rates=rates,
    )


def test_the_slope_is_across_sets_alike_in_all_but_the_factor_and_what_stands_for_it():
    found = decide_rates(SETTING, [(theorem("T", n=-1.0), rows("T", -1.0))])
    ((rate,),) = found.values()
    assert list(found) == ["T"]
    assert (rate.theorem, rate.factor, rate.quantity, rate.predicted) == ("T", "n", "q of T", -1.0)
    assert rate.slope.value == pytest.approx(-1.0, abs=1e-12)
    assert rate.bound_slope == pytest.approx(0.5, abs=1e-12)
    assert (rate.slope.groups, rate.slope.environments, rate.together) == (6, 18, 1)
    assert by_family([rate]) == {
        "q of T, in n": {f"family {k}": pytest.approx(-1.0) for k in range(3)}
    }


def test_what_was_handed_over_and_what_came_before_the_last_step_do_not_count():
    data = rows("T", -1.0)
    other = rows("T", 3.0, draw="").assign(member=lambda frame: frame["member"] + 100)
    early = rows("T", 5.0, steps=(10.0,))
    ((rate,),) = decide_rates(
        SETTING, [(theorem("T", n=-1.0), pd.concat([early, data, other], ignore_index=True))]
    ).values()
    assert rate.slope.value == pytest.approx(-1.0, abs=1e-12)
    assert rate.slope.environments == 18


def test_theorems_on_the_same_values_share_a_slope_that_counts_once():
    noise = np.random.default_rng(0).normal(size=18)
    noisy = rows("A", -1.0).assign(measured=lambda frame: frame["measured"] * np.exp(0.1 * noise))
    asked = [
        (theorem("A", n=-1.0, d=1.0), noisy),
        (theorem("B", n=-2.0), noisy.assign(theorem="B", quantity="q of B")),
        (theorem("C", n=-1.0), rows("C", -1.5)),
        (theorem("D", n=-1.0), rows("D", -1.0)[:6]),  # two groups are too few
    ]
    found = decide_rates(SETTING, asked)
    assert list(found) == ["A", "B", "C"]
    rates = [rate for each in found.values() for rate in each]
    assert [(rate.theorem, rate.factor) for rate in rates] == [
        ("A", "n"),
        ("A", "d"),
        ("B", "n"),
        ("C", "n"),
    ]
    assert found["A"][0].slope is found["B"][0].slope
    assert {rate.together for rate in rates} == {3}
    for rate in rates:
        assert (rate.low, rate.high) == rate.slope.interval(1 - 0.05 / 3)
    assert [[rate.theorem for rate in each] for each in by_slope(rates)] == [
        ["A", "B"],
        ["A"],
        ["C"],
    ]
    assert set(by_family(rates)) == {"q of A, in n", "q of A, in d", "q of C, in n"}
    assert by_family([]) == {}


def test_a_slope_along_steps_is_within_each_run_where_the_factor_falls():
    steps = (3.0, math.exp(math.e), 16.0, 1e3, 1e6, np.inf)
    data = rows("T", 0.0, steps=steps).assign(
        member=lambda frame: frame["draw"].astype("category").cat.codes
    )
    late = np.isfinite(data["steps"]) & (data["steps"] > math.exp(math.e))
    factor = np.log(np.log(data["steps"][late])) / np.log(data["steps"][late])
    data.loc[late, "measured"] *= factor**2
    ((rate,),) = decide_rates(SETTING, [(theorem("T", **{ALONG_STEPS: 2.0}), data)]).values()
    assert rate.slope.value == pytest.approx(2.0, abs=1e-9)
    assert (rate.slope.groups, rate.slope.environments, rate.slope.draws) == (18, 54, 18)


def test_of_several_quantities_of_a_member_the_last_counts_and_the_first_row_names_it():
    other, data = rows("T", 3.0).assign(quantity="another"), rows("T", -1.0)
    data.loc[0, "quantity"] = "q of the first"
    ((rate,),) = decide_rates(
        SETTING, [(theorem("T", n=-1.0), pd.concat([other, data], ignore_index=True))]
    ).values()
    assert rate.slope.value == pytest.approx(-1.0, abs=1e-12)
    assert rate.slope.environments == 18
    assert rate.quantity == "q of the first"


@pytest.mark.parametrize(
    ("cores", "slopes", "threads"), [(2, 3, 2), (4, 3, 3), (4, 1, 1), (None, 3, 1), (4, 0, 1)]
)
def test_a_thread_a_slope_and_no_more_than_there_are_cores(cores, slopes, threads, monkeypatch):
    asked, pool = [], exponents.ThreadPoolExecutor
    monkeypatch.setattr(
        exponents, "ThreadPoolExecutor", lambda threads: asked.append(threads) or pool(threads)
    )
    monkeypatch.setattr(exponents.os, "cpu_count", lambda: cores)
    names = [f"T{k}" for k in range(slopes)]
    found = decide_rates(
        SETTING, [(theorem(name, n=-1.0), rows(name, -1.0 - k)) for k, name in enumerate(names)]
    )
    assert asked == [threads]
    values = {name: rate.slope.value for name, (rate,) in found.items()}
    assert values == {name: pytest.approx(-1.0 - k) for k, name in enumerate(names)}
