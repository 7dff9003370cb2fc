"""Measures of instability: known values, plain loops over pairs, invariances, and other people's
implementations.
"""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import jensenshannon
from scipy.stats import ortho_group
from sklearn.cross_decomposition import CCA

from tunebound.tuning import instability

FEATURES = ("cka_distance", "procrustes_distance", "svcca_distance")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def binary(p):
    p = np.asarray(p, dtype=float)
    return np.stack([1 - p, p], axis=-1)


def pairs(runs):
    return list(itertools.combinations(runs, 2))


def test_standard_deviation_is_that_of_a_sample():
    assert instability.score_deviation([0.5, 0.7, 0.9]) == pytest.approx(0.2)
    assert instability.score_deviation([0, 1]) == pytest.approx(1 / math.sqrt(2))
    assert instability.score_deviation([0.8] * 5) == pytest.approx(0, abs=1e-15)


def test_standard_deviation_as_du_and_nguyen_take_it():
    assert instability.score_deviation([0.5, 0.7, 0.9], ddof=0) == pytest.approx(
        math.sqrt(0.08 / 3)
    )
    assert instability.score_deviation([0, 1], ddof=0) == 0.5


def test_disagreement_by_hand():
    # Pairs: runs 1 and 2 differ on one input of four, 1 and 3 on two, 2 and 3 on three.
    predictions = [[0, 0, 1, 1], [0, 0, 1, 2], [1, 1, 1, 1]]
    assert instability.disagreement(predictions) == pytest.approx((1 / 4 + 2 / 4 + 3 / 4) / 3)
    assert instability.disagreement([[0, 1], [0, 1], [0, 1]]) == 0
    assert instability.disagreement([[0, 1, 0], [1, 0, 1]]) == 1


@given(st.integers(2, 6), st.integers(1, 8), st.integers(0, 10**6))
def test_disagreement_is_the_loop_over_pairs(runs, inputs, seed):
    predictions = np.random.default_rng(seed).integers(-1, 2, size=(runs, inputs))
    expected = np.mean([(a != b).mean() for a, b in pairs(predictions)])
    assert instability.disagreement(predictions) == pytest.approx(expected, abs=1e-14)


def test_kappa_is_that_of_fleiss():
    # Fleiss (1971) by its own formulas; the inputs are the subjects, the runs the raters.
    predictions = np.random.default_rng(3).integers(0, 3, size=(5, 9))
    counts = np.array([[(column == c).sum() for c in range(3)] for column in predictions.T])
    agreement = ((counts**2).sum(axis=1) - 5) / (5 * 4)
    chance = ((counts.sum(axis=0) / counts.sum()) ** 2).sum()
    kappa = (agreement.mean() - chance) / (1 - chance)
    assert instability.kappa_distance(predictions) == pytest.approx(1 - kappa)
    assert instability.kappa_distance([[0, 1], [1, 0]]) == pytest.approx(2)
    assert instability.kappa_distance([[0, 1], [0, 1]]) == 0
    assert instability.kappa_distance([[1, 1], [1, 1]]) == 0


def test_jensen_shannon_against_scipy(rng):
    probabilities = rng.dirichlet(np.ones(3), size=(4, 7))
    expected = np.mean([jensenshannon(a, b, axis=1) ** 2 for a, b in pairs(probabilities)])
    assert instability.jensen_shannon(probabilities) == pytest.approx(expected, rel=1e-12)


def test_jensen_shannon_of_extremes():
    assert instability.jensen_shannon([binary([0.2, 1.0]), binary([0.2, 1.0])]) == 0
    assert instability.jensen_shannon([binary([0.0, 1.0]), binary([1.0, 0.0])]) == pytest.approx(
        math.log(2)
    )
    # Predictions nearly alike: the divergence is e²/(8 p (1 − p)) to first order, far below the
    # rounding of entropies.
    assert instability.jensen_shannon([binary([0.3]), binary([0.3 + 1e-7])]) == pytest.approx(
        1e-14 / (8 * 0.3 * 0.7), rel=1e-2
    )


@pytest.mark.parametrize("name", FEATURES)
def test_representations_equal_up_to_rotation_shift_and_scale_are_at_distance_0(name, rng):
    features = rng.normal(size=(40, 5)) * [1, 2, 3, 4, 5]
    rotation = ortho_group.rvs(5, random_state=1)
    runs = [features, 3.7 * features @ rotation + 11, 1e-200 * features, 1e150 * features]
    assert getattr(instability, name)(runs) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", FEATURES)
