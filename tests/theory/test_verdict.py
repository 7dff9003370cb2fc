"""Verdicts on theorems whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from scipy.stats import beta

from tunebound import bounds, synthetic, theory
from tunebound.theory.engine.exponents import by_slope
from tunebound.theory.engine.populations import FEW, violation_limit
from tunebound.theory.engine.setting import find_setting
from tunebound.theory.engine.statement import Assumption
from tunebound.theory.engine.verdict import judge, judge_together
from tunebound.theory.engine.verification import second_opinions

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
    assert verdict.violation_limit is None
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
    reading |= {"N-drift", "P-Full-network", "S-chord", "S-drift"}
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


def test_what_was_handed_over_is_no_draw_of_a_design():
    verdict = theory.verify("H-anytime", SETS, steps=200, jobs=1)
    assert (verdict.draws, verdict.population, verdict.violation_limit) == (0, "", None)
    assert "not violated on 3 environments handed over" in str(verdict)
    assert "%" not in str(verdict).splitlines()[0]


def test_the_limit_is_that_of_independent_draws(results):
    verdict = judge("H-free", results)
    assert (verdict.environments, verdict.draws) == (13, 13)
    # Clopper and Pearson by the beta distribution of SciPy, and on paper 1 − 0.05^(1/13)
    assert verdict.violation_limit == pytest.approx(beta.ppf(0.95, 1, 13), rel=1e-12)
    assert verdict.violation_limit == pytest.approx(1 - 0.05 ** (1 / 13), rel=1e-12)
    first = str(verdict).splitlines()[0]
    assert first == (
        "H-free [proved here]: not violated on 13 independent draws of this design; few: up to 21 %"
        " of new draws may show an error of the code (95 %)"
    )
    assert "the design: 13 values of family; n = 12, 16; d = 5, 12, 20; B/γ = 8" in (str(verdict))


def test_members_of_one_draw_count_once(results):
    shared = theory.Results(
        **{
            table: getattr(results, table).assign(draw=lambda frame: frame["n"].map(str))
            for table in ("rows", "environments")
        },
        skipped=results.skipped,
    )
    verdict = judge("H-free", shared)
    assert (verdict.environments, verdict.draws) == (13, 2)
    assert verdict.violation_limit == pytest.approx(1 - 0.05**0.5, rel=1e-12)


@pytest.mark.parametrize("draws", [1, 2, 13, 58, 59, 324, 2046])
def test_the_limit_holds_for_the_mean_over_cells_that_were_chosen(draws):
    limit = violation_limit(draws)
    assert limit == pytest.approx(beta.ppf(0.95, 1, draws), rel=1e-12)
    assert (limit > 0.05) == (draws < FEW)
    # cells with shares of violations of their own, whose mean is the limit: that none of them
    # shows has a probability of at most 5 %
    rng = np.random.default_rng(draws)
    for _ in range(20):
        shares = rng.dirichlet(np.ones(draws)) * draws * limit
        if shares.max() < 1:
            assert np.prod(1 - shares) <= 0.05 * (1 + 1e-9)


def test_every_setting_says_how_many_draws_its_suites_are():
    draws = {}
    for setting in theory.settings().values():
        for name in setting.suite_names():
            members = setting.suite(name, 0, setting.options()).specifications
            draws[setting.name, name] = len(members), len({setting.draw(each) for each in members})
    assert draws["head", "standard"] == (324, 324)
    assert draws["head", "large"] == (2046, 2046)
    assert draws["full-quadratics", "standard"] == (413, 413)
    assert draws["full-network", "standard"] == (28, 28)
    # three scales of the starts share each data set
    assert draws["multi-head", "standard"] == (42, 14)


def test_a_violated_theorem_gets_no_rate_and_no_limit(results):
    # 13 sets in which n varies by hand, so that a slope could be measured
    rows = results.rows[results.rows["theorem"] == "H-anytime"]
    rows = pd.concat(
        [
            rows.assign(member=rows["member"] + 100 * copy, n=rows["n"] * 2**copy).assign(
                draw=lambda frame: frame["member"].map(str),
                measured=lambda frame, copy=copy: frame["measured"] / 2**copy,
            )
            for copy in range(3)
        ],
        ignore_index=True,
    )
    tables = theory.Results(rows, results.environments, results.skipped)
    (rate,) = judge("H-anytime", tables).rates
    assert (rate.factor, rate.slope.value) == ("n", pytest.approx(-1, abs=1e-9))
    rows.loc[rows["member"] == 0, "excess"] = 1e-3
    violated = judge("H-anytime", tables)
    assert (violated.test, violated.violations) == ("violated", 1)
    assert (violated.rates, violated.violation_limit) == ((), None)
    assert "violated on 1 environment\n" in str(violated)
    assert "new draws" not in str(violated)
    assert "rate in" not in str(violated)


def test_exponents_that_share_a_regression_count_once(results):
    head = find_setting("head")
    rows = results.rows[results.rows["theorem"].isin(["H-free", "H-dual", "H-anytime"])]
    rows = pd.concat(
        [
            rows.assign(
                member=rows["member"] + 100 * copy,
                n=rows["n"] * 2**copy,
                radius_over_margin=rows["radius_over_margin"] * (1 + (copy > 2)),
                draw=lambda frame: frame["member"].map(str),
            )
            for copy in range(4)
        ],
        ignore_index=True,
    )
    tables = theory.Results(rows, results.environments, results.skipped)
    known = [theory.theorems("head")[name] for name in ("H-free", "H-dual", "H-anytime")]
    verdicts = judge_together(head, known, tables)
    rates = [rate for verdict in verdicts for rate in verdict.rates]
    # in the limit and after the last step, in n only: nothing else varies alone
    assert [[each.theorem for each in shared] for shared in by_slope(rates)] == [
        ["H-free"],
        ["H-anytime"],
    ]
    assert {rate.together for rate in rates} == {2}
    for rate in rates:
        assert (rate.low, rate.high) == rate.slope.interval(1 - 0.05 / 2)
    # asked alone, an interval is that of one slope
    (alone,) = judge("H-free", tables).rates
    assert (alone.low, alone.high) == alone.slope.interval(0.95)


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
    _, _, failing = holding.partition("; fail too: ")
    known = theory.theorems()
    assert all(known[name].proof != "proved here" for name in failing.split(", ") if name)
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
        elif name == "H-copies":  # no suite has such data
            assert (verdict.test, verdict.skipped) == ("not tested", len(results.environments))
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


@pytest.mark.parametrize("other", [None, 3, "results", {}])
def test_what_is_no_result_is_refused(other):
    with pytest.raises(
        TypeError, match=r"results must be a Results, got .*; pass what theory.run or study gave$"
    ):
        theory.judge("H-limit", other)
    with pytest.raises(TypeError, match=r"results must be a Results, got .*pass what theory.run"):
        theory.decide(list(theory.hypotheses("head").values()), other)
