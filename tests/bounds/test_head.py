"""The head-tuning bounds: exact arithmetic over their whole range, and the inequalities they
promise.
"""

import itertools
import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mpf

from tests.oracles import head_formulas
from tests.oracles.samples import separable
from tunebound.bounds import head, leave_one_out_separators, max_margin
from tunebound.bounds.head import two_directions

RELATIVE = 1e-12


def log_uniform(low, high):
    """Floats whose decimal exponent is uniform between low and high."""
    return st.floats(low, high, allow_nan=False).map(lambda exponent: 10.0**exponent)


def whole(low, high):
    return log_uniform(low, high).map(lambda x: float(np.floor(x)))


def assert_exact(name, arguments):
    value = getattr(head, name)(**arguments)
    exact = getattr(head_formulas, name)(**arguments)
    if isinstance(exact, list):
        assert len(value) == len(exact)
    else:
        assert isinstance(value, float)
        value, exact = [value], [exact]
    for mine, theirs in zip(value, exact, strict=True):
        assert abs(mpf(mine) - theirs) <= RELATIVE * theirs, (name, arguments, mine, theirs)


@st.composite
def geometry(draw):
    """Margin and radius in one unit, from 1e-140 to 1e140, margin/radius down to 1e-9."""
    margin = draw(log_uniform(-140, 140))
    return {"margin": margin, "radius": margin * draw(log_uniform(0, 9) | st.just(1.0))}


@st.composite
def published_arguments(draw):
    data = draw(geometry())
    return {
        **data,
        "n": draw(whole(0.5, 12)),
        "steps": draw(whole(0.5, 30) | st.just(3)),
        "C": draw(log_uniform(-6, 6) | st.just(0.0)),
        "lam": data["margin"] ** 2 * draw(log_uniform(-14, 6)),
        "nu": data["margin"] * draw(log_uniform(-3, 3) | st.just(0.0)),
    }


@given(published_arguments())
@example(
    {
        "n": 10**12,
        "margin": 1e-9,
        "radius": 1.0,
        "steps": 10**30,
        "C": 1.0,
        "lam": 1e-18,
        "nu": 1e-9,
    }
)
@example({"n": 2, "margin": 1.0, "radius": 1.0, "steps": 3, "C": 1.0, "lam": 1e-12, "nu": 1.0})
@example(
    {"n": 2, "margin": 1e-200, "radius": 1e200, "steps": 16, "C": 0.0, "lam": 1e-300, "nu": 1e-300}
)
@example(
    {"n": 2, "margin": 1e-300, "radius": 1e300, "steps": 16, "C": 0.0, "lam": 1e-300, "nu": 1e-300}
)
@example(
    {
        "n": 10**12,
        "margin": 1e-300,
        "radius": 1e-300,
        "steps": 16,
        "C": 0.0,
        "lam": 1e300,
        "nu": 1e300,
    }
)
@example({"n": 5, "margin": 0.1, "radius": 7.0, "steps": 50, "C": 2.0, "lam": 1e12, "nu": 0.0})
def test_published_is_exact(arguments):
    assert_exact("published", arguments)


@st.composite
def duals(draw, margin, size):
    shares = draw(st.lists(log_uniform(-12, 0) | st.just(0.0), min_size=size, max_size=size))
    shares[draw(st.integers(0, size - 1))] = 1.0
    return [share / margin / margin for share in shares]


@st.composite
def kkt_arguments(draw):
    data = draw(geometry())
    n = draw(st.integers(2, 6))
    return {
        **data,
        "n": n,
        "dual": draw(duals(data["margin"], n)),
        "nu": data["margin"] * draw(log_uniform(-3, 3)),
    }


@given(kkt_arguments())
@example({"n": 2, "margin": 1e-9, "radius": 1.0, "dual": [1e18, 0.0], "nu": 1e-9})
@example({"n": 3, "margin": 1e-150, "radius": 1e-141, "dual": [1e299, 1e300, 1e298], "nu": 1e-150})
@example({"n": 2, "margin": 2.0, "radius": 3.0, "dual": [0.25, 0.05], "nu": 0.0})
def test_kkt_is_exact(arguments):
    assert_exact("kkt", arguments)


@given(log_uniform(-300, 290), log_uniform(-15, 15) | st.just(0.0))
@example(1.0, 2.220446049250313e-16)
@example(1e-300, 1e15)
@example(1e300, 1.0)
def test_ratio_is_exact(margin, growth):
    assert_exact("ratio", {"margin": margin, "left_out_margins": margin * (1 + growth)})


@given(
    log_uniform(-140, 140), log_uniform(-16, 0) | st.just(0.0), log_uniform(-16, 9) | st.just(0.0)
)
@example(1e-9, 1.0, 1e9)
@example(1e300, 0.0, 1e300)
def test_pair_is_exact(margin, share, hinge):
    assert_exact("pair", {"margin": margin, "dual": share / margin / margin, "hinge": hinge})


@st.composite
def dual_arguments(draw):
    margin = draw(log_uniform(-140, 140))
    n = draw(st.integers(1, 6))
    norms = draw(st.lists(log_uniform(0, 9) | st.just(1.0), min_size=n, max_size=n))
    return {"margin": margin, "dual": draw(duals(margin, n)), "norms": [margin * x for x in norms]}


