"""Solving the programs of worst cases: one with a solution by hand, and what becomes of any answer
of the solver.
"""

import warnings

import cvxpy
import numpy as np
import pytest

from tunebound.bounds.full import semidefinite, worst_cases
from tunebound.bounds.full.semidefinite import Program, Solution


def by_hand():
    """Largest G_22 with G_22 <= v_0, v_0 <= 4 v_1 and v_1 <= G_00; v_1 and G_00 are at most 1."""
    unit = np.eye(3)
    return Program(
        objective=np.diag(unit[2]),
        inequalities=np.array([np.diag(unit[2]), np.zeros((3, 3)), -np.diag(unit[0])]),
        values=np.array([[-1.0, 0.0], [1.0, -4.0], [0.0, 1.0]]),
        log_scale=0.0,
    )


def test_a_program_with_a_solution_by_hand():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = semidefinite.solve(by_hand())
    assert found.status == cvxpy.OPTIMAL
    assert found.upper == pytest.approx(2.0, rel=1e-9)
    assert found.attained == pytest.approx(2.0, rel=1e-7)
    assert 0 <= found.primal_residual < 1e-6
    assert 0 <= found.dual_residual < 1e-8


MULTIPLIERS, RADIUS = np.array([1.0, 0.9, 4.0]), 4.5
GRAM, HEIGHTS = np.diag([0.75, 0.1, 2.25]), np.array([2.5, 0.5])


def answered(
    monkeypatch,
    *,
    multipliers=MULTIPLIERS,
    radius=RADIUS,
    gram=GRAM,
    status=cvxpy.OPTIMAL,
    category=UserWarning,
):
    """A solver with this answer; how it is asked is noted."""
    asked = []

    def solve(self, **options):
        asked.append((self, options))
        variables = {variable.shape: variable for variable in self.variables()}
        variables[3,].save_value(multipliers)
        variables[()].save_value(np.array(radius))
        for constraint, values in zip(self.constraints, (gram, HEIGHTS), strict=True):
            constraint.dual_variables[0].save_value(values)
        self._status = status
        warnings.warn("solution may be inaccurate", category, stacklevel=2)

    monkeypatch.setattr(cvxpy.Problem, "solve", solve)
    return asked


def test_an_answer_is_measured_at_the_solvers_own_point(monkeypatch):
    asked = answered(monkeypatch)
    program = by_hand()
    found = semidefinite.solve(program)
    assert found.attained == pytest.approx(1.5, rel=1e-15)
    # v_0 exceeds 4 v_1 by 0.5
    assert found.primal_residual == pytest.approx(0.5, rel=1e-14)
    expected = semidefinite.certified_upper(program, MULTIPLIERS, RADIUS)
    assert (found.upper, found.dual_residual) == expected
    # multipliers times values: (-1 + 0.9, -4 * 0.9 + 4)
    assert found.dual_residual == pytest.approx(0.5, rel=1e-12)
    assert len(asked) == 1
    assert asked[0][1] == {
        "solver": cvxpy.CLARABEL,
        "canon_backend": cvxpy.SCIPY_CANON_BACKEND,
        "tol_gap_abs": 1e-10,
        "tol_gap_rel": 1e-10,
        "tol_feas": 1e-10,
    }


def test_an_answer_counts_from_0_on(monkeypatch):
    answered(monkeypatch, multipliers=np.array([1.0, -1e-9, 4.0]), radius=-1e-9, gram=-GRAM)
    program = by_hand()
    found = semidefinite.solve(program)
    expected = semidefinite.certified_upper(program, np.array([1.0, 0.0, 4.0]), 0.0)
    assert (found.upper, found.dual_residual) == expected
    assert found.attained == 0.0
    assert found.primal_residual == pytest.approx(2.25, rel=1e-14)


@pytest.mark.parametrize(
    ("status", "taken"),
    [
        (cvxpy.OPTIMAL, True),
        (cvxpy.OPTIMAL_INACCURATE, True),
        (cvxpy.INFEASIBLE, False),
        (cvxpy.USER_LIMIT, False),
    ],
)
def test_an_inaccurate_answer_is_an_answer(monkeypatch, status, taken):
    answered(monkeypatch, status=status)
    if taken:
        assert semidefinite.solve(by_hand()).status == status
        return
    with pytest.raises(RuntimeError, match=f"Clarabel stopped with status '{status}': take fewer"):
        semidefinite.solve(by_hand())


def test_of_the_solvers_warnings_only_that_of_inaccuracy_is_kept_back(monkeypatch):
    answered(monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        semidefinite.solve(by_hand())
    answered(monkeypatch, category=RuntimeWarning)
    with pytest.warns(RuntimeWarning, match="inaccurate"):
        semidefinite.solve(by_hand())


def test_a_worst_case_is_the_solution_in_the_units_of_the_distance(monkeypatch):
    asked = []

    def build(*arguments):
        asked.append(arguments)
        return Program(
            objective=np.eye(1), inequalities=None, values=None, log_scale=float(np.log(0.25))
        )

    solution = Solution(
        upper=2.0, attained=1.5, primal_residual=1e-9, dual_residual=2e-9, status="optimal"
    )
    monkeypatch.setattr(semidefinite, "build", build)
    monkeypatch.setattr(semidefinite, "solve", lambda program: solution)
    monkeypatch.setattr(worst_cases, "worst_quadratic", lambda **known: asked.append(known) or 0.3)
    worst_cases._unit.cache_clear()
    found = worst_cases.worst_case(n=7, mu=1.0, beta=4.0, distance=3.0, steps=2)
    assert asked[0] == {
        "n": 7.0,
        "mu": 1.0,
        "beta": 4.0,
        "distance": 1.0,
        "steps": 2.0,
        "weighting": "1/n",
    }
    assert asked[1] == (7.0, 0.25, 0.75, 2, "1/n")
    assert type(asked[1][3]) is int
    assert found.value == pytest.approx(1.5, rel=1e-14)
    assert found.attained == pytest.approx(1.125, rel=1e-14)
    assert found.lower == pytest.approx(0.9, rel=1e-14)
    assert found.gap == pytest.approx(0.4, rel=1e-14)
    assert found.duality_gap == pytest.approx(0.25, rel=1e-14)
    assert (found.primal_residual, found.dual_residual) == (1e-9, 2e-9)
    assert found.status == "optimal"
    worst_cases._unit.cache_clear()
