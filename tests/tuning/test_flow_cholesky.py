"""Cholesky factors in their place, by LAPACK itself and by torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from tunebound import synthetic
from tunebound.tuning import flow_heads, tune_heads
from tunebound.tuning.heads.flow import cholesky, problem

F64 = torch.float64
ROWS = [5, cholesky.SMALL, cholesky.SMALL + 1, 128, 150]


@pytest.fixture(params=[True, False], ids=["LAPACK", "torch"])
def by_lapack(request, monkeypatch):
    """Whether SciPy's LAPACK is called, as where its integers are those of C."""
    cholesky._lapack.cache_clear()
    if not request.param:
        monkeypatch.setattr(cholesky, "SIGNATURE", b"void (char *, long *)")
    yield request.param
    cholesky._lapack.cache_clear()


def symmetric(k, *, smallest):
    """Two sets of three matrices with eigenvalues from `smallest` to 1e4."""
    rng = np.random.default_rng(k)
    vectors = np.linalg.qr(rng.normal(size=(2, 3, k, k)))[0]
    values = np.geomspace(1e4, 1e-3, k)
    values[-1] = smallest
    matrices = (vectors * values) @ np.swapaxes(vectors, -1, -2)
    return (matrices + np.swapaxes(matrices, -1, -2)) / 2


@pytest.mark.parametrize("k", ROWS)
def test_factors_are_those_of_numpy(by_lapack, k):
    matrices = symmetric(k, smallest=1e-3)
    found = torch.tensor(matrices)
    assert cholesky.factor(found).tolist() == [[True] * 3] * 2
    upper = np.triu(found.numpy())
    np.testing.assert_allclose(np.swapaxes(upper, -1, -2) @ upper, matrices, rtol=0, atol=1e-10)
    known = np.linalg.cholesky(matrices, upper=True)
    np.testing.assert_allclose(upper, known, rtol=0, atol=1e-8)
    assert (cholesky._lapack() is not None) is by_lapack


@pytest.mark.parametrize("k", ROWS)
def test_matrices_that_are_not_positive_definite_are_told_and_hurt_no_others(by_lapack, k):
    matrices = symmetric(k, smallest=1e-3)
    matrices[0, 1], matrices[1, 2] = -np.eye(k), symmetric(k, smallest=-1.0)[0, 0]
    found = torch.tensor(matrices)
    assert cholesky.factor(found).tolist() == [[True, False, True], [True, True, False]]
    known = np.linalg.cholesky(matrices[0, 2], upper=True)
    np.testing.assert_allclose(np.triu(found[0, 2].numpy()), known, rtol=0, atol=1e-8)


def test_large_matrices_alone_are_factored_by_lapack(monkeypatch):
    called = []
    monkeypatch.setattr(cholesky, "_lapack", lambda: lambda *arguments: called.append(arguments))
    for k, kind in ((cholesky.SMALL, F64), (cholesky.SMALL + 1, torch.float32)):
        cholesky.factor(torch.eye(k, dtype=kind).expand(3, k, k).clone())
    assert not called
    matrices = torch.eye(cholesky.SMALL + 1, dtype=F64).expand(3, -1, -1).clone()
    cholesky.factor(matrices)
    places = [each[2] for each in called]
    assert places == [matrix.data_ptr() for matrix in matrices]


@pytest.mark.parametrize("k", ROWS)
def test_matrices_stand_in_a_row_of_any_shape(by_lapack, k):
    matrices = torch.tensor(symmetric(k, smallest=1e-3)).flatten(0, 1)
    matrices[4] = -matrices[4]
    assert cholesky.factor(matrices).tolist() == [True] * 4 + [False, True]


def test_single_precision_is_left_to_torch():
    matrices = torch.tensor(symmetric(cholesky.SMALL + 1, smallest=1e3)).float()
    found = matrices.clone()
    assert cholesky.factor(found).all()
    torch.testing.assert_close(found.triu().mT @ found.triu(), matrices, rtol=0, atol=0.1)


def scipy_threads():
    """How many threads the LAPACK of SciPy's wheels may use."""
    return [each["num_threads"] for each in threadpool_info() if "scipy.libs" in each["filepath"]]


def test_blocks_that_are_followed_share_no_threads_of_lapack(monkeypatch):
    seen = []
    original = problem.FlowProblem._follow_block

    def looked_at(self, *arguments):
        seen.append(scipy_threads())
        return original(self, *arguments)

    monkeypatch.setattr(problem.FlowProblem, "_follow_block", looked_at)
    data = synthetic.make_separable("gaussian", n=80, d=90, margin=0.5, radius=9.0, seed=0)
    with cholesky.lapack_threads().limit(limits=2):
        if not scipy_threads():
            pytest.skip("SciPy is not from a wheel: its LAPACK is not known by its place")
        flow_heads(data.X, data.y, until=2e3)
        assert scipy_threads() == [2]
    assert seen == [[1]]


def test_heads_are_those_of_exact_steps_whoever_factors(by_lapack):
    data = synthetic.make_separable("gaussian", n=80, d=90, margin=0.5, radius=9.0, seed=0)
    run = flow_heads(data.X, data.y, until=10_000, record=[10_000])
    exact = tune_heads(data.X, data.y, steps=10_000, record=[10_000])
    assert (cholesky._lapack() is not None) is by_lapack
    assert 0 < run.resolution[-1] < 1e-5
    for name in ("distance", "norm"):
        error = np.abs(getattr(run, name) - getattr(exact, name))[-1].max()
        assert error < run.resolution[-1] / 30 * exact.norm[-1].min()
