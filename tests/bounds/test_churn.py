"""Certificates of predictions: none is violated, and each is what its statement says by an
independent route.
"""

import cvxpy
import numpy as np
import pytest
from mpmath import mp, mpf

from tunebound import bounds, synthetic, tuning
from tunebound.bounds import churn

POINTS = 800
SQUARE = ("orthogonal", "simplex")


def data_sets(seeds=3):
    for family in synthetic.families():
        for seed in range(seeds):
            n = 24
            d = n if family in SQUARE else 2 * n if family == "wide" else 6
            margin = (0.5, 0.7 if family == "orthogonal" else 1.0, 0.25)[seed]
            yield synthetic.make_separable(family, n=n, d=d, margin=margin, radius=4.0, seed=seed)


def points_of(data, m=POINTS):
    mixing = np.random.default_rng(data.seed).standard_normal((m, data.n))
    return mixing @ data.X / np.sqrt(data.n)


def angles(data, separator):
    return bounds.head.deletion(
        margin=separator.margin,
        dual=separator.dual,
        norms=np.linalg.norm(data.X, axis=1),
    )


def test_no_certified_prediction_changes_in_the_limit():
    pairs = flipped = by_angle = by_ball = 0
    largest = 0.0
    for data in data_sets():
        separator = bounds.max_margin(data.X, data.y)
        left_out = bounds.leave_one_out_separators(data.X, data.y, separator).weights
        points = points_of(data)
        flips = tuning.left_out_flips(points, separator.weights, left_out)
        angle = churn.angle(
            points=points,
            weights=separator.weights,
            distance=angles(data, separator),
            gap=separator.gap,
        )
        ball = churn.deletion(
            X=data.X, y=data.y, weights=separator.weights, dual=separator.dual, points=points
        )
        assert not np.any(flips & (angle | ball)), data
        counts = churn.count(
            points=points,
            weights=separator.weights,
            margin=separator.margin,
            radius=data.radius,
        )
        assert np.all(flips.sum(axis=1) <= counts), data
        largest = max(largest, float((flips.sum(axis=1) / counts).max()))
        pairs, flipped = pairs + flips.size, flipped + int(flips.sum())
        by_angle, by_ball = by_angle + int(angle.sum()), by_ball + int(ball.sum())
        own = np.einsum("nd,nd,n->n", data.X, left_out, data.y)
        safe = churn.training(dual=separator.dual, norms=np.linalg.norm(data.X, axis=1))
        assert np.all(own[safe] > 0), data
        assert (~safe).sum() <= (data.radius / separator.margin) ** 2
    assert pairs >= 10**6
    assert flipped > 0.01 * pairs
    print(
        f"{pairs:,} pairs, {flipped / pairs:.2%} flip; certified by angle {by_angle / pairs:.1%},"
        f" by ball {by_ball / pairs:.1%}; flips of a point over their bound {largest:.3f}"
    )
    assert by_ball > by_angle > 0.7 * pairs


def test_no_certified_prediction_changes_along_a_run():
    pairs = flipped = certified = 0
    for data in data_sets():
        points = points_of(data)
        for steps in (1, 10, 200):
            run = tuning.tune_heads(data.X, data.y, steps=steps)
            flips = tuning.left_out_flips(points, run.weights[0], run.weights[1:])
            drift = churn.drift(points=points, weights=run.weights[0], drift=run.certificate[-1])
            assert not np.any(flips & drift), (data, steps)
            counts = churn.count(
                points=points, weights=run.weights[0], margin=data.margin, radius=data.radius
            )
            assert np.all(flips.sum(axis=1) <= counts), (data, steps)
            pairs, flipped = pairs + flips.size, flipped + int(flips.sum())
            certified += int(drift.sum())
    assert pairs >= 10**6
    print(
        f"{pairs:,} pairs, {flipped / pairs:.2%} flip; certified by drift {certified / pairs:.1%}"
    )
    assert certified > 0.7 * pairs


