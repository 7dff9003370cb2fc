"""The optimality conditions solved for the support vectors, and what daqp leaves to be solved,
against dense matrices.
"""

import daqp
import numpy as np
import pytest

from tests.oracles.pivots import pivot_transform
from tests.oracles.samples import separable
from tunebound.bounds import max_margin
from tunebound.bounds.separators import quadratic_programs
from tunebound.bounds.separators.tableau import tableau


def rows_and_dual(n, d):
    """Rows at a margin of 1 and their dual."""
    X, y = separable(np.random.default_rng(n), n, d)
    X = X / max_margin(X, y).margin
    return X * y[:, None], max_margin(X, y).dual


@pytest.mark.parametrize(("n", "d"), [(12, 4), (9, 9), (8, 20)])
def test_a_tableau_is_the_pivot_transform_in_dense_matrices(n, d):
    Z, dual = rows_and_dual(n, d)
    found = tableau(Z, dual)
    K, A = Z @ Z.T, np.flatnonzero(dual > 0)
    B = np.setdiff1d(np.arange(n), A)
    H, h = pivot_transform(Z, dual)
    everything = np.arange(n + 1)
    between = found.between(everything, np.tile(everything, (n + 1, 1)))
    close = {"rtol": 0, "atol": 1e-10 * np.abs(H).max()}
    np.testing.assert_allclose(between, H, **close)
    np.testing.assert_allclose(found.diagonal(everything), np.diag(H), **close)
    np.testing.assert_allclose(found.offset, h, rtol=0, atol=1e-12 * np.abs(K).max())
    np.testing.assert_allclose(found.squares, np.append(np.diag(K), 0.0), rtol=1e-12)
    np.testing.assert_allclose((found.rows @ found.rows.T)[:n, :n], K, rtol=0, atol=1e-10)
    assert found.rows.shape == (n + 1, min(n, d))
    assert d > n or np.array_equal(found.rows[:n], Z)
    assert not found.rows[n].any()
    assert found.place.shape == found.inside.shape == found.outside.shape == (n + 1,)
    assert np.array_equal(found.active, A)
    assert np.array_equal(found.place[A], np.arange(A.size))
    assert not found.place[np.append(B, n)].any()
    assert np.array_equal(np.flatnonzero(found.inside), A)
    assert np.array_equal(np.flatnonzero(found.outside), B)


@pytest.mark.parametrize(("n", "d"), [(12, 4), (9, 9), (8, 20)])
def test_programs_give_the_dual_of_the_data_without_a_row_up_to_a_multiple(n, d):
    Z, dual = rows_and_dual(n, d)
    support = np.flatnonzero(dual > 0)[::-1]
    before = Z.copy(), dual.copy()
    found = quadratic_programs.resolve(Z, dual, support)
    for i, u in zip(support, found, strict=True):
        rest = np.arange(n) != i
        labels = np.where(np.arange(n - 1) % 2, 1.0, -1.0)
        own = max_margin(Z[rest] * labels[:, None], labels)
        assert u[i] == 0.0
        assert u[rest] / u.sum() == pytest.approx(own.dual / own.dual.sum(), abs=1e-10)
    assert np.array_equal(before[0], Z)
    assert np.array_equal(before[1], dual)


@pytest.mark.parametrize(("n", "d"), [(12, 4), (9, 9), (8, 20)])
def test_programs_start_from_what_is_known_and_ask_for_digits(monkeypatch, n, d):
    Z, dual = rows_and_dual(n, d)
    calls, right = [], daqp.solve

    def solve(**program):
        calls.append({name: np.copy(value) for name, value in program.items()})
        return right(**program)

    monkeypatch.setattr(daqp, "solve", solve)
    support = np.flatnonzero(dual > 0)
    quadratic_programs.resolve(Z, dual, support)
    for i, call in zip(support, calls, strict=True):
        others = np.arange(n) != i
        assert call["A"].shape == (n, min(n, d))
        assert np.array_equal(call["H"], np.eye(min(n, d)))
        assert not call["f"].any()
        np.testing.assert_allclose(call["A"] @ call["A"].T, Z @ Z.T, atol=1e-10)
        assert d > n or np.array_equal(call["A"], -Z)
        assert (call["bupper"][others] == -1.0).all()
        assert call["bupper"][i] == np.inf
        assert (call["blower"] == -np.inf).all()
        assert np.array_equal(call["dual_start"], np.where(others, dual, 0.0))
        assert (call["primal_tol"], call["eps_prox"]) == (1e-11, 0.0)


def test_what_a_program_does_not_answer_is_no_number(monkeypatch):
    Z, dual = rows_and_dual(12, 4)
    support = np.flatnonzero(dual > 0)
    answers = iter([-1, 1, 2])
    lam = np.zeros(12)
    lam[:2] = 1.0
    monkeypatch.setattr(daqp, "solve", lambda **_: (None, 0.0, next(answers), {"lam": lam}))
    found = quadratic_programs.resolve(Z, dual, np.resize(support, 3))
    assert np.isnan(found).all(axis=1).tolist() == [True, False, True]
    K = Z[:2] @ Z[:2].T + 1
    np.testing.assert_allclose(found[1, :2], np.linalg.solve(K, np.ones(2)), rtol=1e-10)
    assert not found[1, 2:].any()


def test_systems_of_all_active_sets_are_solved_each_on_its_own():
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(6, 6))
    K = rows @ rows.T + 1.0
    active = np.array(
        [[1, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1], [1, 1, 1, 1, 1, 0]], bool
    )
    found = quadratic_programs._polish(K, active)
    assert np.isnan(found[1]).all()
    for k in (0, 2, 3):
        own = np.flatnonzero(active[k])
        expected = np.zeros(6)
        expected[own] = np.linalg.solve(K[np.ix_(own, own)], np.ones(own.size))
        np.testing.assert_allclose(found[k], expected, rtol=1e-10, atol=1e-12)
    assert np.isnan(quadratic_programs._polish(K, np.zeros((2, 6), bool))).all()
    # the same row twice in one of the sets
    twice = np.ones((2, 2))
    assert np.isnan(
        quadratic_programs._polish(twice, np.array([[True, True], [True, False]]))
    ).all()
