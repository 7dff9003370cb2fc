"""Slopes within groups and their two-stage bootstrap, on data whose slope is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tunebound.theory.engine.exponents import Rate
from tunebound.theory.engine.statistics.rates import RESAMPLES, slope_beside, within_group_slope

OTHERS = ("family", "margin")
SIZES = (10, 20, 40)
LOOPS = 1500


def frame(slope, *, apart=0.0, noise=0.0, families=12, groups=1, seed=0):
    """Families whose slopes scatter around a slope by `apart`, each with groups of three draws."""
    rng = np.random.default_rng(seed)
    rows = []
    for family in range(families):
        own = slope + apart * rng.normal()
        for margin in range(groups):
            level = rng.normal()
            for n in SIZES:
                value = np.exp(level + own * np.log(n) + noise * rng.normal())
                rows.append(
                    {
                        "family": f"f{family}",
                        "n": n,
                        "margin": margin,
                        "draw": f"{family}-{margin}-{n}",
                        "resolution": 1e-9,
                        "measured": value,
                        "bound": np.exp(level) / n,
                    }
                )
    return pd.DataFrame(rows)


def measure(data, family="family", **more):
    return within_group_slope(data, "n", OTHERS, family, **more)


def regression(data):
    """Least squares on ln n and a dummy for each group."""
    names = data["family"].astype(str) + data["margin"].astype(str)
    design = np.column_stack([np.log(data["n"]), pd.get_dummies(names).to_numpy(float)])
    return np.linalg.lstsq(design, np.log(data["measured"]), rcond=None)[0][0]


def test_exact_power_law_is_recovered_whatever_the_groups_levels():
    data = frame(-0.7)
    slope = measure(data)
    assert slope.value == pytest.approx(-0.7, abs=1e-12)
    assert slope_beside(data, "bound", "n", OTHERS) == pytest.approx(-1.0, abs=1e-12)
    assert (slope.groups, slope.environments, slope.draws, slope.dropped) == (12, 36, 36, 0)
    # every resample has the same slope
    assert slope.interval() == pytest.approx((-0.7, -0.7), abs=1e-9)


def test_slopes_agree_with_a_regression_on_group_dummies():
    data = frame(-0.7, apart=0.5, noise=0.5, groups=3)
    slope = measure(data)
    assert slope.value == pytest.approx(regression(data), rel=1e-10)
    assert set(slope.families) == set(data["family"])
    for name, own in data.groupby("family"):
        assert slope.families[name] == pytest.approx(regression(own), rel=1e-10)


@pytest.mark.parametrize(("families", "groups"), [(5, 4), (3, 4), (1, 10)])
def test_bootstrap_agrees_with_an_explicit_loop(families, groups):
    """Families with replacement where there are enough, then draws within each, then a regression
    on dummies.
    """
    data = frame(-1, apart=0.4, noise=0.4, families=families, groups=groups, seed=3)
    rng = np.random.default_rng(1)
    x, y = np.log(data["n"].to_numpy()), np.log(data["measured"].to_numpy())
    rows = data.groupby("family").indices
    found = []
    for _ in range(LOOPS):
        chosen = rng.integers(families, size=families) if families >= 5 else range(families)
        again, level = [], []
        for place, number in enumerate(chosen):
            own = rng.choice(rows[f"f{number}"], len(rows[f"f{number}"]))
            again.extend(own)
            level.extend(place * groups + data["margin"].to_numpy()[own])
        dummies = np.eye(families * groups)[level]
        design = np.column_stack([x[again], dummies])
        found.append(np.linalg.lstsq(design, y[again], rcond=None)[0][0])
    slope = measure(data, "" if families == 1 else "family")
    assert len(slope.resampled) == RESAMPLES
    assert np.mean(found) == pytest.approx(
        slope.resampled.mean(), abs=4 * np.std(found) / LOOPS**0.5
    )
    assert np.std(found) == pytest.approx(slope.resampled.std(), rel=0.08)
    for confidence in (0.5, 0.9):
        tail = (1 - confidence) / 2
        expected = np.quantile(found, [tail, 1 - tail])
        # four standard errors of a 5 % quantile of 1,500 normal values
        assert slope.interval(confidence) == pytest.approx(expected, abs=0.22 * np.std(found))


def test_draws_that_share_rows_are_resampled_together():
    # each draw has three rows, in a group of its own: resampling rows would break the groups
    data = frame(-1, apart=0.0, noise=0.5, families=8, groups=5).assign(
        draw=lambda rows: rows["family"] + rows["margin"].astype(str)
    )
    whole, single = measure(data, ""), measure(frame(-1, noise=0.5, families=8, groups=5), "")
    assert (whole.draws, whole.groups) == (40, 40)
    assert single.draws == 120
    slopes = data.groupby("draw")[["n", "measured"]].apply(
        lambda rows: np.polyfit(np.log(rows["n"]), np.log(rows["measured"]), 1)[0]
    )
    # all groups have the same n: the slope is the mean of theirs, and its error is known
    assert whole.value == pytest.approx(slopes.mean(), rel=1e-10)
    assert whole.resampled.std() == pytest.approx(slopes.std(ddof=0) / np.sqrt(40), rel=0.03)


def test_interval_covers_the_mean_slope_of_families_that_differ():
    """Planted: family slopes scatter by 0.3 around −1. Resampling draws alone, as if they came from
    one population, covers it far less often than it says.
    """
    both = np.zeros(2)
    repeats = 60
    for seed in range(repeats):
        data = frame(-1, apart=0.3, noise=0.2, families=17, groups=4, seed=seed)
        intervals = (measure(data).interval(), measure(data, "").interval())
        both += [low <= -1 <= high for low, high in intervals]
    families, draws = both / repeats
    assert 0.88 <= families <= 1
    assert draws < families - 0.1


def test_values_within_their_resolution_are_left_out_and_counted():
    data = frame(-1, noise=0.1)
    noisy = data.copy()
    noisy.loc[[0, 4, 8], "measured"] = 1e-12  # below the resolution: rounding
    slope = measure(noisy)
    assert slope.dropped == 3
    assert slope.value == pytest.approx(regression(data.drop(index=[0, 4, 8])), rel=1e-10)
    exact = data.copy()
    exact.loc[[0, 4, 8], "measured"] = 0.0
    assert measure(exact).value == slope.value


def test_too_few_groups_or_values_above_resolution_give_no_slope():
    assert measure(frame(-1, families=2)) is None
    zero = frame(-1)
    zero.loc[zero.index[: len(zero) // 2 + 1], "measured"] = 0
    assert measure(zero) is None
    assert within_group_slope(frame(-1), "margin", ("family", "n"), "family") is None


def rate(slope, predicted, noise=0.01):
    measured = measure(frame(slope, noise=noise))
    low, high = measured.interval()
    return Rate(
        theorem="t",
        factor="n",
        quantity="q",
        predicted=predicted,
        slope=measured,
        low=low,
        high=high,
        together=1,
        bound_slope=-1.0,
    )


@pytest.mark.parametrize(
    ("slope", "predicted", "sign", "exponent"),
    [
        (-1.5, -1.0, "confirmed", "stronger"),
        (-0.5, -1.0, "confirmed", "weaker"),
        (0.5, -1, "reversed", "weaker"),
    ],
)
def test_sign_and_exponent_are_judged(slope, predicted, sign, exponent):
    found = rate(slope, predicted)
    assert (found.sign, found.exponent) == (sign, exponent)
    assert f"predicted {predicted:+g}, measured {found.slope.value:+.3f}" in str(found)


def test_an_exponent_inside_the_interval_is_compatible():
    found = rate(-1.0, -1.0, noise=0.2)
    assert found.low < -1 < found.high
    assert (found.exponent, found.sign) == ("compatible", "confirmed")


def test_no_effect_is_not_decided():
    assert rate(0.0, -1.0, noise=0.5).sign == "not decided"


def test_wider_together_than_alone():
    slope = measure(frame(-1, apart=0.3, noise=0.3, groups=3))
    alone, together = slope.interval(0.95), slope.interval(1 - 0.05 / 10)
    assert together[0] < alone[0] < alone[1] < together[1]


@pytest.mark.parametrize(
    ("low", "high", "sign", "exponent"),
    [
        (-2.0, -1e-300, "confirmed", "compatible"),
        (-2.0, 0.0, "not decided", "compatible"),
        (-0.5, 0.0, "not decided", "weaker"),
        (0.0, 1.0, "not decided", "weaker"),
        (1e-300, 1.0, "reversed", "weaker"),
        (-1.0, -0.5, "confirmed", "compatible"),
        (-1.5, -1.0, "confirmed", "compatible"),
        (np.nextafter(-1.0, 0), -0.5, "confirmed", "weaker"),
        (-3.0, np.nextafter(-1.0, -2), "confirmed", "stronger"),
    ],
)
def test_the_ends_of_an_interval_belong_to_it(low, high, sign, exponent):
    value = -2.0 if high < -1 else -0.25
    slope = replace(measure(frame(-1.0)), value=value)
    found = replace(rate(-1.0, -1.0), slope=slope, low=low, high=high)
    assert (found.sign, found.exponent) == (sign, exponent)


def test_a_slope_needs_half_of_the_rows_above_their_resolution():
    data = frame(-1, families=6)
    half = data.assign(measured=data["measured"].where(data["family"] < "f3", data["resolution"]))
    assert (half["measured"] == half["resolution"]).sum() == len(half) / 2
    slope = measure(half)
    assert (slope.dropped, slope.groups, slope.environments, slope.draws) == (9, 3, 9, 9)
    assert slope.families == {name: pytest.approx(-1.0) for name in ("f0", "f1", "f2")}
    half.loc[0, "measured"] = 0.0
    assert measure(half) is None


def test_the_bootstrap_starts_from_its_seed_and_from_0_where_none_is_named():
    data = frame(-1, apart=0.3, noise=0.3)
    one, same, other = (measure(data, **more) for more in ({}, {"seed": 0}, {"seed": 1}))
    assert np.array_equal(one.resampled, same.resampled)
    assert not np.array_equal(one.resampled, other.resampled)
    assert measure(frame(-1), "").families == {}


def unbalanced():
    """Three groups of different levels and sizes n, told apart by the family alone: an exact power
    law, and a bound with another.
    """
    n = np.array([10.0, 20, 40, 80, 160, 320])
    family = np.repeat(["a", "b", "c"], 2)
    level = np.repeat([1.0, 100, 7], 2)
    return pd.DataFrame(
        {
            "n": n,
            "family": family,
            "margin": np.nan,
            "draw": [f"draw {k}" for k in range(6)],
            "measured": level / n**0.7,
            "bound": level / n,
            "resolution": 1e-9,
        }
    )


def test_a_factor_without_a_value_is_one_value_like_any_other():
    data = unbalanced()
    for name in OTHERS:
        others = data.assign(**{"family": np.nan, "margin": np.nan, name: data["family"]})
        assert within_group_slope(others, "n", OTHERS).value == pytest.approx(-0.7, abs=1e-12)
        assert slope_beside(others, "bound", "n", OTHERS) == pytest.approx(-1.0, abs=1e-12)


def test_the_slope_beside_leaves_out_what_the_slope_does_and_bounds_of_0():
    data = frame(-0.7, families=5, noise=0.3).assign(
        bound=lambda rows: rows["bound"] * np.exp(np.random.default_rng(5).normal(size=len(rows)))
    )
    kept = data.drop(index=[1, 6, 11])
    for column, value in (("measured", 1e-9), ("measured", 1e-12), ("bound", 0.0)):
        less = data.copy()
        less.loc[[1, 6, 11], column] = value
        expected = regression(kept.assign(measured=kept["bound"]))
        assert slope_beside(less, "bound", "n", OTHERS) == pytest.approx(expected, rel=1e-10)


def test_a_family_that_varies_by_rounding_alone_has_no_slope_of_its_own():
    data = frame(-0.7, families=4).astype({"n": float})
    data.loc[data["family"] == "f1", "n"] = 10 * (1 + 1e-8 * np.arange(3))
    slope = measure(data)
    assert slope.groups == 4
    assert slope.families == {name: pytest.approx(-0.7) for name in ("f0", "f2", "f3")}


def test_logarithms_far_from_0_keep_their_digits():
    for middle, height in ((1e9, 1.0), (1.0, 1e-300)):
        near = np.repeat(middle * np.array([2e-4, 1.0, 5e3]), 3)
        n = near * (1 + 1e-3 * np.tile(np.arange(3), 3))
        data = pd.DataFrame(
            {
                "n": n,
                "family": np.repeat(["a", "b", "c"], 3),
                "margin": 0.1,
                "draw": [f"draw {k}" for k in range(9)],
                "measured": height * (n / middle) ** -0.7,
                "resolution": 0.0,
            }
        )
        assert measure(data, "").value == pytest.approx(-0.7, abs=1e-8)