@given(dual_arguments())
@example({"margin": 1e-9, "dual": [5e17, 5e17, 0.0], "norms": [1.0, 1e-9, 1.0]})
def test_dual_is_exact(arguments):
    assert_exact("dual", arguments)


@given(geometry(), whole(0.5, 12), st.floats(0, 1))
@example({"margin": 1e-9, "radius": 1.0}, 1e12, 1.0)
@example({"margin": 1e-300, "radius": 1e300}, 2.0, 0.0)
@example({"margin": 1.7e308, "radius": 1.7e308}, 2.0, 0.0)
def test_support_and_free_are_exact(data, n, share):
    assert_exact("support", {**data, "n": n, "n_support": max(1.0, np.floor(share * n))})
    assert_exact("free", {**data, "n": n})


@given(log_uniform(-290, 300), log_uniform(-15, 6) | st.just(0.0), log_uniform(-9, 6))
@example(1e308, 1.0, 1.7)
@example(1e-300, 1e-8, 1e300)
@example(1e300, 1e-8, 1e-300)
@example(5e-324, 1.0, 1.0)
def test_trajectory_is_exact(norm, relative_drift, relative_norm):
    drift = norm * relative_drift
    if relative_drift == 0 or drift > 0:
        assert_exact(
            "trajectory", {"drift": drift, "norm": norm, "left_out_norms": norm * relative_norm}
        )


@given(log_uniform(-290, 290), log_uniform(-15, 0) | st.floats(0.9, 1.1) | st.just(0.0))
@example(1.0, float(np.nextafter(1.0, 0.0)))
@example(1.0, 1.0)
@example(1.0, float(np.nextafter(1.0, 2.0)))
@example(1.0, 1e-160)
@example(1e-300, 1e300)
@example(1e308, 0.5)
@example(2.0, 1 - 1e-9)
def test_chord_is_exact(norm, delta):
    assert_exact("chord", {"drift": norm * delta, "norm": norm})


@given(
    geometry(),
    whole(0.5, 12),
    log_uniform(-9, 3) | st.just(0.0),
    st.sampled_from(["1/n", "1/(n-1)"]),
)
@example({"margin": 1e-9, "radius": 1.0}, 1e12, 1.0, "1/n")
@example({"margin": 1e-200, "radius": 1e200}, 2.0, 1e-300, "1/(n-1)")
@example({"margin": 1e-300, "radius": 1e-300}, 2.0, 1.0, "1/(n-1)")
def test_anytime_plain_is_exact(data, n, progress, weighting):
    assert_exact("anytime_plain", {**data, "n": n, "progress": progress, "weighting": weighting})


@settings(max_examples=40, deadline=None)
@given(geometry(), whole(0.5, 12), st.sampled_from(["1/n", "1/(n-1)"]), st.floats(0, 1))
@example({"margin": 1.0, "radius": 1.0}, 3.0, "1/(n-1)", 0.0)
@example({"margin": 1.0, "radius": 5.0**0.5}, 2.0, "1/n", 0.5)  # tan psi = 2
@example({"margin": 1.0, "radius": 2.24}, 2.0, "1/n", 0.5)  # and a little more
@example({"margin": 1e-9, "radius": 1.0}, 1e12, "1/(n-1)", 0.5)
@example({"margin": 1.0, "radius": 1.0 + 1e-15}, 12.0, "1/(n-1)", 1.0)
@example({"margin": 1e-200, "radius": 1e100}, 2.0, "1/n", 0.0)
@example({"margin": 1.0, "radius": 5.0}, 6.0, "1/(n-1)", 0.5)  # rho/(n - 1) = 1
@example({"margin": 1.0, "radius": 1.2}, 2.0, "1/(n-1)", 0.0)  # one direction for both weightings
def test_anytime_and_limit_are_exact(data, n, weighting, share):
    assert_exact("anytime", {**data, "n": n, "weighting": weighting})
    if data["radius"] > data["margin"]:
        assert_exact("limit", {**data, "n": n, "size": max(1.0, np.floor(share * (n - 1)))})


@settings(max_examples=40, deadline=None)
@given(geometry(), whole(0.5, 12))
@example({"margin": 1.0, "radius": 1.0}, 3.0)
@example({"margin": 1.0, "radius": 2.0**0.5}, 4.0)  # the cone's angle is 90 degrees
@example({"margin": 1.0, "radius": 1.0 + 1e-15}, 1e12)
@example({"margin": 1e-9, "radius": 1.0}, 2.0)
def test_anytime_flow_is_exact(data, n):
    assert_exact("anytime_flow", {**data, "n": n})


def test_flow_with_other_weights_keeps_the_constant_2_from_four_samples_on():
    # the proof's two lines, and what it ends with; 1.2012 is the minimum of (1 + T^2)^3/(T^3 + 3T)
    square = 5**0.5 - 2
    least = (1 + square) ** 3 / (square**0.5 * (square + 3))
    assert 4 * np.log(4 / 3) < least < 3 * np.log(3 / 2)
    rho = np.append(np.geomspace(1, 10, 3000), np.geomspace(10, 1e9, 500))
    for n in (2, 4, 5, 6, 10, 100, 10**9):
        assert np.all(head.anytime_flow(n=n, margin=1.0, radius=rho) <= 2 * rho / n)
    three = (head.anytime_flow(n=3, margin=1.0, radius=rho) * 3 / rho).max()
    assert 2 < three < 2.01
    for n in (2, 3, 4, 50):
        flow = head.anytime_flow(n=n, margin=1.0, radius=rho)
        assert np.all(flow >= head.anytime(n=n, margin=1.0, radius=rho))
        assert np.all(flow <= head.anytime(n=n, margin=1.0, radius=rho, weighting="1/(n-1)"))


