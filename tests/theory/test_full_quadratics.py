"""Full tuning on problems with known constants: the ladder, the published bound's failure, and the
figures.
"""

import platform
import subprocess
import sys

import numpy as np
import pytest

from tunebound import synthetic, theory
from tunebound.theory.engine import computing
from tunebound.theory.engine.reporting import judge_all, report
from tunebound.theory.engine.setting import find_setting

SETTING = find_setting("full-quadratics")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    target = tmp_path_factory.mktemp("full") / "smoke"
    theory.run(theory.Study("full-quadratics", "smoke", 0, {"steps": 60}), target, jobs=1)
    return target


@pytest.fixture(scope="module")
def full_results(directory):
    return theory.load(directory)


def test_every_rung_holds_on_every_problem(full_results):
    for name, theorem in theory.theorems("full-quadratics").items():
        verdict = theory.judge(name, full_results)
        if name not in ("P-Full", "F-decay"):  # what is false has its own tests
            assert verdict.test == "not violated" or (
                verdict.test == "vacuous" and not verdict.violations
            ), str(verdict)
            assert verdict.environments + verdict.skipped == len(full_results.environments), (
                theorem.name
            )


def test_the_published_bound_is_refuted_at_one_step_and_the_smallest_problem_replays(
    directory, full_results
):
    (verdict,) = [
        each for each in judge_all(directory, full_results) if each.theorem.name == "P-Full"
    ]
    assert verdict.test == "violated"
    violation = verdict.violation
    assert violation.steps == 1
    problem = synthetic.QuadraticProblem.from_npz(violation.path)
    assert (problem.n, problem.d) == (2, 1)
    assert problem.mu / problem.beta > 12 * np.sqrt(2) - 16
    # By hand: one step of size 1/β, the runs on S and S^i differ by H_i (w_0 − w*)/(βn).
    moved = np.abs(problem.hessians[:, 0, 0] * (problem.start - problem.minimiser)[0]) / (
        problem.beta * problem.n
    )
    kappa = problem.mu / problem.beta
    bound = np.sqrt(2 * problem.lipschitz * problem.distance / problem.beta) / (
        problem.n * ((1 - kappa) ** -0.25 - 1)
    )
    assert violation.measured == pytest.approx(moved.mean(), rel=1e-12)
    assert violation.bound == pytest.approx(bound, rel=1e-12)
    assert moved.mean() > bound


def test_what_a_process_killed_at_a_counterexample_left_is_swept(directory, full_results):
    (stored,) = {
        each.violation.path
        for each in judge_all(directory, full_results)
        if each.violation and each.theorem.name == "P-Full"
    }
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    left = stored.with_name(f".{stored.name}.{platform.node()}.{process.pid}.x.part")
    left.touch()
    judge_all(directory, full_results)
    assert stored.exists()
    assert not left.exists()


def test_the_published_bound_survives_with_the_other_weights_there_and_the_mended_one_with_both():
    corner = synthetic.make_quadratics(2, 1, mu=0.99, beta=1.0, distance=1.0)
    assert theory.verify("P-Full", [corner], jobs=1).test == "violated"
    for weighting in ("1/n", "1/(n-1)"):
        assert theory.verify("F-closed", [corner], jobs=1, weighting=weighting).violations == 0
    assert theory.verify("P-Full", [corner], jobs=1, weighting="1/(n-1)").violations == 0


def test_between_the_proofs_corner_and_the_bounds_own_the_bound_still_holds():
    """The proof breaks above κ = 15/16, the statement only above 12√2 − 16, for one-dimensional
    quadratics at T = 1.
    """
    edge = 12 * np.sqrt(2) - 16
    for kappa, status in ((0.94, False), (edge - 1e-3, False), (edge + 2e-3, True)):
        both = synthetic.QuadraticProblem.from_arrays(
            np.full((2, 1, 1), 1.0), np.zeros((2, 1)), np.ones(1)
        )
        stated = synthetic.QuadraticProblem(**{**vars(both), "mu": kappa})
        verdict = theory.verify("P-Full", [stated], jobs=1, steps=1)
        assert (verdict.violations > 0) == status, kappa


def test_rows_agree_with_a_plain_loop(full_results):
    suite = synthetic.make_problem_suite("smoke")
    for number in (1, 6, 13):
        problem = suite[number]
        w = np.tile(problem.start, (problem.n + 1, 1))
        for _ in range(10):
            slopes = np.stack([problem.gradients(each) for each in w])
            total = slopes.sum(axis=1)
            for i in range(problem.n):
                total[i + 1] -= slopes[i + 1, i]
            w = w - total / (problem.n * problem.beta)
        measured = np.linalg.norm(w[1:] - w[0], axis=1).mean()
        rows = full_results.rows
        row = rows[
            (rows["member"] == number) & (rows["theorem"] == "F-trajectory") & (rows["steps"] == 10)
        ].iloc[0]
        assert row["environment"] == suite.specifications[number].name
        assert row["measured"] == pytest.approx(measured, rel=1e-9)


