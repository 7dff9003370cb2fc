"""Mirrored data: planted minimisers, margins and proofs of inseparability, by independent
routes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

from tests.oracles import regularised_minimisers
from tests.oracles.separator_program import hard_margin_direction
from tunebound.synthetic import (
    MirroredDataset,
    make_mirrored,
    make_mirrored_suite,
    mirrored_suite_names,
)

CLOUDS = ("gaussian", "heavy_tailed", "anisotropic")


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("overlap", [0.0, 0.3])
def test_the_minimiser_is_planted_for_every_strength(cloud: str, overlap: float) -> None:
    data = make_mirrored(cloud, n=8, d=3, overlap=overlap, seed=2)
    for strength in (1.0, 0.01, 1e-5):
        exact = regularised_minimisers.minimiser(data.X, data.y, strength)
        np.testing.assert_allclose(
            data.minimiser(strength), [float(v) for v in exact], rtol=1e-12, atol=1e-12
        )


@pytest.mark.parametrize("cloud", CLOUDS)
def test_without_overlap_the_axis_is_the_maximum_margin_direction(cloud: str) -> None:
    data = make_mirrored(cloud, n=20, d=5, overlap=0.0, seed=1)
    assert data.certificate is None
    direction, margin = hard_margin_direction(data.X, data.y)
    np.testing.assert_allclose(direction, data.axis, atol=1e-6)
    assert data.margin == pytest.approx(margin, rel=1e-7)


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("overlap", [0.01, 0.2, 0.49])
def test_with_overlap_nothing_separates_and_the_certificate_proves_it(
    cloud: str, overlap: float
) -> None:
    data = make_mirrored(cloud, n=20, d=5, overlap=overlap, seed=3)
    Z = data.X * data.y[:, None]
    weights = data.certificate
    assert weights is not None
    assert data.margin is None
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1.0, abs=1e-14)
    assert np.linalg.norm(weights @ Z) < 1e-14 * data.radius
    program = linprog(np.zeros(5), A_ub=-Z, b_ub=-np.ones(20), bounds=(None, None))
    assert program.status == 2  # infeasible


def test_the_suites_are_separable_in_one_half() -> None:
    assert mirrored_suite_names() == ("smoke", "standard")
    for name, size in (("smoke", 6), ("standard", 216)):
        suite = make_mirrored_suite(name)
        assert len(suite) == size
        assert sum(data.margin is None for data in suite) == size // 2
        assert len({each.name for each in suite.specifications}) == size
    first, again = (make_mirrored_suite("smoke", seed)[0] for seed in (0, 1))
    assert not np.array_equal(first.X, again.X)


def test_a_file_holds_all_and_is_checked_again(tmp_path: Path) -> None:
    data = make_mirrored(n=10, d=3, seed=4)
    again = MirroredDataset.from_npz(data.to_npz(tmp_path / "data.npz"))
    np.testing.assert_array_equal(again.X, data.X)
    assert (again.name, again.radius) == (data.name, data.radius)
    assert data.radius == pytest.approx(4.0, rel=1e-14)
    moved = data.X.copy()
    moved[0] += 0.1
    with pytest.raises(ValueError, match="no mirror pair"):
        replace(data, X=moved)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cloud": "round"}, "cloud must be one of"),
        ({"n": 7}, "n must be even, got 7"),
        ({"n": 2}, "n must be at least 4"),
        ({"d": 1}, "d must be at least 2"),
        ({"overlap": 0.5}, "overlap must be"),
        ({"gap": 0.0}, "gap must be"),
        ({"radius": -1.0}, "radius must be"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_bad_input_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_mirrored(**arguments)  # type: ignore[arg-type]


def test_a_strength_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match=r"strength must be finite and above 0"):
        make_mirrored(n=8, d=2).minimiser(0.0)


@pytest.mark.parametrize("radius", [1e-150, 2e150, 4.5e250])
def test_a_radius_whose_square_is_no_float64_is_refused_by_its_name(radius):
    with pytest.raises(ValueError, match=r"radius must be finite and in \(1e-150, 1e\+150\]"):
        make_mirrored(n=4, d=2, radius=radius)
    assert make_mirrored(n=4, d=2, radius=1e150).radius == pytest.approx(1e150)
