"""Certificates against separators that were planted or refitted by a cone program."""

import io
import sys
from itertools import combinations

import numpy as np
import pytest
import tqdm
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

from tests.oracles.class_program import largest_margin
from tests.oracles.separator_program import hard_margin_direction
from tunebound import synthetic, theory, tuning
from tunebound.bounds.separators import interior_point, least_distance
from tunebound.bounds.separators import left_out as separators_left_out
from tunebound.theory.certification import left_out, trained


def chord(a, b):
    return float(np.linalg.norm(a / np.linalg.norm(a) - b / np.linalg.norm(b)))


def refitted(X, y, gone, heads):
    """Unit directions of binary heads without some rows; `heads` has members and labels of each."""
    directions = []
    for members, labels in heads:
        rows = np.setdiff1d(members, gone)
        directions.append(hard_margin_direction(X[rows], labels[rows])[0])
    return directions


def binary_heads(y, classes):
    everyone = np.arange(len(y))
    if y.max() == 1:
        return [(everyone, np.where(y == 1, 1, -1))]
    if classes == "one-vs-rest":
        return [(everyone, np.where(y == k, 1, -1)) for k in range(y.max() + 1)]
    return [
        (np.flatnonzero((y == a) | (y == b)), np.where(y == a, 1, -1))
        for a, b in combinations(range(y.max() + 1), 2)
    ]


@pytest.fixture(scope="module")
def cancer():
    data = load_breast_cancer()
    rows = np.random.default_rng(0).permutation(len(data.data))
    X = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    X = np.column_stack([X, np.ones(len(X))])
    return X[rows[:300]], data.target[rows[:300]], X[rows[300:]]


@pytest.fixture(scope="module")
def wine():
    data = load_wine()
    rows = np.random.default_rng(1).permutation(len(data.data))
    X = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    X = np.column_stack([X, np.ones(len(X))])
    return X[rows[:120]], data.target[rows[:120]], X[rows[120:]]


@pytest.mark.parametrize("seed", range(4))
def test_the_planted_separator_is_found_and_every_bound_holds(seed):
    data = synthetic.make_separable("gaussian", n=40, d=7, margin=0.5, radius=4.0, seed=seed)
    certificate = theory.certify(data.X, data.y, exact="all")
    assert certificate.margin == pytest.approx(data.margin, rel=1e-9)
    assert chord(certificate.weights, data.separator) < 1e-7
    assert certificate.radius == pytest.approx(4.0)
    distance = np.zeros(data.n)
    for i in range(data.n):
        others = np.arange(data.n) != i
        direction, _ = hard_margin_direction(data.X[others], data.y[others])
        distance[i] = chord(direction, data.separator)
    assert np.abs(certificate.exact - distance).max() < 1e-7
    assert (distance <= certificate.per_sample + 1e-9).all()
    assert distance.mean() <= certificate.instability
    assert distance.mean() <= min(certificate.ladder.values())
    assert certificate.instability <= certificate.ladder["limit"] + 1e-6
    assert (np.diff(certificate.exact[certificate.pivotal]) <= 0).all()
    assert np.isin(np.flatnonzero(distance > 1e-6), certificate.support).all()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_worst_group_is_covered(size):
    data = synthetic.make_separable("gaussian", n=16, d=4, margin=0.8, radius=1.0, seed=5)
    points = np.random.default_rng(0).normal(size=(400, 4))
    certificate = theory.certify(data.X, data.y, X_test=points, group=size)
    predictions = certificate.predictions
    fixed = predictions.fixed_by_group if size > 1 else predictions.fixed
    worst = 0.0
    for gone in combinations(range(data.n), size):
        rows = np.setdiff1d(np.arange(data.n), gone)
        if len(np.unique(data.y[rows])) < 2:
            continue
        direction, _ = hard_margin_direction(data.X[rows], data.y[rows])
        worst = max(worst, chord(direction, data.separator))
        changed = (points @ direction > 0) != (points @ data.separator > 0)
        assert not (changed & fixed).any()
    assert 0 < worst <= certificate.by_group
    assert fixed.any()


