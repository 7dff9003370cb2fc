"""The search for counterexamples: it finds what is known to be false, confirms it, and no more."""

import re

import numpy as np
import pytest

from tests.oracles.descent import leave_one_out_paths
from tests.oracles.separator_program import hard_margin_direction
from tunebound import bounds, synthetic, theory
from tunebound.theory.engine.setting import find_setting
from tunebound.theory.head.setting import HeadOptions
from tunebound.theory.stochastic_heads import StochasticTask

CORNER = 12 * 2**0.5 - 16


def constant_times(name, factor, proof="conjecture"):
    @theory.theorem(
        name,
        statement=f"D(t) ≤ {factor} B/(γn)",
        source="s",
        setting="head",
        proof=proof,
        maximum=2,
    )
    def made(evidence):
        return [evidence.mean_run_claim(factor * evidence.radius / (evidence.margin * evidence.n))]

    return made


def measured_by_hand(data, options):
    """Mean distance of the directions, by plain loops, and B/(γn) with a margin of its own."""
    limit = 2 / (np.linalg.eigvalsh(data.X.T @ data.X / data.n).max() / 4)
    paths = leave_one_out_paths(
        data.X, data.y, options.get("rate_fraction", 0.5) * limit, int(options["steps"])
    )
    unit = paths[:, -1] / np.linalg.norm(paths[:, -1], axis=1)[:, None]
    _, margin = hard_margin_direction(data.X, data.y)
    radius = np.linalg.norm(data.X, axis=1).max()
    return np.linalg.norm(unit[1:] - unit[0], axis=1).mean(), radius / (margin * data.n)


@pytest.mark.parametrize("seed", range(3))
def test_constant_1_for_heads_is_refuted_from_scratch(seed, tmp_path):
    found = theory.falsify(constant_times("constant-1", 1), seed=seed, output=tmp_path)
    assert found
    assert found.confirmed
    assert found.ratio > 1
    assert found.data.n <= 5
    measured, unit = measured_by_hand(found.data, found.options)
    assert measured == pytest.approx(found.measured, rel=1e-9)
    assert unit == pytest.approx(found.bound, rel=1e-7)
    assert measured > unit * (1 + 1e-6)
    assert found.ratio == pytest.approx(measured / unit, rel=1e-6)
    assert found.largest >= found.ratio
    stored = synthetic.SeparableDataset.from_npz(found.path)
    verdict = theory.verify("constant-1", [stored], jobs=1, **found.options)
    assert verdict.test == "violated"
    assert "seen again with 50 digits" in str(found)
    assert f"--data {found.path}" in str(found)


@pytest.mark.parametrize(("name", "seed"), [("H-constant-1", 1), ("S-adam", 0), ("H-anytime", 0)])
def test_the_numbers_that_are_told_are_those_of_the_data_that_are_told(name, seed):
    """Also where shrinking has led to data of another ratio."""
    found = theory.falsify(name, budget=500, seed=seed)
    ratio, measured, sign, bound = re.search(
        r"failing\): ([\d.e-]+).*\n.* ([\d.e-]+) ([>≤]) bound ([\d.e-]+) on ", str(found)
    ).groups()
    assert float(ratio) == pytest.approx(float(measured) / float(bound), rel=1e-6)
    assert (sign == ">") == (float(measured) > float(bound)) == bool(found)
    assert found.largest >= found.ratio == pytest.approx(float(ratio), rel=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_the_corner_of_the_published_bound_is_found(seed):
    found = theory.falsify("P-Full", seed=seed, budget=1000)
    assert found
    assert CORNER < found.data.mu / found.data.beta < 1
    assert (found.data.n, found.data.d, found.steps) == (2, 1, 1)


@pytest.mark.parametrize("seed", range(3))
def test_deletion_before_the_limit_is_refuted_from_scratch(seed):
    found = theory.falsify("H-deletion-early", seed=seed, budget=2000)
    assert found
    data, steps = found.data, int(found.options["steps"])
    limit = 2 / (np.linalg.eigvalsh(data.X.T @ data.X / data.n).max() / 4)
    paths = leave_one_out_paths(data.X, data.y, found.options["rate_fraction"] * limit, steps)
    ends = paths[:, -1]
    # what is left of the whole head when a sample's own pushes are taken away
    Z = data.X * data.y[:, None]
    pushes = (
        np.array([sum(z / (1 + np.exp(z @ w)) for w in paths[0, :-1]) for z in Z])
        * found.options["rate_fraction"]
        * limit
        / data.n
    )
    rest = ends[0] - pushes

    def apart(a, b):
        a, b = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (a, b))
        return np.linalg.norm(a - b, axis=-1)

    excess = apart(ends[1:], ends[0]) - apart(rest, ends[0])
    assert excess.max() > 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_adam_is_refuted_from_scratch(seed, tmp_path):
    found = theory.falsify("S-adam", seed=seed, budget=1000, output=tmp_path)
    assert found
    again = find_setting("stochastic-heads").load(found.path)
    verdict = theory.verify("S-adam", [again], jobs=1, **found.options)
    assert verdict.test == "violated"


