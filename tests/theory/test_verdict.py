"""Verdicts on theorems whose truth is known."""

import numpy as np
import pytest

from tunebound import bounds, synthetic, theory
from tunebound.theory.engine.statement import Assumption
from tunebound.theory.engine.verdict import judge, second_opinions


def make(name, factor, **more):
    """A theorem that claims factor times H-anytime."""

    def claims(evidence):
        measured = evidence.run.direction_distance.mean(axis=1)
        bound = factor * bounds.head.anytime(
            n=evidence.n, margin=evidence.margin, radius=evidence.radius
        )
        return [
            theory.Claim(
                measured=measured,
                bound=np.full_like(measured, bound),
                steps=evidence.run.steps,
                resolution=evidence.run_resolution,
                provenance="exact",
                quantity="q",
            )
        ]

    return theory.Theorem(
        name=name, statement="s", source="t", setting="head", claims=claims, maximum=2, **more
    )


SETS = [
    synthetic.make_separable("orthogonal", n=n, d=n, margin=2 / np.sqrt(n), radius=2.0)
    for n in (16, 8, 12)
]


def test_a_true_theorem_holds():
    verdict = theory.verify("H-anytime", SETS, steps=200, jobs=1)
    assert verdict.status == "holds"
    assert (verdict.environments, verdict.violations) == (3, 0)
    assert verdict.violation_limit == pytest.approx(1 - 0.05 ** (1 / 3), rel=1e-9)
    assert 0.4 < verdict.tightness["median"] <= 1
    assert (
        verdict.tightness["loosest"] <= verdict.tightness["median"] <= verdict.tightness["tightest"]
    )
    assert "holds" in str(verdict)
    assert SETS[0].name in str(verdict) or SETS[1].name in str(verdict)


def test_a_false_theorem_is_refuted_by_the_smallest_set_which_replays(tmp_path):
    false = make("a-quarter-of-anytime", 0.25)
    verdict = theory.verify(false, SETS, steps=200, jobs=1, output=tmp_path)
    assert verdict.status == "refuted"
    assert verdict.violations == 3
    assert verdict.violation_limit == 1.0
    assert verdict.violation.environment == SETS[1].name, "the set of 8 samples is the smallest"
    stored = synthetic.SeparableDataset.from_npz(verdict.violation.path)
    np.testing.assert_array_equal(stored.X, SETS[1].X)
    again = theory.verify(false, [stored], steps=200, jobs=1)
    assert again.status == "refuted"
    assert again.violation.excess == pytest.approx(verdict.violation.excess, rel=1e-9)
    assert f"--data {verdict.violation.path}" in str(verdict)


def test_second_opinions_on_a_counterexample():
    verdict = theory.verify(make("a-quarter-of-anytime", 0.25), SETS, steps=200, jobs=1)
    holding, weighting = second_opinions(verdict, SETS[1], {"steps": 200})
    assert holding.startswith("on it hold: ")
    assert "H-anytime" in holding
    assert "fail" not in holding
    assert weighting == "with the weights 1/(n-1) it fails there too"


def test_a_bound_above_the_maximum_is_vacuous():
    verdict = theory.verify(make("a-hundred-times-anytime", 100), SETS, steps=50, jobs=1)
    assert (verdict.status, verdict.vacuous_share) == ("vacuous", 1.0)


def test_free_constants_make_a_statement_untestable():
    verdict = theory.verify("P-Head", "smoke")
    assert verdict.status == "untestable as stated"
    assert "C, λ, ν" in str(verdict)


def test_environments_outside_the_assumptions_are_left_out_and_counted():
    small = Assumption("n is at most 12", lambda evidence: evidence.n <= 12)
    verdict = theory.verify(make("small-only", 1, assumptions=(small,)), SETS, steps=50, jobs=1)
    assert (verdict.environments, verdict.skipped) == (2, 1)
    never = Assumption("never", lambda evidence: False)
    verdict = theory.verify(make("never", 1, assumptions=(never,)), SETS, steps=50, jobs=1)
    assert (verdict.status, verdict.skipped) == ("not tested", 3)


def test_sets_of_different_shapes_from_users_arrays_are_verified():
    rng = np.random.default_rng(0)
    sets = []
    for n, d in ((10, 2), (14, 3)):
        y = np.where(np.arange(n) % 2, 1, -1)
        X = rng.normal(size=(n, d)) + 4 * y[:, None] * np.eye(d)[0]
        sets.append(synthetic.SeparableDataset.from_arrays(X, y))
    verdict = theory.verify("H-anytime", sets, steps=50, jobs=1)
    assert (verdict.status, verdict.environments) == ("holds", 2)


def test_every_theorem_of_the_catalogue_holds_or_is_vacuous_on_the_small_suite(results):
    for name, theorem in theory.theorems("head").items():
        verdict = judge(name, results)
        if theorem.free_constants:
            assert verdict.status == "untestable as stated"
        elif theorem.name.startswith("H-"):
            assert verdict.status in ("holds", "vacuous"), str(verdict)
            assert verdict.violations == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("H-anytime", []), "suite is empty"),
        (("H-anything", "smoke"), "no theorem is named"),
        (("H-anytime", "huge"), "huge"),
    ],
)
def test_bad_requests_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        theory.verify(*arguments)


def test_options_are_checked_before_work():
    with pytest.raises(ValueError, match=r"options .'step'. are unknown"):
        theory.verify("H-anytime", SETS, step=3)