@settings(max_examples=40, deadline=None)
@given(geometry(), whole(0.5, 6))
@example({"margin": 1.0, "radius": 1.5}, 2.0)
@example({"margin": 1.0, "radius": 1.0}, 3.0)
@example({"margin": 1.0, "radius": 1.5}, 4.0)
@example({"margin": 1.0, "radius": 1.5}, 1e15)
def test_the_simplex_is_exact(data, n):
    if data["radius"] > data["margin"]:
        assert_exact("simplex", {**data, "n": n})
    assert_exact("simplex_worst", {**data, "n": n})


def test_the_worst_simplex_is_the_largest_over_radii_and_below_the_proved_constant():
    rho = np.geomspace(1, 1e4, 20_000)
    for n, known in ((2, 1.0887), (3, 1.0530), (4, 1.0379), (5, 1.0295), (100, 1.0013)):
        values = head.simplex(n=n, margin=1.0, radius=rho) * n / rho
        worst = head.simplex_worst(n=n, margin=1.0, radius=1.0) * n
        assert values.max() == pytest.approx(worst, rel=1e-6)
        assert worst == pytest.approx(known, abs=6e-5)
        assert np.all(values <= head.limit(n=n, margin=1.0, radius=rho) * n / rho * (1 + 1e-12))


def test_the_constants_are_the_known_ones_where_they_are_largest():
    # both from the statements: sqrt(32/27) at rho = 3/2, 8/sqrt(27) in the limit of large rho
    assert head.limit(n=2, margin=2.0, radius=3.0) == pytest.approx(
        0.75 * (32 / 27) ** 0.5, rel=1e-14
    )
    assert head.anytime(n=10**12, margin=1e-9, radius=1.0) == pytest.approx(
        1e-3 * 8 / 27**0.5, rel=1e-8
    )
    rho = np.geomspace(1, 1e6, 2000)
    limit = head.limit(n=2, margin=1.0, radius=rho) * 2 / rho
    anytime = head.anytime(n=2, margin=1.0, radius=rho) * 2 / rho
    assert limit.max() <= (32 / 27) ** 0.5 * (1 + 1e-15)
    assert np.all(limit <= anytime)
    assert np.all(np.diff(anytime) > -1e-15)
    assert anytime[0] == 1.0
    assert anytime[-1] < 8 / 27**0.5
    other = head.anytime(n=np.arange(3, 60)[:, None], margin=1.0, radius=rho, weighting="1/(n-1)")
    assert np.all(
        other
        <= head.anytime_plain(
            n=np.arange(3, 60)[:, None], margin=1.0, radius=rho, weighting="1/(n-1)"
        )
    )


@given(
    log_uniform(-290, 290),
    st.floats(-1, 1) | log_uniform(0, 9).map(lambda x: -x) | log_uniform(-15, 0),
)
@example(1.0, float(np.nextafter(1.0, 0.0)))
@example(1.0, 1.0)
@example(1.0, 0.0)
@example(1e-300, -1e300)
@example(1e300, -1.0)
@example(3.0, 1 - 1e-9)
def test_direction_is_exact(margin, relative):
    assert_exact("direction", {"margin": margin, "head_margin": margin * relative})


def test_anytime_defaults_are_a_run_from_zero_with_weights_1_over_n():
    assert head.anytime_plain(n=10, margin=0.5, radius=4) == 2 * 4 / (0.5 * 10)
    assert head.anytime(n=10, margin=0.5, radius=4) == head.anytime(
        n=10, margin=0.5, radius=4, weighting="1/n"
    )


@st.composite
def one_solve_arguments(draw):
    margin = draw(log_uniform(-140, 140))
    n = draw(st.integers(2, 6))
    shares = np.array(duals_of(draw, n))
    shares /= shares.sum()
    norms = draw(st.lists(log_uniform(0, 9) | st.just(1.0), min_size=n, max_size=n))
    return {
        "margin": margin,
        "dual": list(shares / margin / margin),
        "norms": [margin * x for x in norms],
    }


def duals_of(draw, n):
    shares = draw(st.lists(log_uniform(-12, 0) | st.just(0.0), min_size=n, max_size=n))
    shares[draw(st.integers(0, n - 1))] = 1.0
    return shares


@given(one_solve_arguments(), st.data())
@example({"margin": 1.0, "dual": [1.0, 0.0], "norms": [1.0, 5.0]}, None)
@example({"margin": 0.5, "dual": [4.0, 0.0], "norms": [3.0, 5.0]}, None)
@example({"margin": 1.0, "dual": [1.0, 1e-300], "norms": [1.0 + 1e-15, 5.0]}, None)
def test_deletion_is_exact(arguments, data):
    n = len(arguments["dual"])
    assert_exact("deletion", arguments)
    size = 1 if data is None else data.draw(st.integers(1, n - 1))
    left_out = np.arange(n) < size
    assert_exact("deletion_group", {**arguments, "left_out": left_out})
    assert_exact("deletion_worst", {**arguments, "size": size})


