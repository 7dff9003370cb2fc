"""Two theorems on heads that need data of their own kind: copies of one sample, changed labels."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from tests.oracles.separator_program import hard_margin_direction
from tunebound import synthetic, theory
from tunebound.theory.engine.setting import find_setting
from tunebound.theory.engine.statement import find_theorem
from tunebound.theory.head.precise import precise_evidence
from tunebound.theory.head.setting import HeadOptions
from tunebound.theory.head.two_directions import are_copies


def evidence_of(data, **options):
    setting = find_setting("head")
    return setting.evidence([data], [data], HeadOptions(device="cpu", **options))[0]


def excesses(name, evidence):
    return [row["excess"] for claim in find_theorem(name).claims(evidence) for row in claim.rows()]


def copies(n=10, ratio=0.5, **more):
    return synthetic.make_separable("copies", n=n, d=3, margin=ratio * 4, radius=4.0, **more)


@pytest.mark.parametrize("rotate", [False, True])
@pytest.mark.parametrize("n", [4, 9, 50])
def test_copies_are_told_from_other_data(n, rotate):
    data = copies(n, rotate=rotate, seed=n)
    assert are_copies(data)
    lone = int(np.argmin(np.linalg.norm(data.X, axis=1)))
    other = (lone + 1) % n
    for change in ("tilted", "longer", "two", "another"):
        X = data.X.copy()
        if change == "tilted":
            X[lone] += 1e-9 * X[other]
        elif change == "longer":
            X[lone] *= 10
        elif change == "two":
            X[other] = X[lone] * data.y[lone] * data.y[other]
        else:
            X[other] *= 1 + 1e-15
        assert not are_copies(synthetic.SeparableDataset.from_arrays(X, data.y)), change
    for family in ("gaussian", "near_duplicates", "orthogonal"):
        made = synthetic.make_separable(family, n=n, d=n, margin=0.1, radius=1.0)
        assert not are_copies(made)


def test_the_direction_error_on_copies_is_verified_by_steps_and_by_the_flow():
    sets = [copies(n, ratio, seed=n) for n in (4, 30) for ratio in (0.5**0.5, 0.1)]
    for options in ({"steps": 3000, "exact": True, "rate_fraction": 1.0}, {"steps": 1e30}):
        verdict = theory.verify("H-copies", sets, jobs=1, **options)
        assert verdict.test == "not violated", str(verdict)
    assert theory.verify("H-copies", "smoke", families=["copies"], jobs=1, steps=100).test == (
        "not violated"
    )


def test_another_step_size_or_number_of_copies_would_be_noticed():
    evidence = evidence_of(copies(), steps=2000, exact=True)
    assert max(excesses("H-copies", evidence)) <= 0
    for factor in (1.05, 1 / 1.05):
        rate = float(evidence.run.learning_rate) * factor
        other = replace(evidence, run=replace(evidence.run, learning_rate=rate))
        assert max(excesses("H-copies", other)) > 1e-4
    fewer = replace(evidence, data=copies(11))
    assert max(excesses("H-copies", fewer)) > 1e-4


def separable_with(X, y, i):
    """By a linear program: is there w with all margins at least 1 once label i is changed?"""
    Z = X * np.where(np.arange(len(y)) == i, -y, y)[:, None]
    free = [(None, None)] * X.shape[1]
    return linprog(np.zeros(X.shape[1]), A_ub=-Z, b_ub=-np.ones(len(Z)), bounds=free).status == 0


@pytest.mark.parametrize(("family", "d"), [("gaussian", 3), ("heavy_tailed", 4), ("simplex", 12)])
def test_changed_labels_are_measured_as_a_convex_program_sees_them(family, d):
    data = synthetic.make_separable(family, n=12, d=d, margin=0.5, radius=4.0, seed=3)
    evidence = evidence_of(data, steps=10)
    learnable = [i for i in range(12) if separable_with(data.X, data.y, i)]
    assert list(evidence.label_changes.samples) == learnable
    assert evidence.columns()["label_changes"] == len(learnable)
    assert 0 < len(learnable) < 12 or family == "simplex"
    (claim,) = find_theorem("H-label").claims(evidence)
    before, _ = hard_margin_direction(data.X, data.y)
    for place, i in enumerate(learnable):
        y = np.where(np.arange(12) == i, -data.y, data.y)
        after, margin = hard_margin_direction(data.X, y)
        measured = np.linalg.norm(after - before)
        assert claim.measured[0, place] == pytest.approx(measured, abs=1e-8)
        assert evidence.label_changes.margins[place] == pytest.approx(margin, rel=1e-8)
        assert measured <= claim.bound[0, place] + 1e-8
    assert max(excesses("H-label", evidence)) <= 0


def test_data_without_a_label_that_can_be_changed_are_left_out_and_counted():
    X = np.array([[1.0], [2.0], [-1.0], [-2.0]])
    data = synthetic.SeparableDataset.from_arrays(X, np.sign(X[:, 0]))
    kept = synthetic.make_separable("gaussian", n=10, d=4, seed=1)
    results = theory.verify("H-label", [data], jobs=1, steps=10)
    assert results.test == "not tested"
    assert evidence_of(data, steps=10).columns()["label_changes"] == 0
    both = theory.verify("H-label", [data, kept], jobs=1, steps=10)
    assert (both.test, both.environments, both.skipped) == ("not violated", 1, 1)
    assert "1 environments do not meet the assumptions" in str(both)


def test_50_digits_see_the_same_changed_labels():
    data = synthetic.make_separable("gaussian", n=6, d=3, margin=0.4, radius=2.0, seed=5)
    options = HeadOptions(steps=3, exact=True, device="cpu")
    fast, precise = evidence_of(data, steps=3, exact=True), precise_evidence(data, options)
    assert list(fast.label_changes.samples) == list(precise.label_changes.samples)
    for name in ("weights", "margins", "duals"):
        mine, exact = getattr(fast.label_changes, name), getattr(precise.label_changes, name)
        assert mine.size
        np.testing.assert_allclose(mine, exact, rtol=1e-9, atol=1e-12)
    assert max(excesses("H-label", precise)) <= 0