def test_left_out_minimisers_are_where_long_descent_leads():
    problem = synthetic.make_quadratics(6, 3, mu=0.2, beta=1.0, distance=1.0, interpolate=False)
    (evidence,) = SETTING.evidence([problem], [problem], computing.checked_options(SETTING, {}))
    (claim,) = theory.theorems()["F-shift"].claims(evidence)
    for i in range(6):
        w = problem.start.copy()
        for _ in range(500):
            w -= np.delete(problem.gradients(w), i, axis=0).mean(axis=0)
        assert claim.measured[0, i] == pytest.approx(
            np.linalg.norm(w - problem.minimiser), rel=1e-10
        )


def test_steps_that_the_worst_case_needs_are_recorded_and_no_others_are_solved(full_results):
    rows = full_results.rows
    assert set(rows[rows["theorem"] == "F-worst"]["steps"]) == {1, 2, 5, 10}


@pytest.mark.parametrize("options", [{"steps": 0}, {"weighting": "n"}, {"rate_fraction": 0.5}])
def test_bad_options_are_refused(options):
    with pytest.raises((ValueError, TypeError), match=next(iter(options))):
        computing.checked_options(SETTING, options)


def test_stored_problems_of_both_kinds_load_and_others_are_refused(tmp_path):
    smooth = synthetic.make_smooth_losses(3, 2, mu=0.1, beta=1.0, distance=1.0)
    smooth.to_npz(tmp_path / "smooth.npz")
    assert SETTING.load(tmp_path / "smooth.npz").d == 2
    synthetic.make_separable(n=10, d=3).to_npz(tmp_path / "other.npz")
    with pytest.raises(ValueError, match=r"other\.npz"):
        SETTING.load(tmp_path / "other.npz")


def test_report_tells_the_failure_first(directory):
    page = report(directory).read_text(encoding="utf-8")
    assert page.index('<tr id="P-Full">') < page.index('<tr id="F-closed">')
    assert "all at κ = 0.99 and T = 1" in page
    assert "tunebound verify P-Full --data" in page
    verdict = page[page.index('<tr id="P-Full">') : page.index('<tr id="F-apart">')]
    assert "new draws" not in verdict


@pytest.fixture(scope="module")
def sweep():
    problems = [
        synthetic.ProblemSpecification(
            kind="quadratic", n=n, d=2, kappa=kappa, distance=distance, spectrum=spectrum
        )
        for spectrum in ("uniform", "two-point")
        for n, kappa, distance in ((3, 0.1, 1.0), (6, 0.1, 1.0), (3, 0.3, 1.0), (3, 0.1, 2.0))
    ]
    suite = synthetic.Suite("sweep", 0, tuple(problems))
    known = list(theory.theorems("full-quadratics").values())
    return computing.examine_members(
        SETTING, suite, computing.checked_options(SETTING, {"steps": 30}), known, jobs=1
    )


@pytest.mark.parametrize("name", find_setting("full-quadratics").presentation().illustrations)
def test_figures_draw_and_explain_themselves(name, sweep, tmp_path):
    illustration = find_setting("full-quadratics").presentation().figures(sweep)[name]
    figure = illustration.draw(sweep)
    figure.savefig(tmp_path / "figure.png")
    axis = figure.axes[0]
    assert axis.get_title()
    assert axis.get_xlabel() or figure.get_supxlabel()
    assert axis.get_ylabel() or figure.get_supylabel()
    assert illustration.caption.endswith(".")


def test_the_worst_case_is_not_always_below_the_power_of_the_left_out_rate():
    problem = synthetic.make_quadratics(2, 1, mu=0.05, beta=1.0, distance=3.0)
    verdict = theory.verify("F-decay", [problem], steps=10)
    assert verdict.test == "violated"
    assert verdict.violation.steps in (5, 10)
    assert verdict.violation.bound == pytest.approx(3 * 0.975**verdict.violation.steps)
    assert "false: at n = 2, κ = 0.05" in str(verdict)


def test_the_conjecture_on_few_steps_is_asked_of_few_steps_only():
    problem = synthetic.make_quadratics(2, 1, mu=0.05, beta=1.0, distance=3.0)
    options = computing.checked_options(SETTING, {"steps": 10})
    (evidence,) = SETTING.evidence([problem], [problem], options)
    known = theory.theorems("full-quadratics")["F-exact"]
    (claim,) = known.claims(evidence)
    assert list(claim.steps) == [1, 2]  # 2n − 1 = 3
    assert theory.verify(known, [problem], steps=10).violations == 0