def test_a_pair_at_the_right_angle_keeps_its_digits():
    # 1 - s^2 is a difference of nearly equal numbers there, and the chord has an infinite slope
    for hinge in (1.0, 1 - 2.0**-53, 1 - 2.0**-52, 1 - 1e-9, 1 + 2.0**-52):
        for margin in (0.1, 0.7, 3.3):
            dual = float(np.float64(1.0) / margin / margin)
            assert_exact("pair", {"margin": margin, "dual": dual, "hinge": hinge})
            assert_exact(
                "dual", {"margin": margin, "dual": [dual * hinge / 2], "norms": [margin * 1.0]}
            )


SCALARS = {
    "published": {
        "n": 40,
        "margin": 0.5,
        "radius": 4,
        "steps": 1000,
        "C": 1.5,
        "lam": 0.2,
        "nu": 0.6,
    },
    "support": {"n": 40, "margin": 0.5, "radius": 4, "n_support": 7},
    "free": {"n": 40, "margin": 0.5, "radius": 4},
    "trajectory": {"drift": 0.2, "norm": 3.0, "left_out_norms": 2.9},
    "chord": {"drift": 0.2, "norm": 3.0},
    "anytime": {"n": 40, "margin": 0.5, "radius": 4},
    "anytime_flow": {"n": 40, "margin": 0.5, "radius": 4},
    "anytime_plain": {"n": 40, "margin": 0.5, "radius": 4, "progress": 0.9},
    "limit": {"n": 40, "margin": 0.5, "radius": 4, "size": 2},
    "simplex": {"n": 40, "margin": 0.5, "radius": 4},
    "simplex_worst": {"n": 40, "margin": 0.5, "radius": 4},
    "direction": {"margin": 0.5, "head_margin": 0.3},
    "ratio": {"margin": 0.5, "left_out_margins": 0.7},
    "pair": {"margin": 0.5, "dual": 1.0, "hinge": 0.3},
    "replacement": {"before": 0.3, "after": 1.1},
    "copies_lower": {"n": 40, "margin": 0.5, "radius": 4, "learning_rate": 0.2, "steps": 1000},
    "copies_upper": {"n": 40, "margin": 0.5, "radius": 4, "learning_rate": 0.2, "steps": 1000},
}


@pytest.mark.parametrize("name", SCALARS)
def test_scalars_give_a_float_and_arrays_the_same_numbers(name):
    bound, scalars = getattr(head, name), SCALARS[name]
    single = bound(**scalars)
    assert type(single) is float
    assert (
        type(bound(**{key: np.float32(1) * np.array(value) for key, value in scalars.items()}))
        is float
    )
    for varied in scalars:
        several = bound(**{**scalars, varied: [scalars[varied]] * 3})
        assert several.dtype == np.float64
        assert np.array_equal(several, [single] * 3)
    grid = bound(
        **{
            key: np.full((2, 1) if k else (1, 3), value)
            for k, (key, value) in enumerate(scalars.items())
        }
    )
    assert np.array_equal(grid, np.full((2, 3), single))


def test_kkt_and_dual_reduce_the_last_axis_of_the_dual():
    duals = np.array([[0.0, 1.0, 3.0], [2.0, 1.0, 0.5]])
    margins, radii, nus = np.array([0.5, 0.4]), np.array([4.0, 3.0]), np.array([0.5, 0.6])
    norms = np.array([[1.0, 2.0, 4.0], [3.0, 1.0, 0.4]])
    kkt = head.kkt(n=3, margin=margins, radius=radii, dual=duals, nu=nus)
    dual = head.dual(margin=margins, dual=duals, norms=norms)
    assert kkt.shape == dual.shape == (2,)
    for k in range(2):
        assert kkt[k] == head.kkt(n=3, margin=margins[k], radius=radii[k], dual=duals[k], nu=nus[k])
        assert dual[k] == head.dual(margin=margins[k], dual=duals[k], norms=norms[k])
    assert type(head.dual(margin=0.5, dual=[1.0, 3.0], norms=[1.0, 1.0])) is float


def test_a_value_per_data_set_meets_the_samples_of_that_data_set():
    margins, many = np.array([0.5, 0.25]), np.array([[0.5, 1.0], [0.5, 2.0]])  # square on purpose
    ratio = head.ratio(margin=margins, left_out_margins=many)
    pair = head.pair(margin=margins, dual=many, hinge=many)
    trajectory = head.trajectory(drift=many, norm=margins, left_out_norms=many)
    chord = head.chord(drift=many / 100, norm=margins)
    for k in range(2):
        for i in range(2):
            assert ratio[k, i] == head.ratio(margin=margins[k], left_out_margins=many[k, i])
            assert pair[k, i] == head.pair(margin=margins[k], dual=many[k, i], hinge=many[k, i])
            assert trajectory[k, i] == head.trajectory(
                drift=many[k, i], norm=margins[k], left_out_norms=many[k, i]
            )
            assert chord[k, i] == head.chord(drift=many[k, i] / 100, norm=margins[k])


