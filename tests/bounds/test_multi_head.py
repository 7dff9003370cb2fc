"""The multi-head bounds: exact arithmetic, the inequalities they promise on random starts, and
their refusals.
"""

import inspect
import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from tests.oracles import multi_head_formulas
from tests.oracles.multi_head_descent import heads_at, left_out_heads_at, many_heads_at
from tests.oracles.samples import separable
from tunebound.bounds import constants, head, max_margin, multi_head

RELATIVE = 1e-12


def log_uniform(low, high):
    """Floats whose decimal exponent is uniform between low and high."""
    return st.floats(low, high, allow_nan=False).map(lambda exponent: 10.0**exponent)


def whole(low, high):
    return log_uniform(low, high).map(lambda x: float(np.floor(x)))


probability = log_uniform(-300, -1e-9) | st.floats(0.01, 0.99) | st.just(1 - 2**-53)


def assert_exact(name, arguments):
    value = getattr(multi_head, name)(**arguments)
    exact = getattr(multi_head_formulas, name)(**arguments)
    assert isinstance(value, float)
    assert abs(mpf(value) - exact) <= RELATIVE * exact, (name, arguments, value, mp.nstr(exact, 20))


@given(
    margin=log_uniform(-140, 140),
    relative=log_uniform(0, 9),
    n=whole(0.5, 12),
    steps=whole(0.5, 30) | st.just(3.0),
    heads=whole(4, 12),
    delta=probability,
    constants=st.tuples(*[log_uniform(-6, 6) | st.just(0.0)] * 2),
    lam=log_uniform(-14, 6),
    nu=log_uniform(-3, 3) | st.just(0.0),
)
@example(1e-9, 1e9, 1e12, 1e30, 1e4, 1e-300, (1.0, 1.0), 1.0, 1.0)
@example(1.0, 1.0, 2.0, 3.0, 3.0, 1 - 2**-53, (1e6, 1e6), 1e-14, 0.0)
def test_published_is_exact(margin, relative, n, steps, heads, delta, constants, lam, nu):
    C, xi = constants
    data = {
        "n": n,
        "margin": margin,
        "radius": margin * relative,
        "steps": steps,
        "lam": lam * margin**2,
        "nu": nu * margin,
    }
    assert_exact("published", {**data, "heads": heads, "delta": delta, "C": C, "xi": xi})


@given(
    log_uniform(-280, 300) | st.just(0.0),
    log_uniform(-280, 300) | st.just(0.0),
    whole(0, 30),
    probability,
)
@example(0.0, 1e300, 1.0, 1e-300)
def test_refined_is_exact(bias, spread, heads, delta):
    assert_exact("refined", {"bias": bias, "spread": spread, "heads": heads, "delta": delta})


@given(
    log_uniform(-280, 280) | st.just(0.0),
    log_uniform(-280, 280) | st.just(0.0),
    whole(0, 12),
    probability,
    whole(0, 9),
)
@example(1e-280, 1e-280, 1e12, 1e-9, 1.0)
def test_concentration_is_exact(spread, deviation, heads, delta, groups):
    assert_exact(
        "concentration",
        {
            "spread": spread,
            "deviation": deviation,
            "heads": heads,
            "delta": delta,
            "groups": groups,
        },
    )


@given(probability)
@example(0.05)
def test_heads_needed_is_the_fewest_that_published_accepts(delta):
    assert_exact("heads_needed", {"delta": delta})
    fewest = multi_head.heads_needed(delta=delta)
    multi_head.published(**{**VALID["published"], "heads": fewest, "delta": delta})
    with pytest.raises(
        ValueError,
        match=(
            rf"heads = .* is not above 2 \+ 8 ln\(1/delta\) = .*: take at least {fewest:.0f} heads,"
            r" or a larger"
        ),
    ):
        multi_head.published(**{**VALID["published"], "heads": fewest - 1, "delta": delta})


VALID = {
    "published": dict(
        n=50,
        margin=0.5,
        radius=4.0,
        steps=1000,
        heads=64,
        delta=0.05,
        C=1.0,
        xi=0.3,
        lam=0.25,
        nu=0.5,
    ),
    "refined": dict(bias=0.1, spread=0.4, heads=64, delta=0.05),
    "concentration": dict(spread=2.0, deviation=1.0, heads=64, delta=0.05, groups=16),
    "heads_needed": dict(delta=0.05),
}
ARGUMENTS = [(name, argument) for name, valid in VALID.items() for argument in valid]
LEAST = {"n": 2, "steps": 3}
ZERO_ALLOWED = {"C", "xi", "nu", "bias", "spread", "deviation"}