def test_orthogonal_representations_are_at_distance_1(name):
    # Four centred, mutually orthogonal columns over eight inputs.
    signs = np.array(
        [[(-1) ** bin(i & j).count("1") for j in (1, 2, 4, 7)] for i in range(8)], dtype=float
    )
    assert getattr(instability, name)([signs[:, :2], signs[:, 2:]]) == pytest.approx(1)


@pytest.mark.parametrize("name", FEATURES)
def test_distance_is_the_mean_over_pairs(name, rng):
    measure = getattr(instability, name)
    runs = rng.normal(size=(4, 30, 3))
    assert measure(runs) == pytest.approx(
        np.mean([measure([a, b]) for a, b in pairs(runs)]), rel=1e-12
    )
    assert 0 < measure(runs) < 1
    assert measure(runs[::-1]) == pytest.approx(measure(runs), rel=1e-12)


def test_cka_by_gram_matrices(rng):
    first, second = rng.normal(size=(2, 12, 4))
    centring = np.eye(12) - 1 / 12
    grams = [centring @ each @ each.T @ centring for each in (first, second)]
    expected = np.trace(grams[0] @ grams[1]) / np.sqrt(
        np.trace(grams[0] @ grams[0]) * np.trace(grams[1] @ grams[1])
    )
    assert instability.cka_distance([first, second]) == pytest.approx(1 - expected)
    # One direction kept, one replaced by another: ‖AᵀB‖² = 1 and ‖AᵀA‖ = ‖BᵀB‖ = √2 for unit
    # columns.
    signs = np.array(
        [[(-1) ** bin(i & j).count("1") for j in (1, 2, 4)] for i in range(8)], dtype=float
    )
    assert instability.cka_distance([signs[:, :2], signs[:, 1:]]) == pytest.approx(1 / 2)


def test_procrustes_is_half_the_least_squared_distance(rng):
    first, second = (each - each.mean(axis=0) for each in rng.normal(size=(2, 12, 4)))
    first, second = first / np.linalg.norm(first), second / np.linalg.norm(second)
    rotation, _ = orthogonal_procrustes(first, second)
    expected = np.linalg.norm(first @ rotation - second) ** 2 / 2
    assert instability.procrustes_distance([first, second]) == pytest.approx(expected)


def test_svcca_is_canonical_correlation_where_all_directions_are_kept(rng):
    first = rng.normal(size=(60, 3))
    second = first @ rng.normal(size=(3, 3)) + rng.normal(size=(60, 3))
    left, right = CCA(n_components=3, max_iter=5000, tol=1e-12).fit_transform(first, second)
    correlations = [np.corrcoef(left[:, k], right[:, k])[0, 1] for k in range(3)]
    assert instability.svcca_distance([first, second]) == pytest.approx(
        1 - np.mean(correlations), abs=1e-6
    )
    # A direction of a thousandth of the variance is dropped, whatever it does.
    tiny = np.column_stack([first, 1e-2 * rng.normal(size=60)])
    other = np.column_stack([first, 1e-2 * rng.normal(size=60)])
    assert instability.svcca_distance([tiny, other]) == pytest.approx(0, abs=1e-4)


def unbiased_hsic(first, second):
    """Mean over ordered quadruples of distinct inputs of K_ij (L_ij + L_qr − 2 L_iq) (Song et al.,
    2012, as a U-statistic).
    """
    K, L = first @ first.T, second @ second.T
    terms = [
        K[i, j] * (L[i, j] + L[q, r] - 2 * L[i, q])
        for i, j, q, r in itertools.permutations(range(len(K)), 4)
    ]
    return np.mean(terms)


def test_debiased_cka_by_sums_over_distinct_inputs(rng):
    # neither centred nor scaled here; 3 features, then 1 and as many as inputs
    for width in (3, 1, 7):
        first, second = 5 + rng.normal(size=(2, 7, width))
        expected = unbiased_hsic(first, second) / math.sqrt(
            unbiased_hsic(first, first) * unbiased_hsic(second, second)
        )
        measured = instability.cka_distance([first, 1e120 * second], debiased=True)
        assert measured == pytest.approx(1 - expected, rel=1e-10)