def test_deletions_of_several_data_sets_are_those_of_each():
    many = {
        "margin": np.array([0.5, 0.25]),
        "dual": np.array([[1.0, 1.5, 1.0, 0.5], [5.0, 4.0, 3.0, 4.0]]),
        "norms": np.array([[0.6, 0.7, 0.55, 0.8], [0.3, 0.4, 0.35, 0.26]]),  # far from the cone's
    }
    masks = np.array([[True, True, False, False], [False, True, False, False]])
    sizes = np.array([1, 2])
    found = {
        "deletion": head.deletion(**many),
        "deletion_group": head.deletion_group(**many, left_out=masks),
        "deletion_worst": head.deletion_worst(**many, size=sizes),
    }
    for k in range(2):
        one = {name: value[k] for name, value in many.items()}
        assert np.array_equal(found["deletion"][k], head.deletion(**one))
        group = head.deletion_group(**one, left_out=masks[k])
        assert found["deletion_group"][k] == group
        assert found["deletion_worst"][k] == head.deletion_worst(**one, size=sizes[k])


def test_bounds_above_the_trivial_one_are_not_clipped():
    assert head.free(n=2, margin=1e-9, radius=1.0) > 1e4
    assert head.anytime_plain(n=2, margin=1e-9, radius=1.0) == pytest.approx(1e9, rel=1e-15)
    assert head.limit(n=2, margin=1e-9, radius=1.0) == pytest.approx(5e8, rel=1e-15)
    assert head.direction(margin=1.0, head_margin=-100.0) > 14


VALID = {
    **SCALARS,
    "kkt": {"n": 3, "margin": 0.5, "radius": 4, "dual": [0.0, 1.0, 3.0], "nu": 0.5},
    "dual": {"margin": 0.5, "dual": [0.0, 1.0, 3.0], "norms": [1.0, 2.0, 4.0]},
    "deletion": {"margin": 0.5, "dual": [0.0, 1.0, 3.0], "norms": [1.0, 2.0, 4.0]},
    "deletion_group": {
        "margin": 0.5,
        "dual": [0.0, 1.0, 3.0],
        "norms": [1.0, 2.0, 4.0],
        "left_out": [True, True, False],
    },
    "deletion_worst": {
        "margin": 0.5,
        "dual": [0.0, 1.0, 3.0],
        "norms": [1.0, 2.0, 4.0],
        "size": 2,
    },
}
BELOW = {
    "n": (1, "n must be at least 2"),
    "margin": (0.0, "margin must be above 0"),
    "radius": (0.0, "radius must be above 0"),
    "steps": (2, "steps must be at least 3"),
    "C": (-1e-9, "C must be 0 or more"),
    "lam": (0.0, "lam must be above 0"),
    "nu": (-1.0, "nu must be 0 or more"),
    "n_support": (0, "n_support must be at least 1"),
    "drift": (-1.0, "drift must be 0 or more"),
    "norm": (0.0, "norm must be above 0"),
    "left_out_norms": (0.0, "left_out_norms must be above 0"),
    "progress": (-0.1, "progress must be 0 or more"),
    "left_out_margins": (0.0, "left_out_margins must be above 0"),
    "hinge": (-0.1, "hinge must be 0 or more"),
    "dual": (-0.1, "dual must be 0 or more"),
    "norms": (0.0, "norms must be above 0"),
    "before": (-0.1, "before must be 0 or more"),
    "after": (-0.1, "after must be 0 or more"),
    "size": (0, "size must be at least 1"),
    "learning_rate": (0.0, "learning_rate must be above 0"),
}
BELOW_OF = {
    (name, "steps"): (0, "steps must be at least 1") for name in ("copies_lower", "copies_upper")
}
CASES = [
    (name, argument)
    for name, arguments in VALID.items()
    for argument in arguments
    if argument != "left_out"  # a mask, see below
]


@pytest.mark.parametrize(("name", "argument"), CASES)
def test_every_argument_is_checked(name, argument):
    bound, valid = getattr(head, name), VALID[name]
    sized = isinstance(valid[argument], list)

    def call(value):
        return bound(**{**valid, argument: [value, *valid[argument][1:]] if sized else value})

    for bad in (True, "1", None, 1j):
        with pytest.raises(TypeError, match=rf"^{argument} "):
            call(bad)
    for bad in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match=rf"^{argument}\b.* must be finite"):
            call(bad)
    if argument in BELOW:
        value, message = BELOW_OF.get((name, argument), BELOW[argument])
        with pytest.raises(ValueError, match=message):
            call(value)
    if argument in ("n", "steps", "n_support", "size"):
        with pytest.raises(ValueError, match=rf"{argument} must be a whole number"):
            call(7.5)