@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
def test_the_drift_certifies_from_any_start_and_under_either_weighting(weighting):
    data = synthetic.make_separable("gaussian", n=16, d=4, margin=0.5, radius=4.0, seed=1)
    points = points_of(data)
    start = np.array([0.5, -1.0, 2.0, 0.0])
    run = tuning.tune_heads(data.X, data.y, steps=50, init=start, weighting=weighting)
    flips = tuning.left_out_flips(points, run.weights[0], run.weights[1:])
    drift = churn.drift(points=points, weights=run.weights[0], drift=run.certificate[-1])
    assert flips.any()
    assert not np.any(flips & drift)
    margins = np.abs(points @ run.weights[0]) / np.linalg.norm(points, axis=1)
    expected = [[m > delta for delta in run.certificate[-1]] for m in margins]
    np.testing.assert_array_equal(drift, expected)


def test_the_angle_is_exact_for_what_it_knows():
    rng = np.random.default_rng(0)
    points, weights = rng.standard_normal((400, 3)), np.array([1.0, 2.0, -2.0])
    distance = np.array([0.3, 1.0, 1.3])
    certified = churn.angle(points=points, weights=weights, distance=distance)
    unit = weights / 3.0
    for i, between in enumerate(distance):
        theta = 2 * np.arcsin(between / 2)
        for x, safe in zip(points, certified[:, i], strict=True):
            # the head that is turned by theta away from the point
            toward = np.sign(x @ unit) * x
            across = toward - (toward @ unit) * unit
            turned = np.cos(theta) * unit - np.sin(theta) * across / np.linalg.norm(across)
            assert np.linalg.norm(turned - unit) == pytest.approx(between)
            assert safe == (np.sign(turned @ x) == np.sign(unit @ x))


def test_an_angle_of_ninety_degrees_or_a_wide_gap_certifies_nothing():
    points, weights = np.eye(3), np.array([1.0, 0.0, 0.0])
    at = {"points": points, "weights": weights}
    assert not churn.angle(**at, distance=[np.sqrt(2), 1.9]).any()
    assert churn.angle(**at, distance=[1.2]).tolist() == [[True], [False], [False]]
    assert not churn.angle(**at, distance=[1.2], gap=0.1).any()


def worst_product(x, w, r):
    """Smallest s x·(w − Δ) over Δ·r ≤ 0, |Δ|² ≤ Δ·w, by a convex program."""
    delta = cvxpy.Variable(len(w))
    program = cvxpy.Problem(
        cvxpy.Maximize(np.sign(x @ w) * x @ delta),
        [delta @ r <= 0, cvxpy.sum_squares(delta - w / 2) <= w @ w / 4],
    )
    return abs(x @ w) - program.solve(solver=cvxpy.CLARABEL)


def test_deletion_certifies_exactly_what_its_two_facts_allow():
    decided = 0
    for seed in range(4):
        data = synthetic.make_separable("gaussian", n=10, d=4, margin=0.5, radius=3.0, seed=seed)
        separator = bounds.max_margin(data.X, data.y)
        Z = data.X * data.y[:, None]
        points = points_of(data, 12)
        certified = churn.deletion(
            X=data.X, y=data.y, weights=separator.weights, dual=separator.dual, points=points
        )
        for i in separator.support:
            r = separator.weights - separator.dual[i] * Z[i]
            for x, safe in zip(points, certified[:, i], strict=True):
                smallest = worst_product(x, separator.weights, r)
                if abs(smallest) > 1e-5 * abs(x @ separator.weights):
                    decided += 1
                    assert safe == (smallest > 0)
    assert decided > 100


def test_the_ball_certifies_exactly_what_the_ball_allows():
    rng = np.random.default_rng(1)
    points, weights = rng.standard_normal((60, 3)), np.array([1.0, 0.5, -0.5])
    diameter = rng.standard_normal((5, 3))
    certified = churn.ball(points=points, weights=weights, diameter=diameter)
    assert 0 < certified.sum() < certified.size
    for i, e in enumerate(diameter):
        for x, safe in zip(points, certified[:, i], strict=True):
            # the ball's farthest point along s x
            far = e / 2 + np.linalg.norm(e) / 2 * np.sign(x @ weights) * x / np.linalg.norm(x)
            assert far @ far <= far @ e + 1e-12
            assert safe == (np.sign(x @ (weights - far)) == np.sign(x @ weights))