def test_every_argument_is_listed():
    for name, valid in VALID.items():
        assert list(inspect.signature(getattr(multi_head, name)).parameters) == list(valid)


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_every_argument_is_checked(name, argument):
    formula, valid = getattr(multi_head, name), VALID[name]
    for bad in (
        np.nan,
        np.inf,
        -1.0,
        *(() if argument in ZERO_ALLOWED else (0,)),
        *((1.0, 1.5) if argument == "delta" else ()),
        *((LEAST[argument] - 1,) if argument in LEAST else ()),
    ):
        with pytest.raises(ValueError, match=rf"^{argument} = "):
            formula(**{**valid, argument: bad})
    for bad in ("1", True, None, 1j):
        with pytest.raises(TypeError, match=rf"^{argument} must be made of real numbers"):
            formula(**{**valid, argument: bad})
    if argument in LEAST:
        assert formula(**{**valid, argument: LEAST[argument]}) > 0
    if argument in ("n", "steps", "heads", "groups"):
        with pytest.raises(ValueError, match=f"{argument} must be a whole number: round it first"):
            formula(**{**valid, argument: 64.5})


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_arrays_give_the_same_numbers(name, argument):
    formula, valid = getattr(multi_head, name), VALID[name]
    values = [valid[argument], valid[argument] * (0.9 if argument in ("delta", "margin") else 2)]
    together = formula(**{**valid, argument: values})
    assert together.shape == (2,)
    assert together.tolist() == [formula(**{**valid, argument: value}) for value in values]


@pytest.mark.parametrize(
    ("name", "argument", "other"),
    [
        (name, *pair)
        for name, arguments in VALID.items()
        for pair in itertools.combinations(arguments, 2)
    ],
)
def test_shapes_that_do_not_meet_are_named(name, argument, other):
    valid = VALID[name]
    clash = {**valid, argument: [valid[argument]] * 2, other: [valid[other]] * 3}
    with pytest.raises(ValueError, match="shapes do not broadcast: ") as refusal:
        getattr(multi_head, name)(**clash)
    assert f"{argument} (2,)" in str(refusal.value)
    assert f"{other} (3,)" in str(refusal.value)


def test_as_many_heads_as_the_factor_are_too_few():
    # 2 + 8 ln(1/delta) rounds to 10 at this delta
    delta = np.exp(-1.0)
    assert 2.0 - 8.0 * np.log(delta) == 10.0
    with pytest.raises(ValueError, match=r"heads = 10 is not above .* take at least 11 heads"):
        multi_head.published(**{**VALID["published"], "heads": 10, "delta": delta})
    assert multi_head.published(**{**VALID["published"], "heads": 11, "delta": delta}) > 0


def test_a_bound_beyond_float64_is_an_error():
    with pytest.raises(OverflowError, match=r"refined exceeds float64"):
        multi_head.refined(bias=1e308, spread=1e308, heads=1, delta=1e-300)
    with pytest.raises(OverflowError, match=r"concentration exceeds float64"):
        multi_head.concentration(spread=1e308, deviation=1e308, heads=1, delta=1e-300)
    with pytest.raises(OverflowError, match=r"published exceeds float64"):
        multi_head.published(**{**VALID["published"], "C": 1e300, "xi": 1e300})
    # neither term of these sums is beyond float64
    largest = {"spread": 1.7e308, "heads": 1, "delta": np.exp(-0.5)}
    with pytest.raises(OverflowError, match=r"concentration exceeds float64"):
        multi_head.concentration(deviation=1.7e308, **largest)
    with pytest.raises(OverflowError, match=r"refined exceeds float64"):
        multi_head.refined(bias=1.7e308, spread=1e307, heads=1, delta=np.exp(-0.5))
    with pytest.raises(OverflowError, match=r"published exceeds float64"):
        multi_head.published(
            n=2,
            margin=1.0,
            radius=1.0,
            steps=16,
            heads=11,
            delta=np.exp(-1.0),
            C=4e154,
            xi=1e154,
            lam=1.0,
            nu=1e308,
        )


@given(log_uniform(-3, 3), log_uniform(0, 6).map(np.ceil), probability)
def test_the_published_factor_covers_both_kinds_of_starts(spread, heads, delta):
    """Bounded starts have deviation = spread, Gaussian ones a smaller deviation: both lie below the
    factor √(2 + 8 ln(1/δ)).
    """
    sharp = multi_head.concentration(spread=spread, deviation=spread, heads=heads, delta=delta)
    assert sharp <= multi_head.refined(bias=0.0, spread=spread, heads=heads, delta=delta) * (
        1 + 1e-12
    )


def test_published_at_one_group_is_the_head_bound_times_the_factor():
    arguments = {**VALID["published"], "lam": 1e300, "nu": 0.0}
    alone = head.published(
        **{key: arguments[key] for key in ("n", "margin", "radius", "steps", "lam", "nu")}, C=0.3
    )
    factor = np.sqrt((2 + 8 * np.log(20)) / 64)
    assert multi_head.published(**arguments) == pytest.approx(alone * factor, rel=1e-13)