@pytest.mark.parametrize(
    "name",
    [
        "published",
        "support",
        "free",
        "anytime",
        "anytime_flow",
        "anytime_plain",
        "limit",
        "simplex",
        "simplex_worst",
    ],
)
def test_a_radius_below_the_margin_is_refused_but_rounding_is_not(name):
    bound, valid = getattr(head, name), SCALARS[name]
    with pytest.raises(
        ValueError, match=r"radius = 0.4 is below margin = 0.5: no sample is nearer to the origin"
    ):
        bound(**{**valid, "radius": 0.4})
    assert np.isfinite(bound(**{**valid, "radius": 0.5 * (1 - 1e-12)}))


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("kkt", {"radius": 0.1}, "radius = 0.1 is below margin = 0.5"),
        ("kkt", {"n": 4}, r"n = 4.0 but dual has 3 samples on its last axis: they must agree"),
        (
            "kkt",
            {"dual": [0.0, 0.0, 0.0]},
            "dual is 0 for every sample: a separator has at least one support vector",
        ),
        ("kkt", {"dual": 1.0}, "dual must have the samples on its last axis, got a scalar"),
        ("dual", {"dual": [0.0, 0.0, 0.0]}, "dual is 0 for every sample"),
        (
            "dual",
            {"norms": [0.4, 1.0, 1.0]},
            r"norms\[0\] = 0.4 is below margin\[0\] = 0.5: no sample",
        ),
        (
            "ratio",
            {"left_out_margins": [0.5, 0.49]},
            r"left_out_margins\[1\] = 0.49 is below margin\[1\] = 0.5: leaving a sample out cannot"
            " shrink the margin; solve both to more digits$",
        ),
        (
            "deletion_group",
            {"left_out": [True, True, True]},
            "left_out takes every sample: no separator is left; keep at least one",
        ),
        ("deletion_worst", {"size": 3}, "size = 3.0 leaves none of the 3 samples: take at most"),
        ("limit", {"size": 40}, r"size = 40.0 leaves no sample of n = 40.0"),
        ("deletion", {"margin": 0.6}, r"dual has sum 1\.44/margin\^2, and a separator's has 1/"),
        ("deletion", {"dual": [4.0], "norms": [2.0]}, "dual has one sample: at least 2"),
        (
            "deletion",
            {"norms": [0.4, 1.0, 1.0]},
            r"norms\[0\] = 0.4 is below margin\[0\] = 0.5: no sample",
        ),
        ("kkt", {"n": [3, 4]}, r"n = \[3.0, 4.0\] but dual has 3 samples"),
        ("support", {"n_support": [40, 41]}, r"n_support = \[40.0, 41.0\] exceeds n = 40.0"),
        (
            "support",
            {"n_support": 41},
            "n_support = 41.0 exceeds n = 40.0: count the samples with dual > 0",
        ),
        (
            "direction",
            {"head_margin": 0.5001},
            "margin = 0.5 is below head_margin = 0.5001: no head has a larger margin",
        ),
        (
            "anytime",
            {"weighting": "1/m"},
            r"weighting must be one of '1/n', '1/\(n-1\)', got '1/m'",
        ),
        (
            "anytime_plain",
            {"weighting": "1/m"},
            r"weighting must be one of '1/n', '1/\(n-1\)', got '1/m'",
        ),
    ],
)
def test_impossible_combinations_are_refused(name, changes, message):
    with pytest.raises(ValueError, match=message):
        getattr(head, name)(**{**VALID[name], **changes})


@pytest.mark.parametrize(
    ("name", "argument", "other"),
    [
        (name, *pair)
        for name, arguments in VALID.items()
        for pair in itertools.permutations(arguments, 2)
    ],
)
def test_shapes_that_do_not_meet_are_named(name, argument, other):
    clash = {**VALID[name], argument: [VALID[name][argument]] * 2, other: [VALID[name][other]] * 3}
    with pytest.raises(
        ValueError, match=r"shapes do not broadcast: .*\(.*; give arrays of one shape, or scalars"
    ) as refusal:
        getattr(head, name)(**clash)
    # what deletes several samples shows the dual with the margin's axes instead of the margin
    hidden = {"margin"} if name in ("deletion_group", "deletion_worst") else set()
    for clashing in {argument, other} - hidden:
        assert re.search(rf"\b{clashing}(_per_data_set)? \(", str(refusal.value))


def test_values_crossed_by_rounding_count_as_equal():
    assert head.ratio(margin=0.5, left_out_margins=0.5 * (1 - 1e-12)) == 0.0
    assert head.direction(margin=0.5, head_margin=0.5 * (1 + 1e-12)) == 0.0


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("published", {"lam": 1e-300, "nu": 1e20}),
        ("published", {"lam": 1e-300, "nu": [1.0, 1e20]}),
        ("published", {"n": 2, "lam": 1.0, "margin": 1e300, "radius": 1e300, "nu": 4.8e8}),
        ("published", {"C": 1e308, "steps": 16, "lam": 1e-300, "nu": 1e8, "n": 2}),
        ("kkt", {"dual": [1.0, 1.0, 1.0], "margin": 1e308, "radius": 1e308, "nu": 2.4}),
        ("kkt", {"dual": [1e300, 1e300, 1e300], "nu": 1e20}),
        ("trajectory", {"drift": 1e300, "norm": 1e-10, "left_out_norms": 1e-10}),
        ("anytime", {"margin": 1e-200, "radius": 1e200}),
        ("anytime_plain", {"margin": 1e-200, "radius": 1e200}),
        ("limit", {"margin": 1e-200, "radius": 1e200}),
        ("anytime_flow", {"margin": 1e-200, "radius": 1e200}),
        ("simplex_worst", {"margin": 1e-200, "radius": 1e200}),
        ("free", {"margin": 5e-324, "radius": 1e308}),
        ("support", {"margin": 5e-324, "radius": 1e308}),
        ("direction", {"margin": 5e-324, "head_margin": -1e308}),
    ],
)
def test_a_bound_beyond_float64_is_an_error(name, changes):
    with pytest.raises(
        OverflowError, match=f"^{name} exceeds float64 .*: rescale the data or the constants"
    ):
        getattr(head, name)(**{**VALID[name], **changes})