def test_an_inexact_separator_is_certified_for_itself():
    rng = np.random.default_rng(2)
    certified = flipped = 0
    for data in data_sets(1):
        separator = bounds.max_margin(data.X, data.y)
        left_out = bounds.leave_one_out_separators(data.X, data.y, separator).weights
        points = points_of(data)
        for scale in (1e-6, 1e-3, 1e-2):
            length = np.linalg.norm(separator.weights)
            noise = rng.standard_normal(data.d) / np.sqrt(data.d)
            weights = separator.weights + scale * length * noise * separator.margin / data.radius
            dual = separator.dual * rng.uniform(1 - scale, 1 + scale, data.n)
            mask = churn.deletion(X=data.X, y=data.y, weights=weights, dual=dual, points=points)
            flips = tuning.left_out_flips(points, weights, left_out)
            assert not np.any(mask & flips), (data, scale)
            certified, flipped = certified + int(mask.sum()), flipped + int(flips.sum())
    assert certified > 10**5
    assert flipped > 10**3


def test_points_far_out_and_near_the_boundary_are_never_certified_on_rounding():
    """Points on the boundary up to rounding, of any size: |x·w| is noise, and nothing may be said
    of a support vector; the others move nothing but by their rounding.
    """
    data = synthetic.make_separable("gaussian", n=12, d=5, margin=0.5, radius=4.0, seed=0)
    separator = bounds.max_margin(data.X, data.y)
    rng = np.random.default_rng(3)
    for scale in (1e-150, 1.0, 1e150):
        raw = rng.standard_normal((50, 5))
        unit = separator.direction
        points = scale * (raw - np.outer(raw @ unit, unit))
        mask = churn.deletion(
            X=data.X, y=data.y, weights=separator.weights, dual=separator.dual, points=points
        )
        assert not mask.any()
        zero = np.zeros(12)
        assert not churn.angle(points=points, weights=separator.weights, distance=zero).any()
        assert not churn.drift(points=points, weights=separator.weights, drift=zero).any()


@pytest.mark.parametrize("power", [-1000, -560, 700, 1000])
def test_certificates_do_not_depend_on_the_unit_of_the_head(power):
    rng = np.random.default_rng(4)
    points, weights = rng.standard_normal((60, 3)), rng.standard_normal(3)
    far, diameter = np.array([0.1, 0.3, 0.9]), 0.3 * rng.standard_normal((5, 3))
    calls = (
        lambda unit: churn.angle(points=points, weights=unit * weights, distance=far),
        lambda unit: churn.drift(points=points, weights=unit * weights, drift=unit * far),
        lambda unit: churn.ball(points=points, weights=unit * weights, diameter=unit * diameter),
        lambda unit: churn.count(points=points, weights=unit * weights, margin=0.5, radius=2.0),
    )
    for call in calls:
        assert np.array_equal(call(2.0**power), call(1.0))
    angles = (
        np.arccos(
            -np.abs(points @ weights) / np.linalg.norm(points, axis=1) / np.linalg.norm(weights)
        )
        - np.pi / 2
    )
    assert np.array_equal(calls[0](2.0**power), angles[:, None] > 2 * np.arcsin(far / 2))


def test_blocks_change_nothing(monkeypatch):
    data = synthetic.make_separable("gaussian", n=10, d=3, margin=0.5, radius=4.0, seed=0)
    separator = bounds.max_margin(data.X, data.y)
    at = {"points": points_of(data, 37), "weights": separator.weights}

    def masks():
        return (
            churn.angle(**at, distance=angles(data, separator)),
            churn.drift(**at, drift=np.linspace(0, 1, 10)),
            churn.ball(**at, diameter=data.X / 10),
            churn.deletion(**at, X=data.X, y=data.y, dual=separator.dual),
        )

    whole = masks()
    monkeypatch.setattr(churn, "BLOCK", 25)
    for one, other in zip(whole, masks(), strict=True):
        np.testing.assert_array_equal(one, other)