def problem(seed, n, d):
    X, y = separable(np.random.default_rng(seed), n, d)
    return X, y, constants.step_size_limit(X).value


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(5, 12),
    st.integers(1, 16),
    st.floats(-1, 1),
    st.floats(0.05, 1),
)
def test_heads_do_not_move_apart(seed, n, d, scale, fraction):
    X, y, limit = problem(seed, n, d)
    starts = 10**scale * np.random.default_rng(seed).normal(size=(12, d))
    start = np.linalg.norm(starts[:, None] - starts, axis=-1)
    end = heads_at(X, y, fraction * limit, 60, starts)
    assert (np.linalg.norm(end[:, None] - end, axis=-1) <= start * (1 + 1e-12)).all()


@pytest.mark.parametrize(("n", "d"), [(20, 3), (10, 30)])
@pytest.mark.parametrize("kind", ["gaussian", "bounded"])
def test_concentration_fails_as_rarely_as_it_says(n, d, kind):
    """4,000 mean heads of 8 against the mean of 50,000 heads; δ = 0.3 leaves room to see a constant
    that is too small.
    """
    X, y, limit = problem(5, n, d)
    rng = np.random.default_rng(1)
    heads, delta, scale = 8, 0.3, 2.0

    def draw(count):
        starts = rng.normal(size=(count, d))
        return scale * (
            starts if kind == "gaussian" else starts / np.linalg.norm(starts, axis=1, keepdims=True)
        )

    expected = many_heads_at(X, y, 0.5 * limit, 50, draw(50_000)).mean(axis=0)
    ends = many_heads_at(X, y, 0.5 * limit, 50, draw(32_000)).reshape(4000, heads, d).mean(axis=1)
    distance = np.linalg.norm(ends - expected, axis=1)
    spread = scale * np.sqrt(d) if kind == "gaussian" else scale
    bound = multi_head.concentration(spread=spread, deviation=scale, heads=heads, delta=delta)
    assert (distance > bound).mean() <= delta
    if kind == "gaussian":
        groups = np.sqrt((distance.reshape(400, 10) ** 2).mean(axis=1))
        together = multi_head.concentration(
            spread=spread, deviation=scale, heads=heads, delta=delta, groups=10
        )
        assert (groups > together).mean() <= delta
    assert np.sqrt((distance**2).mean()) <= spread / np.sqrt(heads)


def test_concentration_is_attained_up_to_its_deviation_where_nothing_contracts():
    """Features in one direction leave the others where they started, so the spread stays and the
    mean square is σ²(d − 1)/H.
    """
    d, heads, scale = 400, 4, 3.0
    X, y = np.eye(2, d) * [[1.0], [0.0]] + np.eye(2, d) * [[0.0], [0.0]], np.array([1, -1])
    X[1, 0] = -1.0
    starts = scale * np.random.default_rng(0).normal(size=(heads * 50, d))
    ends = many_heads_at(X, y, 1.0, 30, starts).reshape(50, heads, d).mean(axis=1)
    rest = np.sqrt((ends[:, 1:] ** 2).sum(axis=1).mean())
    assert rest == pytest.approx(scale * np.sqrt((d - 1) / heads), rel=0.02)
    assert rest <= multi_head.concentration(
        spread=scale * np.sqrt(d), deviation=scale, heads=heads, delta=0.5, groups=50
    )


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 9), st.integers(1, 14), st.floats(-1, 1))
def test_anytime_holds_for_a_mean_head(seed, n, d, scale):
    """With the progress of the mean head, whatever the starts are."""
    X, y, limit = problem(seed, n, d)
    separator = max_margin(X, y)
    starts = 10**scale * np.random.default_rng(seed).normal(size=(3, d))
    ends = left_out_heads_at(X, y, 0.7 * limit, 40, starts).mean(axis=1)
    directions = ends / np.linalg.norm(ends, axis=1, keepdims=True)
    measured = np.linalg.norm(directions[1:] - directions[0], axis=1).mean()
    progress = (ends[0] - starts.mean(axis=0)) @ separator.direction / np.linalg.norm(ends[0])
    radius = np.linalg.norm(X, axis=1).max()
    size = {"n": n, "margin": separator.margin, "radius": radius}
    assert measured <= head.anytime_plain(**size, progress=progress) + 1e-12


def test_one_group_is_meant_where_none_is_named():
    known = {"spread": 2.0, "deviation": 1.0, "heads": 64, "delta": 0.05}
    found = multi_head.concentration(**known)
    assert found == pytest.approx((2.0 + np.sqrt(2 * np.log(20))) / 8, rel=1e-15)
    assert found > multi_head.concentration(**known, groups=2)