def test_angles_below_90_degrees_end_at_the_root_of_two():
    assert head.pair(margin=1e10, dual=1e308, hinge=1e308) == 2**0.5
    assert head.dual(margin=1e8, dual=[1e308] * 3, norms=[1e308] * 3) == 2**0.5
    far = head.deletion(margin=2.0, dual=[0.25, 0.0], norms=[2.0, 1e300])
    assert far == pytest.approx([2**0.5, 0.0], rel=1e-15)
    cone = head.deletion(margin=2.0, dual=[0.25, 0.0], norms=[2.0, 4.0])
    assert cone == pytest.approx([1.0, 0.0], rel=1e-15)  # 60 degrees


@pytest.mark.parametrize("mask", [[1, 0, 0], ["a", "b", "c"], True, None])
def test_a_group_is_a_mask_of_booleans(mask):
    with pytest.raises(TypeError, match="left_out must be a mask of booleans"):
        head.deletion_group(**{**VALID["deletion_group"], "left_out": mask})


@given(log_uniform(-300, 1) | st.floats(0, 2.5), log_uniform(-300, 1) | st.floats(0, 2.5))
@example(2.0, 0.0)
@example(2**0.5, 2**0.5)
@example(1.9999999999999998, 1e-8)
@example(0.0, 0.0)
@example(0.0, 5e-324)
@example(1e-310, 5e-324)
def test_replacement_is_exact(before, after):
    assert_exact("replacement", {"before": before, "after": after})


@st.composite
def copies_arguments(draw):
    margin = draw(log_uniform(-140, 140))
    radius = margin * 2**0.5 * (1 + draw(log_uniform(-3, 9)))
    kappa = draw(log_uniform(-20, 2.7))
    return {
        "margin": margin,
        "radius": radius,
        "n": draw(whole(0.31, 12)),
        "learning_rate": kappa / radius / radius,
        "steps": draw(whole(0, 30) | st.just(1)),
    }


@given(copies_arguments())
def test_the_bounds_on_copies_are_exact(arguments):
    assert_exact("copies_upper", arguments)
    lower, exact = head.copies_lower(**arguments), head_formulas.copies_lower(**arguments)
    # where u_1 and u_2 cross, the rounding of both is what is left
    assert abs(lower - exact) <= RELATIVE * head.copies_upper(**arguments)


def test_two_samples_of_one_norm_leave_no_error():
    arguments = {"n": 2, "margin": 0.5**0.5, "radius": 1.0, "learning_rate": 3.0, "steps": 100}
    assert head.copies_lower(**arguments) == 0.0
    assert 0 < head.copies_upper(**arguments) < 0.02


@pytest.mark.parametrize("name", ["copies_lower", "copies_upper"])
@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"margin": 3.0},
            ValueError,
            r"radius = 4.0 is below sqrt\(2\) margin = 4.24.*no two orthogonal samples",
        ),
        ({"learning_rate": 1e-307}, ValueError, "below 2.2e-308: take larger steps, or rescale"),
        ({"learning_rate": 100.0}, OverflowError, r"^e\^\(kappa/2\) \+ kappa t exceeds float64"),
        (
            {"learning_rate": 1e308},
            OverflowError,
            "^learning_rate times the squared radius exceeds float64",
        ),
        (
            {"learning_rate": 80.0, "steps": 1e308},
            OverflowError,
            r"^e\^\(kappa/2\) \+ kappa t exceeds float64",
        ),
    ],
)
def test_steps_and_margins_that_the_copies_cannot_have_are_refused(name, changes, error, message):
    with pytest.raises(error, match=message):
        getattr(head, name)(**{**VALID[name], **changes})


def test_the_smallest_steps_on_copies():
    # kappa_2 = eta/2 for two samples of norm 1, against the smallest normal number 2.225e-308
    data = {"n": 2, "margin": 0.5**0.5, "radius": 1.0, "steps": 3}
    assert head.copies_lower(**data, learning_rate=4.5e-308) == 0.0
    with pytest.raises(ValueError, match=r"^learning_rate times the squared margin over"):
        head.copies_lower(**data, learning_rate=4.4e-308)


@pytest.mark.parametrize("largest", [False, True])
def test_one_step_on_copies_moves_a_product_by_half_its_step_size(largest):
    kappa = np.append(10.0 ** np.arange(-300.0, 3), [0.5, 0.7, 0.85, 0.886, 0.887, 1.1, 1400.0])
    found = two_directions._product(kappa, np.ones_like(kappa), largest)
    np.testing.assert_allclose(found, kappa / 2, rtol=4e-16)


def leaving(X, y, i):
    s = max_margin(X, y)
    norms = np.linalg.norm(X, axis=1)
    return s.direction, head.deletion(margin=s.margin, dual=s.dual, norms=norms)[i]


def test_two_samples_attain_the_bound_of_a_changed_label_and_of_a_mirrored_one():
    for angle in (0.2, 1.0, 1.5, 2.9):
        first = np.array([np.cos(angle), np.sin(angle)])
        mirrored = first * [1, -1]
        X, y = np.array([first, [-1.0, 0.0]]), np.array([1, -1])
        old, before = leaving(X, y, 0)
        for sample, known in ((mirrored, angle), (-first, np.pi / 2)):
            new, after = leaving(np.array([sample, X[1]]), y, 0)
            measured = np.linalg.norm(old - new)
            assert measured == pytest.approx(2 * np.sin(known / 2), rel=1e-12)
            assert head.replacement(before=before, after=after) == pytest.approx(
                measured, rel=1e-12
            )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 12), st.integers(2, 12))
