"""Slopes within groups, on data whose slope is known."""

import numpy as np
import pandas as pd
import pytest

from tunebound.theory.engine.statistics.rates import within_group_rate

FACTORS = ("family", "n", "margin")


def frame(slope, noise=0.0, groups=12, seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for group in range(groups):
        level = rng.normal()
        for n in (10, 20, 40):
            value = np.exp(level + slope * np.log(n) + noise * rng.normal())
            rows.append(
                {
                    "family": f"f{group}",
                    "n": n,
                    "margin": 0.5,
                    "measured": value,
                    "bound": np.exp(level) / n,
                }
            )
    return pd.DataFrame(rows)


def test_exact_power_law_is_recovered_whatever_the_groups_levels():
    rate = within_group_rate(frame(-0.7), "n", -0.7, FACTORS)
    assert rate.slope == pytest.approx(-0.7, abs=1e-12)
    assert rate.bound_slope == pytest.approx(-1.0, abs=1e-12)
    assert (rate.groups, rate.environments) == (12, 36)
    # every draw of groups has the same slope
    assert (rate.low, rate.high) == pytest.approx((-0.7, -0.7), abs=1e-12)


def test_slope_agrees_with_a_regression_on_group_dummies():
    data = frame(-0.7, noise=0.5)
    design = np.column_stack([np.log(data["n"]), pd.get_dummies(data["family"]).to_numpy(float)])
    expected = np.linalg.lstsq(design, np.log(data["measured"]), rcond=None)[0][0]
    assert within_group_rate(data, "n", -1, FACTORS).slope == pytest.approx(expected, rel=1e-10)


def test_interval_covers_the_true_slope_about_as_often_as_it_says():
    hits = [
        rate.low <= -1 <= rate.high
        for rate in (
            within_group_rate(frame(-1, noise=0.4, groups=30, seed=seed), "n", -1, FACTORS)
            for seed in range(60)
        )
    ]
    assert np.mean(hits) > 0.85


@pytest.mark.parametrize(
    ("slope", "predicted", "sign", "exponent"),
    [
        (-1.0, -1.0, "confirmed", "shows"),
        (-1.5, -1.0, "confirmed", "stronger"),
        (-0.5, -1.0, "confirmed", "weaker"),
        (0.5, -1, "reversed", "weaker"),
    ],
)
def test_sign_and_exponent_are_judged(slope, predicted, sign, exponent):
    rate = within_group_rate(frame(slope, noise=0.01), "n", predicted, FACTORS)
    assert rate.sign == sign
    assert (
        rate.exponent == exponent
        if slope != -1
        else rate.exponent in ("shows", "stronger", "weaker")
    )


def test_no_effect_is_not_decided():
    assert within_group_rate(frame(0.0, noise=0.5), "n", -1, FACTORS).sign == "not decided"


def test_too_few_groups_or_positive_values_give_no_rate():
    assert within_group_rate(frame(-1, groups=2), "n", -1, FACTORS) is None
    zero = frame(-1)
    zero.loc[zero.index[: len(zero) // 2 + 1], "measured"] = 0
    assert within_group_rate(zero, "n", -1, FACTORS) is None
    assert within_group_rate(frame(-1), "margin", -1, FACTORS) is None