def test_two_real_classes_and_their_predictions_hold_against_a_cone_program(cancer):
    X, y, points = cancer
    exact = theory.certify(X, y, X_test=points, exact="all")
    one_solve = theory.certify(X, y, X_test=points, exact=0)
    assert np.isnan(one_solve.exact).all()
    assert (one_solve.predictions.flips < 0).any()
    labels = np.where(y == 1, 1, -1)
    whole, margin = hard_margin_direction(X, labels)
    assert exact.margin == pytest.approx(margin, rel=1e-8)
    assert (exact.predictions.labels == (points @ whole > 0)).all()
    flips = np.zeros((len(points), len(X)), dtype=bool)
    for i in exact.pivotal:
        (direction,) = refitted(X, y, [i], binary_heads(y, "softmax"))
        distance = chord(direction, whole)
        assert abs(exact.exact[i] - distance) < 1e-6
        assert distance <= exact.per_sample[i]
        flips[:, i] = (points @ direction > 0) != (points @ whole > 0)
    assert (exact.predictions.flips == flips.sum(axis=0)).all()
    assert flips.any()
    for certificate in (exact, one_solve):
        predictions = certificate.predictions
        assert not flips[predictions.fixed].any()
        assert (flips.sum(axis=1) <= predictions.flippers).all()
        assert (flips.sum(axis=0) <= predictions.reach).all()
    assert (exact.predictions.flippers == flips.sum(axis=1)).mean() > 0.99


def scores(X, y, gone, classes, points):
    """Predictions of refitted heads, of three kinds, written out."""
    rows = np.setdiff1d(np.arange(len(X)), gone)
    count = y.max() + 1
    if classes == "softmax":
        return (points @ largest_margin(X[rows], y[rows])[1].T).argmax(axis=1)
    if classes == "one-vs-rest":
        heads = []
        for k in range(count):
            direction, margin = hard_margin_direction(X[rows], np.where(y[rows] == k, 1, -1))
            heads.append(direction / margin)
        return (points @ np.stack(heads).T).argmax(axis=1)
    votes = np.zeros((len(points), count))
    for a, b in combinations(range(count), 2):
        pair = rows[(y[rows] == a) | (y[rows] == b)]
        direction, _ = hard_margin_direction(X[pair], np.where(y[pair] == a, 1, -1))
        wins = points @ direction > 0
        votes[:, a] += wins
        votes[:, b] += ~wins
    return votes.argmax(axis=1)


@pytest.mark.parametrize("classes", ["softmax", "one-vs-rest", "all-pairs"])
def test_three_real_classes_hold_against_a_cone_program(wine, classes):
    X, y, points = wine
    # where the scores are close as well as where they are not
    points = np.concatenate([points, np.random.default_rng(2).normal(size=(300, X.shape[1]))])
    exact = theory.certify(X, y, X_test=points, classes=classes, exact="all", group=2)
    one_solve = theory.certify(X, y, X_test=points, classes=classes, exact=0, group=2)
    whole = scores(X, y, [], classes, points)
    assert (exact.predictions.labels == whole).all()
    changed = np.zeros((len(points), len(X)), dtype=bool)
    rows = exact.pivotal[:6] if classes == "softmax" else exact.pivotal
    for i in rows:
        changed[:, i] = scores(X, y, [i], classes, points) != whole
        if classes == "softmax":
            continue
        heads = binary_heads(y, classes)
        before, after = refitted(X, y, [], heads), refitted(X, y, [i], heads)
        distance = np.mean([chord(a, b) for a, b in zip(before, after, strict=True)])
        assert abs(exact.exact[i] - distance) < 1e-6
        assert distance <= exact.per_sample[i]
    assert (exact.exact - exact.exact_error <= exact.per_sample).all()
    assert changed.any()
    assert (exact.predictions.flips[rows] == changed[:, rows].sum(axis=0)).all()
    for certificate in (exact, one_solve):
        predictions = certificate.predictions
        assert not changed[predictions.fixed].any()
        assert (changed.sum(axis=1) <= predictions.flippers).all()
        assert (changed.sum(axis=0) <= predictions.reach).all()
        assert (predictions.fixed_by_group <= predictions.fixed).all()
    assert exact.predictions.unchanged > one_solve.predictions.unchanged
    pairs = np.random.default_rng(3).choice(exact.pivotal, (3 if classes == "softmax" else 30, 2))
    for pair in pairs:
        gone = scores(X, y, pair, classes, points) != whole
        assert not (gone & one_solve.predictions.fixed_by_group).any()


def test_the_softmax_distance_is_that_of_refitted_matrices(wine):
    X, y, _ = wine
    certificate = theory.certify(X, y, exact="all")
    whole = largest_margin(X, y)[1]
    for i in certificate.pivotal[:6]:
        others = np.arange(len(X)) != i
        distance = chord(largest_margin(X[others], y[others])[1].ravel(), whole.ravel())
        assert abs(certificate.exact[i] - distance) < 1e-5
        assert distance <= certificate.per_sample[i]


