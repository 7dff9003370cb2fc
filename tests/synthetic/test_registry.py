"""The register of families: discovery, wrong plantings, and the parts that families are built
from.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tunebound.synthetic import (
    Planted,
    Request,
    families,
    family,
    make_separable,
    make_suite,
    register_family,
)
from tunebound.synthetic.planting import (
    balance_columns,
    centre,
    dual_weights,
    even_labels,
    largest_scale,
    orthogonal_part,
    part_cloud,
    random_frame,
)

GAUSSIAN = Path(family.__file__).parent / "gaussian.py"


def test_every_file_in_the_folder_is_one_family_of_its_name() -> None:
    files = {module.name for module in pkgutil.iter_modules(family.__path__)}
    assert files == set(families())
    assert list(families()) == sorted(files)


def test_a_file_dropped_into_the_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clean_register: None
) -> None:
    (tmp_path / "dropped.py").write_text(GAUSSIAN.read_text().replace("gaussian", "dropped"))
    monkeypatch.setattr(family, "__path__", [*family.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    try:
        assert "dropped" in families()
        assert make_separable("dropped", n=10, d=3).family == "dropped"
    finally:
        sys.modules.pop("tunebound.synthetic.family.dropped", None)


def test_synthetic_imports_without_the_heavy_packages() -> None:
    code = (
        "import sys; sys.modules.update({'torch': None, 'cvxpy': None, 'sklearn': None, 'pandas':"
        " None});from tunebound import synthetic; print(synthetic.make_separable(n=8, d=3).name)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "gaussian-n8-d3-m0.5-r4-s0"


def test_another_process_makes_the_same_data() -> None:
    code = (
        "from tunebound.synthetic import make_suite; print(*(float(v).hex() for data in"
        " make_suite('smoke') for v in data.X.ravel()))"
    )
    environment = dict(os.environ, PYTHONHASHSEED="12345")
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    theirs = np.array([float.fromhex(value) for value in result.stdout.split()])
    ours = np.concatenate([data.X.ravel() for data in make_suite("smoke")])
    np.testing.assert_allclose(theirs, ours, rtol=1e-12, atol=1e-13)


def test_a_name_is_given_once(clean_register: None) -> None:
    with pytest.raises(
        ValueError,
        match=(
            r"family 'gaussian' is registered by tunebound.synthetic.family.gaussian.gaussian"
            r" already; choose another name"
        ),
    ):

        @register_family("gaussian", summary="Another.")
        def other(request: Request, rng: np.random.Generator) -> Planted:
            raise AssertionError


def spoiled(change: Callable[[Planted], Planted]) -> None:
    @register_family("spoiled", summary="A planting with a mistake.")
    def draw(request: Request, rng: np.random.Generator) -> Planted:
        return change(families()["gaussian"].draw(request, rng))

    make_separable("spoiled", n=20, d=5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda p: Planted(p.Z[:-1], p.separator, p.dual),
            r"Z has shape \(19, 5\), expected \(20, 5\)",
        ),
        (
            lambda p: Planted(p.Z, p.separator[:4], p.dual),
            r"separator has shape \(4,\), expected \(5,\)",
        ),
        (
            lambda p: Planted(p.Z, p.separator, p.dual[:, None]),
            r"dual has shape \(20, 1\), expected \(20,\)",
        ),
        (
            lambda p: Planted(p.Z, p.separator, p.dual, np.ones(3)),
            r"labels has shape \(3,\), expected \(20,\)",
        ),
        (
            lambda p: Planted(p.Z, p.separator, p.dual, np.arange(20)),
            r"labels\[0\] = 0.0: labels must be -1 or \+1",
        ),
        (
            lambda p: Planted(p.Z * np.nan, p.separator, p.dual),
            r"Z\[0, 0\] = nan: Z must be finite",
        ),
        (
            lambda p: Planted(p.Z, p.separator, p.dual, np.r_[1, -np.ones(19)]),
            "a class has fewer than two samples",
        ),
        (lambda p: Planted(p.Z, -p.separator, p.dual), "separator does not separate"),
        (lambda p: Planted(p.Z, 2 * p.separator, p.dual), "separator must have unit length"),
        (lambda p: Planted(p.Z, p.separator, 2 * p.dual), "violate stationarity"),
        (lambda p: Planted(p.Z, p.separator, p.dual + 1e-6), "violate stationarity"),
        (
            lambda p: Planted(1.1 * p.Z, p.separator, p.dual / 1.21),
            r"its margin is 0.5[45]\d* where 0.5 was asked for",
        ),
        (
            lambda p: Planted(p.Z + 0.1 * np.outer(p.dual == 0, p.separator), p.separator, p.dual),
            r"its radius is 4.0\d* where 4.0 was asked for; correct the family's function",
        ),
    ],
)
def test_a_family_that_breaks_its_promise_is_found_out(
    change: Callable[[Planted], Planted], message: str, clean_register: None
) -> None:
    with pytest.raises(
        ValueError, match=rf"family 'spoiled' returned a wrong planting: .*{message}"
    ):
        spoiled(change)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.0, "family 'pointless': the cloud's points are all zero"),
        (np.inf, r"cloud\[0, 0\] = inf: cloud must be finite"),
    ],
)
def test_a_cloud_without_extent_is_refused(
    value: float, message: str, clean_register: None
) -> None:
    @register_family("pointless", summary="All points at the origin, or nowhere.")
    def draw(request: Request, rng: np.random.Generator) -> Planted:
        return part_cloud(
            request, np.full((request.n, request.d), value), np.eye(request.d)[0], rng
        )

    with pytest.raises(ValueError, match=message):
        make_separable("pointless", n=8, d=3)


def test_largest_scale_against_bisection() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        base, slope, lateral = rng.uniform(0, 1, 7), rng.uniform(0, 2, 7), rng.uniform(0, 2, 7)
        radius = 1.0 + rng.exponential()
        low, high = 0.0, 1e6
        for _ in range(200):
            middle = 0.5 * (low + high)
            inside = ((base + middle * slope) ** 2 + (middle * lateral) ** 2 <= radius**2).all()
            low, high = (middle, high) if inside else (low, middle)
        assert largest_scale(base, slope, lateral, radius) == pytest.approx(low, rel=1e-12)


def test_largest_scale_needs_something_to_stretch() -> None:
    with pytest.raises(
        ValueError, match="the cloud has no extent: no point can be moved to the radius"
    ):
        largest_scale(np.ones(3), np.zeros(3), np.zeros(3), 2.0)


def test_balances_have_zero_weighted_sum() -> None:
    rng = np.random.default_rng(1)
    lateral, weights = rng.standard_normal((6, 4)), rng.dirichlet(np.ones(6))
    assert np.abs(weights @ centre(lateral, weights)).max() < 1e-16
    lateral[:, 3] = np.abs(lateral[:, 3])
    lateral[2, 0] = 0.0
    balanced = balance_columns(lateral, weights)
    assert np.abs(weights @ balanced).max() < 1e-16
    assert (balanced[:, 3] == 0).all()
    assert balanced[2, 0] == 0
    assert (np.sign(balanced[:, :3]) == np.sign(lateral[:, :3])).all()
    assert (np.abs(balanced) <= np.abs(lateral)).all()


@pytest.mark.parametrize("n", [4, 5, 9, 10])
def test_labels_are_evened_out_as_far_as_they_can(n: int) -> None:
    for given in ([], [1], [1, -1, 1], [1, 1, 1, 1], [-1, -1, -1]):
        labels = even_labels(np.array(given, dtype=np.int64), n, np.random.default_rng(n))
        assert labels.shape == (n,)
        assert labels.dtype == np.int64
        assert labels[: len(given)].tolist() == given
        assert set(labels.tolist()) <= {-1, 1}
        positive, negative = given.count(1), given.count(-1)
        closest = min(
            (abs(positive + more - n // 2), more) for more in range(n - positive - negative + 1)
        )
        assert (labels == 1).sum() == positive + closest[1]


def test_dual_weights_differ_within_a_factor_of_three() -> None:
    weights = dual_weights(500, np.random.default_rng(3))
    assert weights.sum() == pytest.approx(1.0, rel=1e-14)
    assert 2.5 < weights.max() / weights.min() <= 3.0


def test_frames_are_those_of_gram_and_schmidt() -> None:
    """Whose signs do not depend on a library: each column points along its draw."""
    draws = np.random.default_rng(4).standard_normal((7, 5))
    columns: list[np.ndarray] = []
    for draw in draws.T:
        rest = draw - sum((column @ draw) * column for column in columns)
        columns.append(rest / np.linalg.norm(rest))
    np.testing.assert_allclose(
        random_frame(7, 5, np.random.default_rng(4)), np.stack(columns, axis=1), atol=1e-13
    )


def test_frames_are_orthonormal_and_parts_orthogonal() -> None:
    rng = np.random.default_rng(2)
    frame = random_frame(9, 4, rng)
    np.testing.assert_allclose(frame.T @ frame, np.eye(4), atol=1e-15)
    points = 1e8 * frame[:, :1].T + rng.standard_normal((5, 9))
    assert np.abs(orthogonal_part(points, frame[:, 0]) @ frame[:, 0]).max() < 1e-14