@pytest.mark.parametrize("optimiser", ["descent", "heavy-ball", "nesterov", "adam"])
def test_fifty_digits_follow_optimisers_as_float64_does(optimiser):
    setting = find_setting("stochastic-heads")
    data = synthetic.make_separable("gaussian", n=6, d=3, margin=0.5, radius=2.0, seed=4)
    task = StochasticTask(data=data, optimiser=optimiser, order="full")
    options = setting.options(steps=12)
    precise = setting.search_space().precisely(task, options)
    (fast,) = setting.evidence([task], [task], options)
    for name in ("direction_distance", "distance", "margin", "norm", "path"):
        np.testing.assert_allclose(
            getattr(precise.run, name)[-1], getattr(fast.run, name)[-1], rtol=1e-9, atol=1e-12
        )


def test_the_simplex_is_nearly_reached_where_a_bound_is_proved():
    found = theory.falsify("H-anytime", budget=2500, steps=20)
    assert not found
    assert not found.doubt
    assert found.options["steps"] == 20
    # the distance that a simplex of 4 samples has at every step, over the bound, at its best radius
    rho = np.geomspace(1.01, 50, 2000)
    known = 2 * np.sin(0.5 * np.arctan(np.sqrt(rho**2 - 1) / 3))
    best = (known / bounds.head.anytime(n=4, margin=1.0, radius=rho)).max()
    assert 0.97 * best < found.ratio < 1


def test_the_search_depends_on_seed_and_budget_alone():
    first, again = (theory.falsify("H-free", seed=5, budget=300) for _ in range(2))
    np.testing.assert_array_equal(first.data.X, again.data.X)
    assert (first.ratio, first.evaluations) == (again.ratio, again.evaluations)


@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
def test_fifty_digits_agree_with_float64(weighting):
    data = synthetic.make_separable("gaussian", n=6, d=3, margin=0.5, radius=2.0, seed=4)
    options = HeadOptions(steps=30, exact=True, weighting=weighting, rate_fraction=0.7)
    setting = find_setting("head")
    precise = setting.search_space().precisely(data, options)
    (fast,) = setting.evidence([data], [data], options)
    for name in (
        "steps",
        "direction_distance",
        "distance",
        "certificate",
        "margin",
        "norm",
        "path",
        "direction_error",
        "weights",
    ):
        np.testing.assert_allclose(
            getattr(precise.run, name),
            getattr(fast.run, name),
            rtol=1e-11,
            atol=1e-13,
            err_msg=name,
        )
    np.testing.assert_allclose(precise.separator.dual, fast.separator.dual, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(precise.left_out.hinge, fast.left_out.hinge, rtol=1e-9, atol=1e-9)
    assert precise.margin == pytest.approx(data.margin, rel=1e-14)


def test_fifty_digits_follow_quadratics_as_float64_does():
    problem = synthetic.make_quadratics(4, 2, mu=0.2, beta=1.5, distance=2.0, rotated=True, seed=3)
    setting = find_setting("full-quadratics")
    options = setting.options(steps=9, weighting="1/(n-1)")
    precise = setting.search_space().precisely(problem, options)
    (fast,) = setting.evidence([problem], [problem], options)
    at = np.isin(fast.run.steps, precise.run.steps)
    np.testing.assert_allclose(precise.run.distance, fast.run.distance[at], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(precise.run.loss, fast.run.loss[at], rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(
        precise.run.gradient_norms, fast.run.gradient_norms, rtol=1e-12, atol=1e-14
    )


def test_a_violation_that_is_rounding_alone_is_none():
    """A bound a hair below what is attained: beyond float64's resolution it is nothing."""

    @theory.theorem("drift-is-exact", statement="s", source="t", setting="head")
    def exact(evidence):
        measured = evidence.run.distance
        return [
            theory.Claim(
                measured=measured,
                bound=measured * (1 - 1e-15),
                steps=evidence.run.steps,
                resolution=0.0,
                provenance="exact",
                quantity="a distance against itself less a rounding",
            )
        ]

    assert not theory.falsify(exact, budget=100)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("P-Head", {}, "names no number"),
        ("R-unknown", {}, "no theorem is named"),
        ("H-free", {"budget": 99}, "budget must be at least 100"),
        ("H-free", {"seed": -1}, "seed must be at least 0"),
        ("H-free", {"step": 3}, "step"),
        ("P-Full-network", {}, "has no search space"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_any_work(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        theory.falsify(name, **arguments)


def test_fifty_digits_have_a_limit_of_steps():
    data = synthetic.make_separable("gaussian", n=6, d=3)
    space = find_setting("head").search_space()
    with pytest.raises(ValueError, match="at most 1000 exact steps"):
        space.precisely(data, HeadOptions(steps=1e6, exact=True))


def test_a_pair_of_equal_samples_has_a_certificate_with_fifty_digits_too():
    Z = np.array([[0.6, -0.9], [0.4, 1.0], [0.6, -0.9], [0.4, 1.0]])
    y = np.array([1, -1, 1, -1])
    data = synthetic.SeparableDataset.from_arrays(Z * y[:, None], y)
    options = HeadOptions(steps=1, exact=True)
    precise = find_setting("head").search_space().precisely(data, options)
    assert precise.margin == pytest.approx(bounds.max_margin(data.X, data.y).margin, rel=1e-14)
