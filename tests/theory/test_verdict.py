"""Verdicts on theorems whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from tunebound import bounds, synthetic, theory
from tunebound.theory.engine.statement import Assumption
from tunebound.theory.engine.verdict import judge, second_opinions

WEIGHTINGS = ("1/n", "1/(n-1)")


def make(name, factor, proof="conjecture", provenance="exact", **more):
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
                provenance=provenance,
                quantity="q",
            )
        ]

    return theory.Theorem(
        proof=proof,
        name=name,
        statement="s",
        source="t",
        setting="head",
        claims=claims,
        maximum=2,
        **more,
    )


SETS = [
    synthetic.make_separable("orthogonal", n=n, d=n, margin=2 / np.sqrt(n), radius=2.0)
    for n in (16, 8, 12)
]


def test_a_true_theorem_is_not_violated():
    verdict = theory.verify("H-anytime", SETS, steps=200, jobs=1)
    assert verdict.test == "not violated"
    assert (verdict.environments, verdict.violations) == (3, 0)
    assert verdict.violation_limit == pytest.approx(1 - 0.05 ** (1 / 3), rel=1e-9)
    assert 0.4 < verdict.tightness["median"] <= 1
    assert (
        verdict.tightness["loosest"] <= verdict.tightness["median"] <= verdict.tightness["tightest"]
    )
    assert "not violated" in str(verdict)
    assert SETS[0].name in str(verdict) or SETS[1].name in str(verdict)


def test_a_false_theorem_is_violated_by_the_smallest_set_which_replays(tmp_path):
    false = make("a-quarter-of-anytime", 0.25)
    verdict = theory.verify(false, SETS, steps=200, jobs=1, output=tmp_path)
    assert verdict.test == "violated"
    assert verdict.violations == 3
    assert verdict.violation_limit == 1.0
    assert verdict.violation.environment == SETS[1].name, "the set of 8 samples is the smallest"
    stored = synthetic.SeparableDataset.from_npz(verdict.violation.path)
    np.testing.assert_array_equal(stored.X, SETS[1].X)
    again = theory.verify(false, [stored], steps=200, jobs=1)
    assert again.test == "violated"
    assert again.violation.excess == pytest.approx(verdict.violation.excess, rel=1e-9)
    assert f"--data {verdict.violation.path}" in str(verdict)


@pytest.mark.parametrize(
    ("proof", "contradicts"), [("proved here", True), ("published", False), ("conjecture", False)]
)
def test_a_violation_of_what_is_proved_is_called_an_error_of_the_code(proof, contradicts):
    false = make("a-quarter-of-anytime", 0.25, proof=proof, domain="n of at most 3")
    text = str(theory.verify(false, SETS[:1], steps=200, jobs=1))
    assert f"a-quarter-of-anytime [{proof}]: violated" in text
    assert "domain: n of at most 3" in text
    assert ("an error of the code" in text) == contradicts
    assert "estimated resolution" not in text


def test_a_violation_of_what_is_proved_may_lie_beyond_an_estimate():
    false = make("a-quarter-of-anytime", 0.25, proof="proved here", provenance="estimated")
    verdict = theory.verify(false, SETS[:1], steps=200, jobs=1)
    assert verdict.test == "violated"
    assert "an error of the code (or of the proof), or lies beyond the estimated" in str(verdict)
    fitted = make("a-quarter-of-anytime", 0.25, proof="proved here", provenance="fitted")
    assert theory.verify(fitted, SETS[:1], steps=200, jobs=1).contradiction == ""


def test_runs_that_were_followed_are_estimated_and_exact_steps_exact():
    along = ("H-trajectory", "H-chord", "H-anytime", "H-direction", "H-chain", "P-Head-certified")
    for name in along:
        for options, provenance in (
            ({"steps": 1e4}, "estimated"),
            ({"steps": 1e4, "exact": True}, "exact"),
            ({"steps": 1000}, "exact"),  # the flow does not take over before
        ):
            verdict = theory.verify(name, SETS[1:2], jobs=1, **options)
            assert verdict.provenance == provenance, (name, options)
    for name in ("H-free", "H-pair"):  # they bound the limit, which no run computes
        assert theory.verify(name, SETS[1:2], steps=1e4, jobs=1).provenance == "exact"


def test_what_reads_its_own_run_says_so():
    kinds = {name: known.kind for name, known in theory.theorems().items()}
    reading = {"H-trajectory", "H-chord", "H-direction", "M-anytime", "F-trajectory", "N-growth"}
    reading |= {"N-drift", "P-Full-network"}
    assert {name for name, kind in kinds.items() if kind == "a posteriori"} == reading
    verdict = theory.verify("H-chord", SETS[:1], steps=50, jobs=1)
    assert str(verdict).startswith("H-chord [proved here, a posteriori]: not violated")
    with pytest.raises(ValueError, match="kind must be one of 'prediction', 'a posteriori'"):
        theory.theorem("mine", statement="s", source="t", setting="head", kind="guess")


def test_a_status_of_proof_is_one_of_five():
    with pytest.raises(ValueError, match="proof must be one of 'proved here', 'published'"):
        theory.theorem("mine", statement="s", source="t", setting="head", proof="true")
    assert {each.proof for each in theory.theorems().values()} == {
        "proved here",
        "published",
        "conjecture",
        "extrapolation of ours",
        "fitted",
    }


@settings(max_examples=300, deadline=None)
@given(n=st.integers(2, 10**9), excess=st.floats(0, 1e12), weighting=st.sampled_from(WEIGHTINGS))
def test_the_certified_published_bound_is_above_anytime_or_says_nothing(n, excess, weighting):
    # on paper: max{√(2(1 + x)/n), (x + √(x² + 8n(1 + x)))/(2n)} with x = B/γ, times ν/γ
    x = 1 + excess
    factor = 1 if weighting == "1/n" else 2
    with mp.workdps(50):
        X = mpf(x)
        second = (X + mp.sqrt(X * X + 8 * n * (1 + X))) / (2 * n)
        paper = factor * max(mp.sqrt(2 * (1 + X) / n), second)
        assert paper >= min(2 * factor * X / n, mpf(2))
    bound = bounds.head.published(n=n, margin=1, radius=x, steps=3, C=0, lam=1, nu=factor)
    assert bound == pytest.approx(float(paper), rel=1e-12)
    anytime = bounds.head.anytime(n=n, margin=1, radius=x, weighting=weighting)
    assert bound >= min(anytime, 2) * (1 - 1e-12)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_the_published_bound_is_certified_and_says_something(weighting):
    verdict = theory.verify("P-Head-certified", "smoke", weighting=weighting, steps=1000, jobs=1)
    assert (verdict.violations, verdict.provenance) == (0, "exact")
    if weighting == "1/n":  # twice as large under the other weights, and vacuous on small sets
        assert (verdict.test, verdict.vacuous_share) == ("not violated", 0)


def test_second_opinions_on_a_counterexample():
    verdict = theory.verify(make("a-quarter-of-anytime", 0.25), SETS, steps=200, jobs=1)
    holding, weighting = second_opinions(verdict, SETS[1], {"steps": 200})
    assert holding.startswith("on it hold: ")
    assert "H-anytime" in holding
    assert "fail" not in holding
    assert weighting == "with the weights 1/(n-1) it fails there too"


def test_a_bound_above_the_maximum_is_vacuous():
    verdict = theory.verify(make("a-hundred-times-anytime", 100), SETS, steps=50, jobs=1)
    assert (verdict.test, verdict.vacuous_share) == ("vacuous", 1.0)


def test_a_statement_with_free_constants_names_no_number():
    verdict = theory.verify("P-Head", "smoke")
    assert verdict.test == "no number named"
    assert "C, λ, ν" in str(verdict)


def test_environments_outside_the_assumptions_are_left_out_and_counted():
    small = Assumption("n is at most 12", lambda evidence: evidence.n <= 12)
    verdict = theory.verify(make("small-only", 1, assumptions=(small,)), SETS, steps=50, jobs=1)
    assert (verdict.environments, verdict.skipped) == (2, 1)
    never = Assumption("never", lambda evidence: False)
    verdict = theory.verify(make("never", 1, assumptions=(never,)), SETS, steps=50, jobs=1)
    assert (verdict.test, verdict.skipped) == ("not tested", 3)


def test_sets_of_different_shapes_from_users_arrays_are_verified():
    rng = np.random.default_rng(0)
    sets = []
    for n, d in ((10, 2), (14, 3)):
        y = np.where(np.arange(n) % 2, 1, -1)
        X = rng.normal(size=(n, d)) + 4 * y[:, None] * np.eye(d)[0]
        sets.append(synthetic.SeparableDataset.from_arrays(X, y))
    verdict = theory.verify("H-anytime", sets, steps=50, jobs=1)
    assert (verdict.test, verdict.environments) == ("not violated", 2)


def test_nothing_that_is_proved_is_violated_on_the_small_suite(results):
    for name, theorem in theory.theorems("head").items():
        verdict = judge(name, results)
        if theorem.free_constants:
            assert verdict.test == "no number named"
        elif theorem.proof in ("proved here", "published"):
            assert verdict.test in ("not violated", "vacuous"), str(verdict)
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