def test_debiased_cka_of_independent_representations_is_1_in_the_mean(rng):
    draws = rng.normal(size=(40, 2, 128, 32))
    plain = [instability.cka_distance(pair) for pair in draws]
    debiased = [instability.cka_distance(pair, debiased=True) for pair in draws]
    error = np.std(debiased) / math.sqrt(len(draws))
    assert abs(np.mean(debiased) - 1) < 4 * error
    assert max(debiased) > 1
    assert error < 0.01
    # ‖AᵀB‖² is about N d² and ‖AᵀA‖² about N² d + N d² for independent columns
    assert np.mean(plain) == pytest.approx(1 - 32 / (128 + 32), abs=0.02)
    runs = draws[0, :1].repeat(2, axis=0)
    assert instability.cka_distance(runs, debiased=True) == pytest.approx(0, abs=1e-14)


def canonical(first, second, kept, centred):
    """Mean canonical correlation by covariances of principal components."""
    reduced = []
    for features in (first, second):
        about = features - features.mean(axis=0) if centred else features
        values, vectors = np.linalg.eigh(about.T @ about)
        values, vectors = values[::-1].clip(min=0), vectors[:, ::-1]
        share = np.cumsum(values) / values.sum()
        roots = np.cumsum(np.sqrt(values)) / np.sqrt(values).sum()
        count = (share < 0.99).sum() + 1 if kept == "variance" else max(1, (roots <= 0.99).sum())
        components = about @ vectors[:, :count]
        reduced.append(components - components.mean(axis=0))
    a, b = reduced
    across = np.linalg.solve(a.T @ a, a.T @ b) @ np.linalg.solve(b.T @ b, b.T @ a)
    squares = np.sort(np.linalg.eigvals(across).real)[::-1][: min(a.shape[1], b.shape[1])]
    return np.sqrt(squares).mean()


@pytest.mark.parametrize("kept", ["variance", "singular values"])
@pytest.mark.parametrize("centred", [True, False])
def test_svcca_by_covariances_of_principal_components(kept, centred, rng):
    # a decaying spectrum and a mean, so that all four ways keep other directions
    first = 0.3 + rng.normal(size=(60, 8)) * 0.5 ** np.arange(8)
    second = first @ ortho_group.rvs(8, random_state=2) + 0.05 * rng.normal(size=(60, 8))
    distance = instability.svcca_distance([first, second], kept=kept, centred=centred)
    assert distance == pytest.approx(1 - canonical(first, second, kept, centred), abs=1e-10)
    others = {
        (rule, about): round(1 - canonical(first, second, rule, about), 6)
        for rule in ("variance", "singular values")
        for about in (True, False)
    }
    assert len(set(others.values())) == 4


def test_svcca_counts_no_direction_that_does_not_vary():
    # the constant column is the leading direction, and says nothing of how inputs differ
    x = np.array([1.0, -1.0, 1.0, -1.0, 0.0])
    y = np.array([1.0, 1.0, -1.0, -1.0, 0.0])
    first, second = (np.column_stack([np.full(5, 2.0), column]) for column in (x, x + y))
    assert instability.svcca_distance([first, second], centred=False) == pytest.approx(
        1 - 1 / math.sqrt(2)
    )
    far = np.column_stack([np.full(5, 900.0), x])
    with pytest.raises(ValueError, match=r"no leading direction of run 0 varies.*centre them"):
        instability.svcca_distance([far, second], centred=False)


def test_left_out_decisions_and_directions_by_hand():
    full, others = [[0, 1, 1, 2], [1, 1, 0, 0]], [[0, 1, 2, 1], [1, 1, 0, 1]]
    assert instability.left_out_disagreement(full, others) == pytest.approx(3 / 8)
    assert instability.left_out_disagreement(full[:1], full[:1]) == 0
    # 0, 90 and 180 degrees; neither run's scale counts
    full, others = [[1e200, 0], [0, 3.0], [2.0, 2.0]], [[1e-300, 0], [5.0, 0], [-7.0, -7.0]]
    assert instability.left_out_direction(full, others) == pytest.approx((math.sqrt(2) + 2) / 3)
    assert instability.left_out_direction(full, full) == 0


@given(st.integers(1, 4), st.integers(2, 6), st.integers(0, 10**6))
def test_left_out_directions_are_chords_of_angles(runs, inputs, seed):
    full, others = np.random.default_rng(seed).normal(size=(2, runs, inputs))
    cosines = [a @ b / math.sqrt((a @ a) * (b @ b)) for a, b in zip(full, others, strict=True)]
    chords = [2 * math.sin(math.acos(min(1, max(-1, cosine))) / 2) for cosine in cosines]
    measured = instability.left_out_direction(full, others)
    assert measured == pytest.approx(np.mean(chords), abs=1e-7)