def test_trained_heads_keep_what_is_promised():
    digits = load_digits()
    rows = np.flatnonzero((digits.target == 3) | (digits.target == 8))[:60]
    certificate = theory.certify(
        digits.data[rows] / 16, digits.target[rows], constant=1.0, measured=True
    )
    measured = certificate.measured
    assert measured.steps[-1] == 1e30
    assert (measured.distance.mean(axis=1) <= measured.anytime).all()
    # what the heads still lack of their limits after 1e30 steps, a few per cent
    X = np.column_stack([digits.data[rows] / 16, np.ones(60)])
    y = np.where(digits.target[rows] == 8, 1, -1)
    heads = tuning.flow_heads(X, y, until=1e30).weights
    lacking = np.array(
        [chord(heads[0], hard_margin_direction(X, y)[0])]
        + [
            chord(heads[1 + i], hard_margin_direction(np.delete(X, i, 0), np.delete(y, i))[0])
            for i in range(60)
        ]
    )
    assert lacking.max() < 0.1
    allowed = lacking[0] + lacking[1:]
    assert (measured.distance[-1] <= certificate.per_sample + allowed).all()
    assert (np.abs(measured.distance[-1] - certificate.exact) <= allowed + 1e-6).all()


@pytest.mark.parametrize("classes", ["softmax", "all-pairs"])
def test_several_trained_heads_are_means_over_their_heads(classes):
    data = synthetic.make_classes(n=24, d=4, classes=3, margin=0.6, radius=2.0, seed=0)
    measured = theory.certify(data.X, data.y, classes=classes, measured=True).measured
    distance = np.zeros(data.n)
    if classes == "softmax":
        weights = tuning.flow_heads(data.X, data.y, classes=3, until=1e30).weights
        distance += [chord(weights[0].ravel(), head.ravel()) for head in weights[1:]]
    for members, labels in binary_heads(data.y, classes) if classes == "all-pairs" else ():
        run = tuning.flow_heads(data.X[members], labels[members], until=1e30)
        distance[members] += [chord(run.weights[0], head) / 3 for head in run.weights[1:]]
    np.testing.assert_allclose(measured.distance[-1], distance, atol=1e-9)
    assert (measured.distance.mean(axis=1) <= measured.anytime).all()


def test_large_data_are_trained_for_fewer_steps(cancer, monkeypatch):
    X, y, _ = cancer
    monkeypatch.setattr(trained, "FOLLOWED", 1e3)
    measured = theory.certify(X[:40], y[:40], measured=True).measured
    assert measured.steps[-1] == trained.STEPS
    assert (measured.distance.mean(axis=1) <= measured.anytime).all()


@pytest.mark.parametrize("exact", [0, 3, "all"])
def test_only_the_heads_that_were_asked_for_are_computed(cancer, exact):
    X, y, points = cancer
    certificate = theory.certify(X, y, X_test=points, exact=exact)
    known = np.flatnonzero(~np.isnan(certificate.exact))
    count = len(X) if exact == "all" else exact
    assert known.size == count
    assert certificate.predictions.computed == (exact == "all")
    if exact == 3:
        assert set(known) == set(certificate.pivotal[:3])
        assert (np.diff(certificate.per_sample[certificate.pivotal]) <= 0).all()


def test_automatic_exactness_depends_on_the_work(cancer, monkeypatch):
    X, y, _ = cancer
    assert not np.isnan(theory.certify(X, y).exact).any()
    monkeypatch.setattr(left_out, "AFFORDABLE", 1e3)
    assert np.isnan(theory.certify(X, y).exact).all()


def test_an_interruption_keeps_what_is_done(cancer, monkeypatch):
    X, y, points = cancer
    monkeypatch.setattr(left_out, "CHUNK", 4)
    whole, calls = left_out.leave_out, []

    def leave_out(head, members):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(members)
        return whole(head, members)

    monkeypatch.setattr(left_out, "leave_out", leave_out)
    certificate = theory.certify(X, y, X_test=points, exact="all")
    assert np.count_nonzero(~np.isnan(certificate.exact)) == 8
    assert not certificate.predictions.computed
    assert any("stopped after 8 of" in note for note in certificate.notes)
    assert "one solve" in certificate.provenance["predictions"]


