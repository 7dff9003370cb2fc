"""Grids: the whole product, the sets that are made by hand, and what is impossible with reasons."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pytest

from tunebound.synthetic import Family, Grid, find_family, make_grid, make_separable

LEVELS: dict[str, Any] = {
    "families": ["gaussian", "wide", "orthogonal"],
    "n": [8, 12],
    "d": [6, 12, 20],
    "margin": [0.5, 1.5],
    "radius": [2.0, 4.0],
    "seeds": [0, 3],
}


def possible(family: str, n: int, d: int, margin: float, radius: float) -> bool:
    """The documented needs of the families, written out."""
    if family == "wide":
        return d > n
    if family == "orthogonal":
        return d >= n and margin <= radius / n**0.5
    return True


def test_the_product_is_whole_in_its_order_and_the_sets_are_those_made_by_hand() -> None:
    grid = make_grid(**LEVELS)
    combinations = itertools.product(*LEVELS.values())
    expected = [each for each in combinations if possible(*each[:-1])]
    assert len(grid) == len(expected) > 40
    for member, (family, n, d, margin, radius, seed) in zip(grid, expected, strict=True):
        by_hand = make_separable(family, n=n, d=d, margin=margin, radius=radius, seed=seed)
        assert member.name == by_hand.name
        np.testing.assert_array_equal(member.X, by_hand.X)
        np.testing.assert_array_equal(member.y, by_hand.y)


def test_every_combination_is_a_member_or_left_out_with_its_reason() -> None:
    grid = make_grid(**LEVELS)
    cells = list(itertools.product(*list(LEVELS.values())[:-1]))
    impossible = {
        f"{family}-n{n}-d{d}-m{margin:g}-r{radius:g}"
        for family, n, d, margin, radius in cells
        if not possible(family, n, d, margin, radius)
    }
    assert set(grid.left_out) == impossible
    assert len(grid) == 2 * (len(cells) - len(impossible))
    assert "12 orthogonal samples need d ≥ n" in grid.left_out["orthogonal-n12-d6-m0.5-r2"]
    assert "at most radius/√n" in grid.left_out["orthogonal-n12-d12-m1.5-r4"]
    text = str(grid)
    assert f"left out, being impossible: {2 * len(impossible)} data sets" in text
    assert "wide-n8-d6-m0.5-r2 and 3 like it: family 'wide': needs more features" in text
    assert text.count("\n") < len(impossible)


def test_the_radius_follows_the_margin_where_their_ratio_is_given() -> None:
    grid = make_grid("gaussian", n=8, d=4, margin=[0.25, 0.5], radius_over_margin=[4, 8])
    assert [(data.margin, data.radius) for data in grid] == [
        (0.25, 1.0),
        (0.25, 2.0),
        (0.5, 2.0),
        (0.5, 4.0),
    ]


def test_sizes_are_told_before_anything_is_computed() -> None:
    grid = make_grid(**LEVELS)
    assert grid.nbytes == sum(data.X.nbytes for data in grid)
    clouds = {(data.family, data.n, data.d, data.seed) for data in grid}
    assert grid.draws == len(clouds) < len(grid)
    assert f"{len(grid)} data sets ({len(clouds)} independent draws)" in str(grid)


def test_sets_of_one_draw_are_one_cloud() -> None:
    near, far = make_grid("gaussian", n=8, d=4, margin=0.5, radius=[2.0, 4.0])
    other = make_grid("gaussian", n=8, d=4, margin=0.5, radius=4.0, seeds=1)[0]
    np.testing.assert_allclose(near.separator, far.separator, rtol=0, atol=1e-12)
    assert abs(other.separator @ far.separator) < 0.99


def test_what_is_one_problem_for_every_seed_is_one_draw() -> None:
    equal = {"n": 9, "d": 9, "margin": 0.7, "radius_over_margin": 3.0, "seeds": range(3)}
    for family in ("simplex", "orthogonal"):
        grid = make_grid(family, **equal)
        first, second, _ = (data.X * data.y[:, None] for data in grid)
        # turned, and in another order: the same inner products
        products = [np.sort((Z @ Z.T).ravel()) for Z in (first, second)]
        np.testing.assert_allclose(products[0], products[1], rtol=0, atol=1e-12)
        assert (len(grid), grid.draws) == (3, 1)
    drawn = make_grid("orthogonal", **{**equal, "radius_over_margin": 3.5})
    assert drawn.draws == 3


def test_a_design_makes_the_same_grid_and_travels_to_processes() -> None:
    grid = make_grid(**LEVELS, name="mine")
    again = make_grid(**grid.design, name=grid.name)
    assert again == grid
    assert isinstance(again, Grid)
    sent = pickle.loads(pickle.dumps(grid))
    assert sent == grid
    assert hash(sent) == hash(grid)
    np.testing.assert_array_equal(sent[3].X, grid[3].X)


def test_levels_may_be_single_values_ranges_arrays_and_families_themselves() -> None:
    grid = make_grid(
        find_family("gaussian"),
        n=np.array([8, 12]),
        d=4,
        margin=np.linspace(0.1, 0.3, 3),
        radius=2,
        seeds=range(2),
    )
    assert len(grid) == 12
    assert isinstance(find_family("gaussian"), Family)
    assert grid.design == {
        "families": ["gaussian"],
        "n": [8, 12],
        "d": [4],
        "margin": pytest.approx([0.1, 0.2, 0.3]),
        "radius": [2.0],
        "seeds": [0, 1],
    }


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"families": "gausian"}, ValueError, "no family is named 'gausian'; did you mean"),
        ({"families": ["wide", "wide"]}, ValueError, "families must differ, got 'wide' 2 times"),
        ({"families": 3}, TypeError, "families must be a value or a sequence"),
        ({"families": []}, ValueError, "families is empty; name at least one level"),
        ({"n": 3}, ValueError, r"n\[0\] must be at least 4, got 3"),
        ({"n": [8, 8]}, ValueError, "n must differ, got 8 2 times"),
        ({"n": [8, 9.0]}, TypeError, r"n\[1\] must be an integer, got 9.0"),
        ({"n": "8"}, TypeError, "n must be a value or a sequence"),
        ({"d": True}, TypeError, r"d\[0\] must be an integer, got True"),
        ({"margin": []}, ValueError, "margin is empty; name at least one level"),
        ({"margin": 0.0}, ValueError, r"margin\[0\] must be finite and in"),
        ({"margin": [0.1, 0.1 + 1e-9]}, ValueError, "names of combinations"),
        ({"radius": [4.0, np.nan]}, ValueError, r"radius\[1\] must be finite"),
        ({"radius": None}, ValueError, "exactly one of radius and radius_over_margin"),
        ({"radius_over_margin": 8.0}, ValueError, "exactly one of radius and radius_over_margin"),
        ({"radius": None, "radius_over_margin": 1}, ValueError, r"radius_over_margin\[0\] must be"),
        ({"seeds": [0, -1]}, ValueError, r"seeds\[1\] must be at least 0, got -1"),
        ({"name": "a/b"}, ValueError, "name must be text of 1 to 200 characters"),
        ({"margin": 4.0}, ValueError, "no combination of the grid is possible; gaussian-n8-d4-m4"),
        ({"n": range(4, 3004), "seeds": range(1000)}, ValueError, "3,000,000 combinations, and at"),
    ],
)
def test_what_makes_no_grid_is_refused(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    levels = {"families": "gaussian", "n": 8, "d": 4, "margin": 0.5, "radius": 4.0}
    with pytest.raises(error, match=message):
        make_grid(**{**levels, **change})