def test_replaced_samples_and_changed_labels_keep_to_the_bound(seed, n, d):
    rng = np.random.default_rng(seed)
    X, y = separable(rng, n + 1, d, gap=0.05)
    pool = max_margin(X, y)
    norms = np.linalg.norm(X, axis=1)
    shares = head.deletion(margin=pool.margin, dual=pool.dual, norms=norms)
    kept, constant = [], 0.0
    for i in range(n + 1):
        s = max_margin(np.delete(X, i, axis=0), np.delete(y, i))
        kept.append(s)
        constant = max(constant, head.limit(n=n, margin=s.margin, radius=norms.max()))
    units = np.array([s.direction for s in kept])
    measured = np.linalg.norm(units[:, None] - units, axis=2)
    assert np.all(measured <= head.replacement(before=shares[:, None], after=shares[None]) + 1e-12)
    # by what S and S' have in common, as their dual knows it; j is the place of n in S without it
    old, new = kept[n], kept[0]
    before = head.deletion(margin=old.margin, dual=old.dual, norms=norms[:n])[0]
    after = head.deletion(margin=new.margin, dual=new.dual, norms=norms[1:])[-1]
    assert measured[0, n] <= head.replacement(before=before, after=after) + 1e-12
    mean = measured.sum() / (n * (n + 1))
    assert mean <= 2 * head.limit(n=n + 1, margin=pool.margin, radius=norms.max())
    assert mean <= 2 * constant
    for i in range(n + 1):
        changed = np.where(np.arange(n + 1) == i, -y, y)
        try:
            other, after = leaving(X, changed, i)
        except ValueError:  # that label cannot be learned, or was the last of its class
            continue
        assert np.linalg.norm(other - pool.direction) <= (
            head.replacement(before=shares[i], after=after) + 1e-12
        )


def separators(seed, n, d):
    X, y = separable(np.random.default_rng(seed), n, d)
    whole_sample = max_margin(X, y)
    left_out = leave_one_out_separators(X, y, whole_sample)
    unit = left_out.weights / np.linalg.norm(left_out.weights, axis=1)[:, None]
    return X, y, whole_sample, left_out, np.linalg.norm(unit - whole_sample.direction, axis=1)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 40), st.integers(1, 50))
def test_limit_chain(seed, n, d):
    X, y, s, left_out, measured = separators(seed, n, d)
    norms = np.linalg.norm(X, axis=1)
    radius = norms.max()
    ratio = head.ratio(margin=s.margin, left_out_margins=left_out.margins)
    pair = head.pair(margin=s.margin, dual=s.dual, hinge=left_out.hinge)
    dual = head.dual(margin=s.margin, dual=s.dual, norms=norms)
    support = head.support(n=n, margin=s.margin, radius=radius, n_support=s.support.size)
    free = head.free(n=n, margin=s.margin, radius=radius)
    # margins in float64 resolve their ratio to 2e-16, its root to 2e-8
    assert np.all(measured <= ratio + 5e-8)
    assert np.all(measured <= pair + 1e-12)
    deletion = head.deletion(margin=s.margin, dual=s.dual, norms=norms)
    limit = head.limit(n=n, margin=s.margin, radius=radius)
    assert np.all(measured <= deletion + 1e-12)
    assert np.mean(deletion) <= limit * (1 + 1e-12)
    assert limit <= (32 / 27) ** 0.5 * radius / (s.margin * n) * (1 + 1e-12)
    for k in range(1, min(n, 4)):
        worst = head.deletion_worst(margin=s.margin, dual=s.dual, norms=norms, size=k)
        left = np.random.default_rng(seed + k).permutation(np.arange(n) < k)
        group = head.deletion_group(margin=s.margin, dual=s.dual, norms=norms, left_out=left)
        assert group <= worst * (1 + 1e-12)
        if len(np.unique(y[~left])) == 2:
            others = max_margin(X[~left], y[~left])
            assert np.linalg.norm(others.direction - s.direction) <= group + 1e-7
    assert np.mean(pair) <= dual * (1 + 1e-12)
    assert dual <= support * (1 + 1e-12)
    assert support <= free * (1 + 1e-12)
    kkt = head.kkt(n=n, margin=s.margin, radius=radius, dual=s.dual, nu=s.margin)
    assert np.all(measured <= kkt)
    unmoved = s.dual == 0
    assert np.all(left_out.weights[unmoved] == s.weights)
    assert np.all(pair[unmoved] == 0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 40), st.integers(1, 50), log_uniform(-6, 3))
def test_direction_certifies_any_head(seed, n, d, noise):
    rng = np.random.default_rng(seed)
    X, y = separable(rng, n, d)
    s = max_margin(X, y)
    for w in (s.direction + noise * rng.normal(size=d), rng.normal(size=d)):
        unit = w / np.linalg.norm(w)
        own = (y * (X @ unit)).min()
        distance = np.linalg.norm(unit - s.direction)
        assert distance <= head.direction(margin=s.margin, head_margin=own) + 5e-8