def test_order_names_and_units_do_not_matter(wine):
    X, y, points = wine
    first = theory.certify(X, y, X_test=points, exact="all")
    order = np.random.default_rng(4).permutation(len(X))
    names = np.array(["ash", "birch", "cedar"])
    other = theory.certify(4.0 * X[order], names[y[order]], X_test=4.0 * points, exact="all")
    assert other.margin == pytest.approx(4.0 * first.margin, rel=1e-9)
    np.testing.assert_allclose(other.per_sample, first.per_sample[order], atol=1e-6)
    np.testing.assert_allclose(other.exact, first.exact[order], atol=1e-6)
    assert other.classes == ("ash", "birch", "cedar")
    assert (other.predictions.labels == names[first.predictions.labels]).all()
    assert (other.predictions.flips == first.predictions.flips[order]).all()


def test_a_softmax_head_of_two_classes_is_the_head_of_two_classes(cancer):
    X, y, _ = cancer
    results = [
        theory.certify(X, y, classes=classes, exact=0)
        for classes in ("softmax", "one-vs-rest", "all-pairs")
    ]
    for result in results[1:]:
        assert (result.per_sample == results[0].per_sample).all()
    swapped = theory.certify(X, 1 - y, exact=0)
    np.testing.assert_allclose(swapped.per_sample, results[0].per_sample, atol=1e-9)
    np.testing.assert_allclose(swapped.weights, -results[0].weights, rtol=1e-6, atol=1e-9)


def test_every_number_says_where_it_comes_from(cancer):
    X, y, points = cancer
    certificate = theory.certify(X, y, X_test=points)
    assert set(certificate.provenance) >= {
        "margin",
        "per_sample",
        "instability",
        "along_training",
        "by_group",
        "exact",
        "predictions",
    }
    assert set(certificate.seconds) == {"separator", "left-out heads", "predictions"}


@pytest.mark.parametrize("lam", [None, 0.1])
def test_data_without_a_separator_get_the_regularised_head(lam):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), rng.integers(0, 2, 40)
    certificate = theory.certify(X, y, X_test=rng.normal(size=(20, 3)), lam=lam)
    assert not certificate.separable
    assert np.isnan(certificate.margin)
    assert certificate.inseparable.removal.size >= certificate.inseparable.at_least >= 1
    assert certificate.inseparable.chosen == (lam is None)
    kept = np.setdiff1d(np.arange(40), certificate.inseparable.removal)
    hard_margin_direction(X[kept], np.where(y[kept] == 1, 1, -1))
    assert certificate.predictions.labels.shape == (20,)


def test_a_weight_that_is_given_asks_for_the_regularised_head(cancer):
    X, y, _ = cancer
    certificate = theory.certify(X[:60], y[:60], lam=0.05)
    signs = np.where(y[:60] == 1, 1, -1)
    w = certificate.weights.reshape(-1)
    lost = signs / (1 + np.exp(signs * (X[:60] @ w)))
    assert np.linalg.norm(0.05 * w - lost @ X[:60] / 60) < 1e-8


def test_a_head_that_has_no_separator_is_named():
    rng = np.random.default_rng(1)
    corners = np.array([[2.0, 0.0], [-1.0, 1.7], [-1.0, -1.7], [0.1, 0.0]])
    y = np.repeat(np.arange(4), 10)
    X = corners[y] + 0.05 * rng.normal(size=(40, 2))
    certificate = theory.certify(X, y, classes="one-vs-rest", constant=1.0)
    assert "lam = " in certificate.head
    assert certificate.weights.shape == (4, 3)
    assert any("no separator tells class 3 from the rest" in note for note in certificate.notes)
    assert theory.certify(X, y, classes="all-pairs", constant=1.0).margin > 0


class Terminal(io.StringIO):
    """What takes a progress bar to be looked at."""

    def isatty(self):
        return True


@pytest.mark.parametrize("progress", [True, False])
def test_without_progress_no_bar_is_shown_by_any_part(monkeypatch, progress):
    shown = []

    class Noted(tqdm.tqdm):
        def __init__(self, *args, **options):
            super().__init__(*args, **{**options, "delay": 0})
            shown.append((options["desc"], not self.disable))

    for module in (interior_point, separators_left_out):
        monkeypatch.setattr(module, "tqdm", Noted)
    # small data go to the method with the bar too
    monkeypatch.setattr(least_distance, "_PIVOTING", 0)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    data = synthetic.make_separable("gaussian", n=12, d=4, margin=1.0, radius=4.0)
    theory.certify(data.X, data.y, exact="all", progress=progress)
    described = {what for what, _ in shown}
    assert {"separator", "left-out separators"} <= described
    assert {visible for _, visible in shown} == {progress}
    assert bool(terminal.getvalue()) == progress