def test_left_out_distance_by_hand():
    assert instability.left_out_distance(
        [[0.0, 0.0], [1.0, 1.0]], [[3.0, 4.0], [1.0, 1.0]]
    ) == pytest.approx(2.5)
    full, others = [binary([0.2, 0.6])], [binary([0.5, 0.6])]
    assert instability.left_out_distance(full, others) == pytest.approx(0.3 * math.sqrt(2) / 2)
    assert instability.left_out_distance(full, full) == 0


@pytest.mark.parametrize(
    ("name", "arguments", "error", "message"),
    [
        (
            "score_deviation",
            ([0.5],),
            ValueError,
            "scores must have 1 axes, the first of them at least 2 runs",
        ),
        (
            "score_deviation",
            ([0.5, math.nan],),
            ValueError,
            r"scores\[1\] = nan",
        ),
        ("score_deviation", (["a", "b"],), TypeError, "scores must be made of real numbers"),
        (
            "disagreement",
            ([[0.1, 0.9], [0.2, 0.8]],),
            TypeError,
            "predictions must hold whole numbers.*arg max",
        ),
        ("disagreement", ([[0, 1]],), ValueError, "at least 2 runs"),
        ("kappa_distance", ([0, 1],), ValueError, r"predictions must have shape \(R, N\)"),
        ("jensen_shannon", ([[[0.5, 0.6]], [[0.5, 0.5]]],), ValueError, "sum to 1.*softmax"),
        ("jensen_shannon", ([[[-0.5, 1.5]], [[0.5, 0.5]]],), ValueError, "non-negative"),
        ("jensen_shannon", ([[[1.0]], [[1.0]]],), ValueError, "one column a class"),
        ("cka_distance", (np.ones((2, 4, 3)),), ValueError, "run 0 encodes all inputs alike"),
        ("procrustes_distance", (np.ones((2, 1, 3)),), ValueError, "at least 2 inputs"),
        ("svcca_distance", (np.ones((4, 3)),), ValueError, "features must have 3 axes"),
        (
            "left_out_distance",
            (np.ones((2, 3)), np.ones((3, 3))),
            ValueError,
            "left_out must have the shape of full",
        ),
        ("left_out_distance", (np.ones(3), np.ones(3)), ValueError, "full must have shape"),
        ("left_out_disagreement", ([[0.2]], [[0.2]]), TypeError, "full must hold whole numbers"),
        ("left_out_disagreement", ([0], [0]), ValueError, "at least 1 run and 1 input"),
        (
            "left_out_disagreement",
            ([[0, 1]], [[0]]),
            ValueError,
            "left_out must have the shape of full",
        ),
        ("left_out_direction", (np.ones(3), np.ones(3)), ValueError, "full must have shape"),
        (
            "left_out_direction",
            (np.ones((2, 3)), [[1.0, 0, 0], [0, 0, 0]]),
            ValueError,
            r"left_out\[1, 0\] = 0.*no direction",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused(name, arguments, error, message):
    with pytest.raises(error, match=message):
        getattr(instability, name)(*arguments)


@pytest.mark.parametrize(
    ("name", "runs", "options", "error", "message"),
    [
        ("score_deviation", [0.5, 0.6], {"ddof": 2}, ValueError, "ddof must be from 0 to 1"),
        ("cka_distance", np.eye(6)[None] + [[[0]]] * 2, {"debiased": 1}, TypeError, "debiased"),
        ("cka_distance", [np.eye(3)] * 2, {"debiased": True}, ValueError, "at least 4 inputs"),
        ("cka_distance", [np.eye(6)] * 2, {"debiased": True}, ValueError, "equally far"),
        ("svcca_distance", [np.eye(6)] * 2, {"kept": "all"}, ValueError, "kept must be one of"),
        ("svcca_distance", [np.eye(6)] * 2, {"centred": 0}, TypeError, "centred must be True"),
    ],
)
def test_what_an_option_cannot_be_is_refused(name, runs, options, error, message):
    with pytest.raises(error, match=message):
        getattr(instability, name)(runs, **options)


def test_every_measure_documents_its_parameters_and_range():
    for name in instability.__all__:
        text = getattr(instability, name).__doc__
        for section in ("Parameters", "Returns", "Raises"):
            assert f"{section}\n    ---" in text, name


@pytest.mark.parametrize("measure", [instability.disagreement, instability.kappa_distance])
def test_masked_predictions_are_refused(measure):
    predictions = np.ma.masked_equal([[0, 1, 1], [1, 0, 1]], 1)
    with pytest.raises(TypeError, match="predictions is a masked array: drop or fill"):
        measure(predictions)