AT = {"points": [[1.0, 2.0]], "weights": [1.0, 0.0]}
CROSS = {"X": [[1.0, 0.1], [-1.0, 0.1]], "y": [1, -1]}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: churn.angle(points=[[0.0, 0.0]], weights=[1.0, 0.0], distance=[0.1]), "zero row"),
        (lambda: churn.angle(points=[[1.0]], weights=[1.0, 0.0], distance=[0.1]), "shape"),
        (
            lambda: churn.angle(points=[[1.0, 1.0]], weights=[0.0, 0.0], distance=[0.1]),
            "other than",
        ),
        (lambda: churn.angle(**AT, distance=[-0.1]), "^distance.*0 or more"),
        (lambda: churn.angle(**AT, distance=[0.1], gap=1.0), "^gap must be"),
        (lambda: churn.angle(**AT, distance=[0.1], gap=-1e-9), "^gap must be"),
        (lambda: churn.angle(**AT, distance=0.1), "distance must have shape"),
        (lambda: churn.drift(**AT, drift=[np.nan]), "^drift.*finite"),
        (lambda: churn.ball(**AT, diameter=[1.0, 2.0]), "^diameter must have shape"),
        (lambda: churn.ball(**AT, diameter=[[np.nan, 2.0]]), r"^diameter\[0, 0\] = nan"),
        (lambda: churn.deletion(**AT, X=[[1.0], [2.0]], y=[1, -1], dual=[1, 1]), "features"),
        (lambda: churn.deletion(**AT, **CROSS, dual=[1.0]), "dual must have shape"),
        (
            lambda: churn.deletion(points=[[1.0, 2.0]], weights=[0.0, 1.0], **CROSS, dual=[1, 1]),
            "only a separator has a certificate",
        ),
        (lambda: churn.training(dual=[1.0, 1.0], norms=[1.0]), "one shape"),
        (lambda: churn.training(dual=[1.0, 1.0], norms=[1.0, 0.0]), r"^norms\[1\] = 0\.0"),
        (lambda: churn.count(**AT, margin=2.0, radius=1.0), "radius"),
        (lambda: churn.count(**AT, margin=[1.0, 1.0], radius=2.0), "must be numbers"),
    ],
)
def test_bad_input_is_refused_before_work(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("gap", [0.0, 1e-9, 0.01, 0.3])
def test_a_gap_turns_the_head_by_the_chord_that_it_leaves_open(gap):
    weights, between = np.array([3.0, 0.0]), 0.25
    with mp.workdps(40):
        chord = mpf(between) + mp.sqrt(2 - 2 * mp.sqrt(1 - mpf(gap)))
        angle = float(2 * mp.asin(chord / 2))
    for turned, safe in ((angle * (1 - 1e-12), False), (angle * (1 + 1e-12), True)):
        points = [[np.sin(turned), np.cos(turned)], [-np.sin(turned), 2 - np.cos(turned)]]
        certified = churn.angle(points=points[:1], weights=weights, distance=[between], gap=gap)
        assert certified.tolist() == [[safe]], (gap, turned)


@pytest.mark.parametrize(("scale", "length"), [(1e-150, 1e8), (1.0, 1.0), (1e150, 1e-8)])
@pytest.mark.parametrize("d", [1, 2, 30])
def test_what_is_equal_up_to_rounding_is_not_certified_and_what_is_beyond_it_is(d, scale, length):
    rng = np.random.default_rng(d)
    points, weights = rng.standard_normal((200, d)), length * rng.standard_normal(d)
    # nearer to the boundary rounding is more of what there is
    sines = np.abs(points @ weights) / np.linalg.norm(points, axis=1) / np.linalg.norm(weights)
    points = points[sines > 0.05]
    lengths = np.linalg.norm(points, axis=1)
    reach = np.abs(points @ weights) / lengths
    # toward the other side of the boundary, as far as the boundary
    across = np.sign(points @ weights)[:, None] * points / lengths[:, None] * reach[:, None]
    at = {"points": scale * points, "weights": weights}
    for less, expected in ((0.0, False), (2e-12, True)):
        drift = churn.drift(**at, drift=reach * (1 - less))
        ball = churn.ball(**at, diameter=across * (1 - less))
        chord = 2 * np.sin(np.arcsin(np.minimum(reach / np.linalg.norm(weights), 1.0)) / 2)
        assert (np.diagonal(drift) == expected).all()
        assert (np.diagonal(ball) == expected).all()
        # points nearly along the weights turn by nearly 90 degrees, where sines are flat
        steep = chord < 1.0
        angle = churn.angle(**at, distance=chord * (1 - less))
        assert (np.diagonal(angle)[steep] == expected).all()


def test_a_training_sample_is_certified_below_one_by_more_than_rounding():
    dual = np.array([1 - 2e-9, 1 - 0.5e-9, 1.0, 0.0]) / 4
    assert churn.training(dual=dual, norms=np.full(4, 2.0)).tolist() == [True, False, False, True]


@pytest.mark.parametrize(("sine", "open_"), [(1.0, 1e-12), (1e-6, 1e-7), (1e-12, 0.1)])
@pytest.mark.parametrize("length", [1e-8, 1.0, 1e8])
def test_counts_are_radius_over_margin_over_the_sine_and_no_more_than_a_last_digit_below(
    sine, open_, length
):
    rng = np.random.default_rng(5)
    weights = length * np.array([2.0, -1.0, 0.5])
    points = rng.standard_normal((40, 3))
    points -= np.outer(points @ weights, weights) / (weights @ weights) * (1 - sine)
    points = points[np.abs(points @ weights) > 0.1 * sine * length]
    counts = churn.count(points=points, weights=weights, margin=0.5, radius=3.0)
    for point, count in zip(points, counts, strict=True):
        with mp.workdps(40):
            product = abs(mp.fdot(map(mpf, point), map(mpf, weights)))
            of_point = product / mp.norm(list(map(mpf, point))) / mp.norm(list(map(mpf, weights)))
            exact = mpf(3) / mpf(0.5) / of_point
        assert exact * (1 - 4e-16) <= count <= exact * (1 + open_)
    assert churn.count(points=[[1.0, 2.0, 0.0]], weights=weights, margin=0.5, radius=3.0) == np.inf


def test_a_point_on_the_boundary_itself_is_certified_by_nothing():
    X = [[1.0, 0.0], [-1.0, 0.0], [2.0, 1.0], [-3.0, 1.0]]
    y, weights, dual = [1, -1, 1, -1], [1.0, 0.0], [0.5, 0.5, 0.0, 0.0]
    at = {"points": [[0.0, 1.0], [0.0, -2.0]], "weights": weights}
    zero = np.zeros(4)
    for certified in (
        churn.deletion(**at, X=X, y=y, dual=dual),
        churn.angle(**at, distance=zero),
        churn.drift(**at, drift=zero),
        churn.ball(**at, diameter=np.zeros((4, 2))),
    ):
        assert certified.shape == (2, 4)
        assert not certified.any()


@pytest.mark.parametrize(("units", "safe"), [(94, False), (98, True)])
def test_a_ball_is_cleared_by_more_than_the_rounding_of_both_sides(units, safe):
    # |x| = 2, |w| = 1 and |e| = t along each other: |x . w| - (|x| |e| + x . e)/2 = 2 (1 - t),
    # against 2 (d + 8) = 48 units of |x| (|w| + |e|) = 4
    point, weights = np.full((1, 16), 0.5), np.full(16, 0.25)
    diameter = weights * (1 - units * 2.0**-52)
    certified = churn.ball(points=point, weights=weights, diameter=diameter[None])
    assert certified.tolist() == [[safe]]
    assert certified.dtype == np.bool_


def test_blocks_are_disjoint_and_as_small_as_they_have_to_be(monkeypatch):
    points = np.arange(14.0).reshape(7, 2)
    for entries, n, sizes in ((9, 4, [2, 2, 2, 1]), (3, 10, [1] * 7), (100, 4, [7])):
        monkeypatch.setattr(churn, "BLOCK", entries)
        blocks = list(churn._blocks(points, n))
        assert [len(block) for _, block in blocks] == sizes
        np.testing.assert_array_equal(np.vstack([block for _, block in blocks]), points)
        for rows, block in blocks:
            np.testing.assert_array_equal(points[rows], block)


def test_a_sample_whose_product_exceeds_float64_is_not_certified():
    assert churn.training(dual=[1e300, 1e-300], norms=[1e300, 1.0]).tolist() == [False, True]


@pytest.mark.parametrize("name", ["points", "weights"])
def test_what_is_no_number_is_refused_by_name(name):
    given = {"points": [[1.0, 2.0]], "weights": [1.0, 0.0], "drift": [0.1]}
    with pytest.raises(TypeError, match=f"^{name} must be made of real numbers"):
        churn.drift(**{**given, name: [["1", "2"]] if name == "points" else ["1", "2"]})
