"""Each family keeps its character, its options act, and what it cannot honour is refused with the
reason.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tunebound.synthetic import Family, Request, families, make_separable
from tunebound.synthetic.family import sphere

FAMILIES = sorted(families())


def norms(X: np.ndarray) -> np.ndarray:
    return np.linalg.norm(X, axis=1)


def off_margin(data: Any) -> np.ndarray:
    return np.setdiff1d(np.arange(data.n), data.support)


def kurtosis(X: np.ndarray) -> float:
    return float((X**4).mean() / (X**2).mean() ** 2)


def test_the_register_describes_every_family() -> None:
    for name, family in families().items():
        assert isinstance(family, Family)
        assert family.name == name
        assert family.summary.endswith(".")
        assert family.needs
        for option in family.options.values():
            assert option.meaning
            assert (
                option.default is None or option.checked("option", option.default) == option.default
            )


def test_sphere_has_equal_norms() -> None:
    data = make_separable("sphere", n=60, d=7)
    np.testing.assert_allclose(norms(data.X), data.radius, rtol=1e-12)
    assert make_separable("gaussian", n=60, d=7).X.std() < data.X.std()


def test_ball_fills_its_volume() -> None:
    # Uniform in d dimensions: half of the norms lie beyond 2^(-1/d) of the radius; parting pushes
    # them outwards.
    data = make_separable("ball", n=2000, d=4, margin=1e-3, gap=1e-3, n_support=2, seed=2)
    assert abs(np.median(norms(data.X)) / data.radius - 2 ** (-1 / 4)) < 0.02


def test_heavier_tails_have_larger_kurtosis() -> None:
    shapes = {"n": 4000, "d": 4, "margin": 0.01, "n_support": 2, "seed": 1}
    normal, laplace, student = (
        kurtosis(make_separable(name, **shapes).X)
        for name in ("gaussian", "laplace", "heavy_tailed")
    )
    assert abs(normal - 3) < 0.3
    assert abs(laplace - 6) < 1.2
    assert student > 8
    light = make_separable("heavy_tailed", degrees=500.0, **shapes)
    assert abs(kurtosis(light.X) - 3) < 0.3


@pytest.mark.parametrize("decay", [0.0, 1.0, 3.0])
def test_anisotropic_has_the_power_law_spectrum(decay: float) -> None:
    data = make_separable("anisotropic", n=5000, d=6, margin=1e-3, decay=decay, n_support=2, seed=3)
    spectrum = np.sort(np.linalg.eigvalsh(data.X.T @ data.X))[::-1]
    slope = np.polyfit(np.log(np.arange(1, 7)), np.log(spectrum), 1)[0]
    assert abs(slope + decay) < 0.12


@pytest.mark.parametrize(("rank", "expected"), [(None, 6), (2, 2), (5, 5), (12, 12)])
def test_low_rank_spans_its_subspace(rank: int | None, expected: int) -> None:
    data = make_separable("low_rank", n=40, d=12, rank=rank)
    assert np.linalg.matrix_rank(data.X, tol=1e-10) == expected
    assert data.support.size <= expected


@pytest.mark.parametrize("density", [0.05, 0.25, 0.6, 1.0])
def test_sparse_samples_have_few_entries(density: float) -> None:
    data = make_separable("sparse", n=200, d=40, density=density, n_support=10)
    share = np.count_nonzero(data.X[off_margin(data)]) / data.X[off_margin(data)].size
    assert abs(share - density) < 0.03
    # Support vectors: the informative features, two structural entries and the random ones.
    limit = 0.5 * density + 2 / 40 + density
    assert np.count_nonzero(data.X[data.support]) / data.X[data.support].size < limit


def test_clustered_samples_share_label_and_place() -> None:
    data = make_separable("clustered", n=60, d=8, clusters=3, spread=0.01, n_support=3, seed=4)
    # Signed by the label the clusters are tight: three groups explain nearly all the scatter of the
    # samples.
    points = data.X[off_margin(data)]
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    near = distances < 0.1 * data.radius
    groups = {tuple(np.flatnonzero(row)) for row in near}
    assert len(groups) == 3
    for group in groups:
        assert np.unique(data.y[off_margin(data)][list(group)]).size == 1
    wide = make_separable("clustered", n=60, d=8, clusters=3, spread=3.0, n_support=3, seed=4)
    assert (
        np.linalg.norm(wide.X[:, None] - wide.X[None], axis=2) < 0.1 * wide.radius
    ).sum() < near.sum()


def test_clusters_that_straddle_the_separator_are_not_torn_apart() -> None:
    clusters, size = 4, 4
    for seed in range(20):
        request = Request(
            family="clustered",
            n=80,
            d=6,
            margin=0.01,
            radius=1.0,
            options={"n_support": size, "gap": 0.1, "clusters": clusters, "spread": 0.3},
        )
        Z = families()["clustered"].draw(request, np.random.default_rng(seed)).Z
        for cluster in range(clusters):
            points = Z[cluster + size :: clusters]
            distances = np.linalg.norm(points - np.median(points, axis=0), axis=1)
            assert distances.max() < 3 * np.median(distances)


@pytest.mark.parametrize(("minority", "expected"), [(0.0, 2), (0.1, 6), (0.25, 15), (0.5, 30)])
def test_imbalanced_has_the_rare_class(minority: float, expected: int) -> None:
    data = make_separable("imbalanced", n=60, d=8, minority=minority)
    assert (data.y == 1).sum() == expected
    assert (data.y[data.support] == 1).any()


@pytest.mark.parametrize("rotate", [False, True])
@pytest.mark.parametrize("share", [1.0, 0.7, 0.01])
def test_orthogonal_samples(rotate: bool, share: float) -> None:
    n, radius = 10, 4.0
    data = make_separable(
        "orthogonal", n=n, d=13, margin=share * radius / n**0.5, radius=radius, rotate=rotate
    )
    gram = data.X @ data.X.T
    assert np.abs(gram - np.diag(np.diag(gram))).max() < 1e-13 * radius**2
    assert data.support.size == n
    assert (np.count_nonzero(data.X) == n) == (not rotate)
    shrunk = np.sort(norms(data.X))
    assert shrunk[-1] == pytest.approx(radius, rel=1e-14)
    # on paper 1/margin² = Σ 1/r_i², and what each 1/r_i² exceeds 1/radius² by differs from sample
    # to sample, by a factor of at most 3
    assert (shrunk**-2.0).sum() == pytest.approx(n / (share * radius) ** 2, rel=1e-13)
    if share == 1.0:
        assert shrunk[0] == pytest.approx(radius, rel=1e-14)
    else:
        excess = shrunk[:-1] ** -2.0 - radius**-2.0
        assert 1.1 < excess.max() / excess.min() <= 3
        other = make_separable(
            "orthogonal", n=n, d=13, margin=data.margin, radius=radius, rotate=rotate, seed=1
        )
        assert np.abs(np.sort(norms(other.X)) / shrunk - 1).max() > 0.01


@pytest.mark.parametrize("rotate", [False, True])
def test_a_simplex_has_equal_angles_and_duals(rotate: bool) -> None:
    n, margin, radius = 9, 0.5, 4.0
    data = make_separable("simplex", n=n, d=11, margin=margin, radius=radius, rotate=rotate)
    Z = data.X * data.y[:, None]
    # (margin, across v_i): inner products margin² + across² v_iᵀv_j, v_iᵀv_j = −1/(n − 1)
    across = radius**2 - margin**2
    expected = np.where(np.eye(n, dtype=bool), radius**2, margin**2 - across / (n - 1))
    assert np.abs(Z @ Z.T - expected).max() < 1e-13 * radius**2
    assert np.abs(data.dual * n * margin**2 - 1).max() < 1e-14
    assert (np.abs(data.separator).max() == 1) == (not rotate)


@pytest.mark.parametrize("rotate", [False, True])
@pytest.mark.parametrize("ratio", [1e-6, 0.1, 0.5, 0.5**0.5])
def test_copies_and_one_sample_at_a_right_angle(rotate: bool, ratio: float) -> None:
    n, radius = 9, 4.0
    data = make_separable("copies", n=n, d=5, margin=ratio * radius, radius=radius, rotate=rotate)
    (copy, lone), counts = np.unique(data.X * data.y[:, None], axis=0, return_counts=True)
    if counts[0] == 1:
        copy, lone = lone, copy
    assert sorted(counts) == [1, n - 1]
    length = np.linalg.norm(lone)
    assert np.linalg.norm(copy) == pytest.approx(radius, rel=1e-15)
    assert length <= radius * (1 + 1e-15)
    # the margin of two orthogonal vectors: the height of their right triangle
    assert length * radius / np.hypot(length, radius) == pytest.approx(ratio * radius, rel=1e-14)
    assert abs(copy @ lone) <= 1e-15 * length * radius
    assert sorted(np.unique(data.dual, return_counts=True)[1]) == [1, n - 1]
    assert (np.count_nonzero(data.X, axis=1) == 1).all() == (not rotate)


def test_copies_whose_margin_is_too_large_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at most radius/√2 = 2\.828.*lower the margin or raise"):
        make_separable("copies", n=9, d=5, margin=2.83, radius=4.0)


def test_wide_has_three_quarters_of_the_samples_on_the_margin() -> None:
    assert make_separable("wide", n=20, d=30).support.size == 15
    assert make_separable("wide", n=20, d=30, n_support=4).support.size == 4


@pytest.mark.parametrize("count", [1, 2, 3, 20])
def test_few_support_has_as_many_as_asked(count: int) -> None:
    assert make_separable("few_support", n=20, d=5, n_support=count).support.size == count
    assert make_separable("few_support", n=20, d=5).support.size == 2


def test_both_classes_are_among_the_support_vectors() -> None:
    for seed in range(20):
        data = make_separable("few_support", n=20, d=5, seed=seed)
        assert set(data.y[data.support]) == {-1, 1}
        assert (data.y == 1).sum() == 10


def test_all_support_leaves_no_sample_off_the_margin() -> None:
    assert make_separable("all_support", n=33, d=5).support.size == 33


@pytest.mark.parametrize("distance", [1e-5, 1e-3, 1e-1])
def test_near_duplicates_come_in_pairs_of_one_class(distance: float) -> None:
    data = make_separable("near_duplicates", n=30, d=10, pairs=4, distance=distance, margin=0.01)
    assert data.support.size == 8
    points = data.X[data.support]
    between = np.linalg.norm(points[:, None] - points[None], axis=2) + np.diag([np.inf] * 8)
    twin = between.argmin(axis=1)
    np.testing.assert_array_equal(twin[twin], np.arange(8))
    np.testing.assert_array_equal(data.y[data.support][twin], data.y[data.support])
    # The displacement loses its part along the separator and the cloud's stretch is not exactly the
    # radius.
    assert (
        0.3 * distance * data.radius
        < between.min()
        <= between.min(axis=1).max()
        < 1.5 * distance * data.radius
    )
    assert make_separable("near_duplicates", n=30, d=10).support.size == 10


def test_relu_encoder_gives_features_of_a_relu_layer() -> None:
    data = make_separable("relu_encoder", n=200, d=24, seed=5)
    assert data.X.min() >= 0
    assert 0.35 < (data.X == 0).mean() < 0.65
    assert data.X.mean() > 0.1 * data.X.std()
    # The class is seen by all neurons, as in a trained encoder, not only by the pairs that carry
    # the separator.
    plain = make_separable("relu_encoder", n=4000, d=24, n_support=2)
    means = [plain.X[plain.y == label, 6:].mean(axis=0) for label in (1, -1)]
    assert np.linalg.norm(means[0] - means[1]) > 0.3 * np.linalg.norm(means[0])
    # The other neurons see `latent` variables only: before the rectification they have that rank.
    few, many = (
        make_separable("relu_encoder", n=400, d=24, latent=k, n_support=2, seed=5) for k in (2, 12)
    )
    energy = [
        np.linalg.svd(x.X[:, 6:], compute_uv=False)[:2].sum()
        / np.linalg.svd(x.X[:, 6:], compute_uv=False).sum()
        for x in (few, many)
    ]
    assert energy[0] > energy[1] + 0.1


@pytest.mark.parametrize(
    "family", sorted(name for name in FAMILIES if "n_support" in families()[name].options)
)
def test_every_family_with_support_vectors_takes_their_number(family: str) -> None:
    arguments: dict[str, Any] = {"n": 12, "d": 15} if family == "wide" else {"n": 20, "d": 12}
    for count in (2, 5, 7):
        data = make_separable(family, n_support=count, **arguments)
        assert data.support.size == count
        assert data.options == {"n_support": count}
        assert data.name.endswith(f"-n_support={count}")
    if family not in ("degenerate", "sphere", "relu_encoder", "clustered"):
        assert make_separable(family, n_support=1, **arguments).support.size == 1


@pytest.mark.parametrize(
    "family", sorted(name for name in FAMILIES if "gap" in families()[name].options)
)
def test_gap_sets_where_the_other_samples_begin(family: str) -> None:
    shape = {"n": 12, "d": 15} if family == "wide" else {"n": 40, "d": 6}
    for gap in (1e-3, 1.0):
        data = (
            make_separable(family, gap=gap, n_support=2, **shape)
            if family != "near_duplicates"
            else make_separable(family, gap=gap, pairs=1, **shape)
        )
        distances = np.sort(data.y * (data.X @ data.separator) / data.margin)
        first = data.support.size + (1 if family == "degenerate" else 0)
        assert distances[first] >= 1 + gap - 1e-12
        assert distances[first] < 1 + gap + 2.0


@pytest.mark.parametrize("family", FAMILIES)
def test_same_arguments_same_data_and_other_seeds_differ(family: str) -> None:
    shape = {"n": 12, "d": 15}
    first, again = (make_separable(family, seed=7, **shape) for _ in range(2))
    for name in ("X", "y", "separator", "dual", "support"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    other = make_separable(family, seed=8, **shape)
    assert not (np.array_equal(first.X, other.X) and np.array_equal(first.y, other.y))


def test_one_seed_is_one_cloud_at_every_margin_and_radius() -> None:
    sets = [
        make_separable("gaussian", n=30, d=6, margin=m, radius=r, seed=3)
        for m, r in ((0.5, 4), (0.1, 4), (0.5, 9))
    ]
    for data in sets[1:]:
        np.testing.assert_array_equal(data.separator, sets[0].separator)
        np.testing.assert_array_equal(data.y, sets[0].y)
        lateral = [x.X - np.outer(x.X @ x.separator, x.separator) for x in (sets[0], data)]
        ratio = lateral[1] / lateral[0]
        np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-8)


def test_families_of_one_seed_differ() -> None:
    assert not np.allclose(
        make_separable("gaussian", seed=1).separator, make_separable("laplace", seed=1).separator
    )


REFUSALS: list[tuple[dict[str, Any], str]] = [
    (
        {"family": "gausian"},
        r"no family is named 'gausian'; did you mean 'gaussian'\? Known: all_support, anisotropic",
    ),
    ({"family": "zzzz"}, r"no family is named 'zzzz'. Known: "),
    ({"margin": 5.0}, r"margin=5 exceeds radius=4: .*lower the margin or raise the radius"),
    ({"margin": 4.0}, r"margin=4 equals the radius.*lower the margin or raise the radius"),
    (
        {"margin": 3.9},
        r"margin·\(1 \+ gap\) = 4.29 leaves no room inside radius=4 .*lower the margin or the gap",
    ),
    ({"margin": 0.5, "gap": 10.0}, r"margin·\(1 \+ gap\) = 5.5 leaves no room"),
    (
        {"margin": 1e-9},
        r"margin=1e-09 is below 1e-09 of radius=4: rounding.*raise the margin or lower the radius",
    ),
    ({"margin": 0.0}, r"margin must be finite and in .*choose other units"),
    ({"margin": -1.0}, r"margin must be finite and in .* got -1.0"),
    ({"margin": float("nan")}, r"margin must be finite.*got nan"),
    ({"radius": float("inf")}, r"radius must be finite.*got inf"),
    ({"radius": 1e200}, r"radius must be finite and in .*choose other units"),
    ({"n": 3}, r"n must be at least 4, got 3; each class needs two samples"),
    ({"d": 1}, r"d must be at least 2, got 1; support vectors need a direction"),
    ({"seed": -1}, r"seed must be at least 0, got -1; choose a seed of 0, 1, 2"),
    (
        {"n_suport": 3},
        (
            r"no option of family 'gaussian' is named 'n_suport'; did you mean 'n_support'\? Known:"
            r" n_support, gap"
        ),
    ),
    ({"rank": 3}, r"no option of family 'gaussian' is named 'rank'. Known: n_support, gap"),
    (
        {"family": "all_support", "gap": 0.1},
        r"no option of family 'all_support' is named 'gap'. Known: none",
    ),
    (
        {"n_support": 101},
        r"n_support=101 support vectors need as many points, but n=100; raise n or lower it",
    ),
    ({"n_support": 0}, r"n_support must be at least 1, got 0; it is the number of support vectors"),
    (
        {"gap": 0.0},
        r"gap must be finite and in .*it is the distance of the other points beyond the margin",
    ),
    (
        {"family": "heavy_tailed", "degrees": 0.5},
        r"degrees must be finite and in \[1, 1000\], got 0.5",
    ),
    ({"family": "anisotropic", "decay": 7.0}, r"decay must be finite and in \[0, 6\]"),
    (
        {"family": "low_rank", "rank": 21},
        r"rank=21 exceeds the number of features d=20; lower the rank or raise d",
    ),
    ({"family": "low_rank", "rank": 1}, r"rank must be at least 2, got 1"),
    ({"family": "sparse", "density": 0.0}, r"density must be finite and in \[0.01, 1\]"),
    (
        {"family": "clustered", "clusters": 51},
        r"clusters=51 need two samples each, but n=100; lower the clusters",
    ),
    ({"family": "clustered", "clusters": 1}, r"clusters must be at least 2"),
    ({"family": "clustered", "spread": 0.0}, r"spread must be finite and in"),
    (
        {"family": "imbalanced", "minority": 0.6},
        r"minority must be finite and in \[0, 0.5\], got 0.6",
    ),
    ({"family": "orthogonal"}, r"100 orthogonal samples need d ≥ n, got d=20; raise d or lower n"),
    (
        {"family": "orthogonal", "d": 100},
        r"at most radius/√n = 0.4\d*, got margin=0.5; lower the margin or n, or raise",
    ),
    ({"family": "wide"}, r"needs more features than samples, got d=20, n=100; raise d or lower n"),
    (
        {"family": "wide", "d": 200, "n_support": 101},
        r"n_support=101 support vectors need as many points",
    ),
    (
        {"family": "near_duplicates", "pairs": 51},
        r"pairs=51 need 102 points, but n=100; lower the pairs or raise n",
    ),
    ({"family": "near_duplicates", "pairs": 0}, r"pairs must be at least 1"),
    ({"family": "near_duplicates", "distance": 0.0}, r"distance must be finite and in"),
    (
        {"family": "degenerate", "n_support": 20},
        r"n_support=20 and n_degenerate=1 exceed d=20: the dual would not be",
    ),
    ({"family": "degenerate", "n_degenerate": 20}, r"n_support=1 and n_degenerate=20 exceed d=20"),
    ({"family": "degenerate", "n_degenerate": 0}, r"n_degenerate must be at least 1"),
    (
        {"family": "degenerate", "n": 4, "n_support": 4},
        r"5 points on the margin were asked for, but n=4; raise n",
    ),
    ({"family": "sphere", "n_support": 1}, r"n_support must be at least 2, got 1"),
    (
        {"family": "sphere", "d": 2, "n_support": 3},
        r"n_support=3 samples of one norm on the margin do not exist in d=2",
    ),
    (
        {"family": "relu_encoder", "d": 2},
        r"needs two neurons for the class and one more, got d=2; raise d to 3",
    ),
    (
        {"family": "relu_encoder", "margin": 2.8},
        r"stretch 1.414 times margin·\(1 \+ gap\) = 4.3\d* leaves no room inside radius=4",
    ),
    ({"family": "relu_encoder", "latent": 1}, r"latent must be at least 2"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), REFUSALS, ids=[str(arguments) for arguments, _ in REFUSALS]
)
def test_impossible_requests_are_refused_with_the_reason(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_separable(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"family": 3}, r"family must be named by text, got 3; known: all_support, anisotropic"),
        ({"family": None}, r"family must be named by text, got None"),
        ({"n": True}, r"n must be an integer, got True"),
        ({"n": 20.0}, r"n must be an integer, got 20.0"),
        ({"d": "20"}, r"d must be an integer, got '20'"),
        ({"seed": None}, r"seed must be an integer, got None"),
        ({"margin": "0.5"}, r"margin must be a real number, got '0.5'"),
        ({"margin": True}, r"margin must be a real number, got True"),
        ({"radius": 1j}, r"radius must be a real number, got 1j"),
        ({"radius": np.ones(2)}, r"radius must be a real number, got array"),
        (
            {"n_support": 2.0},
            r"n_support must be an integer, got 2.0; it is the number of support vectors",
        ),
        ({"n_support": True}, r"n_support must be an integer, got True"),
        ({"gap": None}, r"gap must be a real number, got None"),
        (
            {"family": "orthogonal", "n": 8, "rotate": 1},
            r"rotate must be True or False, got 1; it is the switch",
        ),
    ],
)
def test_wrong_kinds_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make_separable(**arguments)


def test_numpy_numbers_are_numbers() -> None:
    data = make_separable(
        n=np.int64(20),
        d=np.int32(5),
        margin=np.float32(0.5),
        seed=np.uint8(3),
        n_support=np.int64(2),
    )
    assert data.name == "gaussian-n20-d5-m0.5-r4-s3-n_support=2"
    assert type(data.options["n_support"]) is int


def test_sphere_says_when_it_does_not_converge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sphere, "ROUNDS", 1)
    with pytest.raises(
        ValueError,
        match=r"unit vectors could not be balanced in 1 rounds; choose another seed or n_sup",
    ):
        make_separable("sphere")
