"""Suites: sizes, names, laziness, and members that are the same alone, in order and in any
order.
"""

from __future__ import annotations

import pickle
from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from tunebound._ground.arrays import Floats
from tunebound.synthetic import (
    Family,
    SeparableDataset,
    Suite,
    make_separable,
    make_suite,
    suite_names,
    suites,
)


def same(first: SeparableDataset, second: SeparableDataset) -> bool:
    return first.name == second.name and all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("X", "y", "separator", "dual", "support")
    )


def test_sizes_and_names() -> None:
    assert suite_names() == ("smoke", "standard", "large")
    assert 10 <= len(make_suite("smoke")) <= 16
    assert 310 <= len(make_suite()) <= 340
    assert len(make_suite("large")) >= 2000
    assert make_suite().name == "standard"
    assert make_suite(seed=4).seed == 4


@pytest.mark.parametrize("name", suite_names())
def test_names_are_unique_and_specifications_describe_their_data(name: str) -> None:
    suite = make_suite(name, seed=2)
    assert len({specification.name for specification in suite.specifications}) == len(suite)
    for specification in suite.specifications[:: max(1, len(suite) // 20)]:
        data = specification.make()
        assert data.name == specification.name
        assert (data.family, data.n, data.d) == (
            specification.family.name,
            specification.n,
            specification.d,
        )
        assert (data.margin, data.radius, data.seed) == (
            specification.margin,
            specification.radius,
            specification.seed,
        )
        assert data.options == specification.options


def test_specifications_generate_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def generated(*_: object, **__: object) -> None:
        raise AssertionError("a data set was generated")

    monkeypatch.setattr("tunebound.synthetic.suites.make_separable", generated)
    assert len(make_suite("large")) > 2000


@pytest.mark.parametrize("name", suite_names())
def test_every_specification_can_be_honoured(name: str) -> None:
    cells = {
        (s.family.name, s.n, s.d, s.radius / s.margin): s
        for s in make_suite(name, seed=1).specifications
    }
    for specification in cells.values():
        assert specification.make().n == specification.n


def test_a_member_is_the_same_alone_in_order_and_in_any_order() -> None:
    everything = list(make_suite("smoke", seed=5))
    assert len(everything) == len(make_suite("smoke"))
    for index in np.random.default_rng(0).permutation(len(everything)):
        assert same(make_suite("smoke", seed=5)[int(index)], everything[index])
    assert same(make_suite("smoke", seed=5)[-1], everything[-1])
    specification = make_suite("smoke", seed=5).specifications[3]
    alone = make_separable(
        specification.family.name,
        n=specification.n,
        d=specification.d,
        margin=specification.margin,
        radius=specification.radius,
        seed=specification.seed,
        **specification.options,
    )
    assert same(alone, everything[3])


def test_members_of_the_other_suites_are_reproducible() -> None:
    for name in ("standard", "large"):
        for index in (0, 17, len(make_suite(name)) - 1):
            assert same(make_suite(name, seed=3)[index], make_suite(name, seed=3)[index])


def test_suites_of_other_seeds_share_no_member() -> None:
    for name in suite_names():
        first, second = (make_suite(name, seed=seed).specifications for seed in (0, 1))
        assert not {x.name for x in first} & {x.name for x in second}
    assert not np.array_equal(make_suite("smoke", 0)[0].X, make_suite("smoke", 1)[0].X)


def test_iterating_generates_one_member_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def counting(family: Family, **arguments: Any) -> SeparableDataset:
        made.append(family.name)
        return make_separable(family, **arguments)

    monkeypatch.setattr(suites, "make_separable", counting)
    iterator = iter(make_suite("large"))
    assert made == []
    next(iterator)
    assert len(made) == 1


def test_the_standard_suite_is_a_designed_experiment() -> None:
    """For nearly every family each factor varies, with at least two values, while all the others
    stay.
    """
    suite = make_suite()
    members = {(s.family.name, s.n, s.d, s.radius / s.margin) for s in suite.specifications}
    assert len(members) == len(suite)
    assert len({s.radius for s in suite.specifications}) == 3
    assert max(s.n for s in suite.specifications) <= 192
    sweeps: dict[str, dict[str, int]] = defaultdict(dict)
    for family in {cell[0] for cell in members}:
        cells = [cell for cell in members if cell[0] == family]
        for position, factor in enumerate(("n", "d", "ratio"), start=1):
            groups: dict[tuple[Any, ...], set[Any]] = defaultdict(set)
            for cell in cells:
                groups[cell[:position] + cell[position + 1 :]].add(cell[position])
            sweeps[family][factor] = max(len(values) for values in groups.values())
    for family, longest in sweeps.items():
        if family not in ("orthogonal", "simplex", "wide"):
            assert longest == {"n": 4, "d": 2, "ratio": 4}
        else:
            assert longest["n"] == 3
            assert longest["ratio"] >= 3


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_no_two_sets_share_their_random_numbers(seed: int) -> None:
    # all suites of neighbouring seeds together: family, n, d and seed are what is drawn from
    drawn = [
        (s.family.name, s.n, s.d, s.seed)
        for name in suite_names()
        for each in (seed, seed + 1)
        for s in make_suite(name, seed=each).specifications
    ]
    assert len(set(drawn)) == len(drawn)
    # within a family no seed is used twice, whatever the shape
    assert len({(family, number) for family, _, _, number in drawn}) == len(drawn)


def in_its_own_units(data: SeparableDataset) -> Floats:
    """What a turn and a scale leave of a problem: inner products of the z_i over B², or where they
    are all equal (orthogonal samples) the duals 1/‖z_i‖²; centred and normalised, 0 where nothing
    is left.
    """
    Z = data.y[:, None] * data.X / data.radius
    gram = Z @ Z.T
    for values in (gram[np.triu_indices(data.n, 1)], 1 / np.diag(gram)):
        centred = values - values.mean()
        size = np.linalg.norm(centred)
        if size > 1e-9:
            pad = np.zeros(data.n * (data.n - 1) // 2)
            pad[: centred.size] = centred / size
            return pad
    return np.zeros(data.n * (data.n - 1) // 2)


def largest_correlation(sets: list[SeparableDataset]) -> float:
    """Of two different sets among those of equal n; two sets without anything left are the same."""
    largest = -1.0
    for n in {data.n for data in sets}:
        reduced = np.stack([in_its_own_units(data) for data in sets if data.n == n])
        if (~reduced.any(axis=1)).sum() > 1:
            return 1.0
        products = reduced @ reduced.T
        np.fill_diagonal(products, -1.0)
        largest = max(largest, products.max())
    return largest


@pytest.mark.parametrize(("name", "most"), [("smoke", 0.5), ("standard", 0.5), ("large", 0.7)])
def test_no_two_sets_of_a_suite_are_the_same_problem(name: str, most: float) -> None:
    assert largest_correlation(list(make_suite(name))) < most


def test_sets_of_one_seed_are_seen_to_be_the_same_problem() -> None:
    """The measure above finds a change of scale, a change of B/γ, and orthogonal samples of equal
    norm.
    """
    common = {"n": 48, "d": 8, "seed": 3}
    first, scaled, closer = (
        make_separable("gaussian", margin=margin, radius=radius, **common)
        for margin, radius in ((0.25, 4.0), (0.5, 8.0), (0.5, 4.0))
    )
    assert largest_correlation([first, scaled]) == pytest.approx(1, abs=1e-9)
    assert largest_correlation([first, closer]) > 0.9
    corners = [
        make_separable("orthogonal", n=9, d=9, margin=1.0, radius=3.0, seed=seed) for seed in (0, 1)
    ]
    assert largest_correlation(corners) == 1


@pytest.mark.parametrize("name", suite_names())
def test_a_set_depends_on_its_own_family_only(name: str) -> None:
    usual = {each.name: each for each in make_suite(name, seed=2).specifications}
    alone = make_suite(name, seed=2, families=["sparse"]).specifications
    assert alone
    assert all(usual[each.name] == each for each in alone)


def test_the_number_of_support_vectors_stays_along_the_sweep_of_n() -> None:
    counts = defaultdict(set)
    for specification in make_suite().specifications:
        if specification.d == 8 and specification.family.name != "all_support":
            counts[specification.family.name].add(specification.make().support.size)
    assert all(len(sizes) == 1 for sizes in counts.values())


def test_the_smoke_suite_meets_every_kind_of_trouble() -> None:
    suite = make_suite("smoke")
    assert {
        "sphere",
        "heavy_tailed",
        "low_rank",
        "sparse",
        "all_support",
        "near_duplicates",
        "degenerate",
    } < {s.family.name for s in suite.specifications}
    assert any(data.d > data.n for data in suite)
    assert max(data.n for data in suite) <= 16


def test_suites_and_specifications_travel_between_processes() -> None:
    suite = make_suite("smoke", seed=1)
    again: Suite = pickle.loads(pickle.dumps(suite))
    assert again == suite
    assert same(again[2], suite[2])
    assert hash(suite.specifications[0]) == hash(again.specifications[0])


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"name": "standrad"},
            ValueError,
            r"no suite is named 'standrad'; did you mean 'standard'\? Known: smoke, standard",
        ),
        (
            {"name": 3},
            TypeError,
            r"suite must be named by text, got 3; known: smoke, standard, large",
        ),
        ({"seed": -1}, ValueError, r"seed must be at least 0, got -1"),
        ({"seed": 1.5}, TypeError, r"seed must be an integer, got 1.5"),
        ({"seed": True}, TypeError, r"seed must be an integer, got True"),
    ],
)
def test_bad_arguments_are_refused(
    arguments: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        make_suite(**arguments)


def test_bad_indices_are_refused() -> None:
    suite = make_suite("smoke")
    with pytest.raises(IndexError, match=r"from -13 to 12, got 13; suite 'smoke' has 13 members"):
        suite[13]
    with pytest.raises(IndexError, match="index must be from -13 to 12, got -14"):
        suite[-14]
    for index in (slice(2), 1.0, True, "0"):
        with pytest.raises(
            TypeError, match=r"index must be an integer, got .*slice suite.specifications"
        ):
            suite[index]  # type: ignore[index]
