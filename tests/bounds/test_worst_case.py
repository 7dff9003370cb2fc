"""The exact worst case: certificate, independent performance estimation, and problems that must lie
below it.
"""

import sys

import cvxpy
import numpy as np
import pytest

from tests.oracles import full_estimation
from tests.oracles.full_runs import descend, leave_one_out_distances, random_problem
from tunebound.bounds import full
from tunebound.bounds.full import semidefinite
from tunebound.bounds.full.worst_cases import LARGEST_STEPS

WEIGHTINGS = ("1/n", "1/(n-1)")
ROUNDING = 1e-12


def worst(n, kappa, steps, weighting="1/n"):
    return full.worst_case(n=n, mu=kappa, beta=1.0, distance=1.0, steps=steps, weighting=weighting)


@pytest.mark.parametrize(
    ("n", "kappa", "steps", "weighting"),
    [
        (10, 0.1, 1, "1/n"),
        (10, 0.1, 2, "1/n"),
        (10, 0.1, 4, "1/n"),
        (2, 0.05, 5, "1/n"),
        (3, 0.5, 3, "1/(n-1)"),
        (2, 0.1, 4, "1/(n-1)"),
        (10, 0.1, 5, "1/n"),
        (10, 0.1, 8, "1/n"),
        pytest.param(10, 0.1, 10, "1/n", marks=pytest.mark.slow),
        pytest.param(2, 0.3, 7, "1/(n-1)", marks=pytest.mark.slow),
    ],
)
def test_agrees_with_an_independent_performance_estimation(n, kappa, steps, weighting):
    pytest.importorskip("PEPit")
    independent = full_estimation.worst_case(
        n=n, mu=kappa, beta=1.0, distance=1.0, steps=steps, weighting=weighting
    )
    value = worst(n, kappa, steps, weighting).value
    assert value == pytest.approx(independent, rel=5e-4)
    assert value <= independent * (1 + 1e-6)


@pytest.mark.parametrize(
    ("steps", "value"), [(1, 0.1000), (2, 0.1720), (5, 0.2754), (8, 0.2850), (10, 0.2678)]
)
def test_known_values(steps, value):
    result = worst(10, 0.1, steps)
    assert result.value == pytest.approx(value, abs=6e-5)
    assert result.lower == full.worst_quadratic(n=10, mu=0.1, beta=1.0, distance=1.0, steps=steps)
    assert result.status == cvxpy.OPTIMAL


CASES = [
    (n, kappa, steps)
    for n in (2, 5, 1000, 10**12)
    for kappa in (1e-15, 0.3, 0.95, 1 - 1e-12)
    for steps in (1, 2, 4)
]


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize(("n", "kappa", "steps"), CASES)
def test_bracket_and_certificate(n, kappa, steps, weighting):
    result = worst(n, kappa, steps, weighting)
    assert result.lower <= result.value * (1 + ROUNDING)
    above = full.contraction(
        n=n, mu=kappa, beta=1.0, distance=1.0, steps=steps, weighting=weighting
    )
    assert result.value <= above * (1 + 1e-8)
    assert abs(result.duality_gap) < 1e-8
    assert result.primal_residual < 1e-7
    assert 0 <= result.dual_residual < 1e-8
    assert result.attained == pytest.approx(result.value, rel=1e-8)
    assert result.attained == pytest.approx(result.value * (1 - result.duality_gap), rel=1e-14)
    assert result.gap == pytest.approx((result.value - result.lower) / result.value, abs=1e-14)
    if steps == 1:
        assert result.lower == pytest.approx(above, rel=1e-12)
        assert result.value == pytest.approx(above, rel=1e-8)


def test_quadratics_are_not_always_the_worst():
    beyond = worst(2, 0.05, 5)
    assert beyond.gap > 0.005
    assert beyond.attained > beyond.lower * 1.005
    assert abs(beyond.duality_gap) < 1e-8


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_no_random_problem_exceeds_it(weighting):
    rng = np.random.default_rng(5)
    for n, kappa, steps in [(2, 0.05, 5), (3, 0.4, 4), (6, 0.01, 3), (4, 0.9, 2), (5, 0.2, 1)]:
        unit = worst(n, kappa, steps, weighting).value
        for _ in range(60):
            beta = 10 ** rng.uniform(-2, 2)
            losses, start = random_problem(rng, mu=kappa * beta, beta=beta, n=n)
            _, measured = leave_one_out_distances(losses, start, beta, steps, weighting)
            assert np.all(measured <= unit * np.linalg.norm(start) * (1 + 1e-9))


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize(
    ("n", "kappa", "steps"), [(2, 0.05, 5), (3, 0.6, 5), (40, 0.3, 4), (6, 0.8, 3), (5, 1e-6, 1)]
)
def test_runs_of_real_problems_satisfy_every_inequality_of_the_program(n, kappa, steps, weighting):
    """Gram matrix and values of simulated runs, from their definition: feasible, and the objective
    is their distance.
    """
    rng = np.random.default_rng(n)
    program = semidefinite.build(n, kappa, 1 - kappa, steps, weighting)
    assert len(program.inequalities) == 5 * steps**2 - steps
    for _ in range(10):
        losses, start = random_problem(rng, mu=kappa, beta=1.0, n=n, d=3)
        start = start / np.linalg.norm(start)
        gram, heights, distance = scaled_run(losses, start, kappa, steps, weighting)
        products = np.einsum("kij,ij->k", program.inequalities, gram) + program.values @ heights
        assert products.max() < 1e-7
        assert gram[0, 0] == pytest.approx(1.0, rel=1e-12)
        assert np.all(np.diag(gram) <= 1 + 1e-7)
        assert np.all(heights >= -1e-7)
        assert np.all(heights <= 0.5 + 1e-7)
        scaled = np.exp(2 * program.log_scale) * np.sum(program.objective * gram)
        assert np.sqrt(scaled) == pytest.approx(distance, rel=1e-6, abs=1e-9)
        # weak duality with multipliers that are nowhere near optimal
        multipliers, radius = rng.exponential(size=len(program.inequalities)), rng.exponential()
        upper, _ = semidefinite.certified_upper(program, multipliers, radius)
        assert np.sqrt(np.sum(program.objective * gram)) <= upper


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize(("n", "kappa", "steps"), [(2, 0.3, 4), (7, 0.6, 3), (3, 0.1, 1)])
def test_inequalities_are_all_those_of_the_interpolation_theorem(n, kappa, steps, weighting):
    """At arbitrary vectors and values, each pair's inequality from its definition; the program's
    are these, and no others.
    """
    rng, p, c = np.random.default_rng(1), 1 - kappa, (n - 1) / n
    vectors, heights = rng.normal(size=(3 * steps, 4)), rng.normal(size=3 * steps - 1)
    decay = p ** np.arange(steps + 1)
    gap = [
        (
            full.contraction(n=n, mu=kappa, beta=1.0, distance=1.0, steps=t, weighting=weighting)
            if t
            else 0.0
        )
        for t in range(steps + 1)
    ]
    x, v = [vectors[0]], [vectors[0]]
    g = [(0.0, np.zeros(4), np.zeros(4), 0.0, None)]
    f = list(g)
    for t in range(steps):
        s, tau = decay[t] * vectors[1 + t], decay[t] * vectors[1 + steps + t]
        value = decay[t] ** 2 * heights[t]
        g.append((decay[t], x[t], s, value, t))
        f.append((decay[t], x[t], tau, decay[t] ** 2 * heights[steps + t], None))
        left_out = s
        if t:
            left_out = s + gap[t] * vectors[2 * steps + t]
            second = value + s @ (v[t] - x[t]) + gap[t] ** 2 * heights[2 * steps + t - 1]
            g.append((max(decay[t], gap[t]), v[t], left_out, second, t))
        x.append(x[t] - c * (kappa * x[t] + p * s) - (kappa * x[t] + p * tau) / n)
        v.append(v[t] - (c if weighting == "1/n" else 1.0) * (kappa * v[t] + p * left_out))
    expected = []
    for points in (g, f):
        for a in points:
            for b in points:
                if a is not b:
                    same_step = a[4] is not None and a[4] == b[4]
                    scale = gap[a[4]] if same_step else max(a[0], b[0])
                    residual = b[3] + b[2] @ (a[1] - b[1]) + 0.5 * np.sum((a[2] - b[2]) ** 2) - a[3]
                    expected.append(residual / scale**2)
    program = semidefinite.build(n, kappa, p, steps, weighting)
    gram = vectors @ vectors.T
    products = np.einsum("kij,ij->k", program.inequalities, gram) + program.values @ heights
    np.testing.assert_allclose(np.sort(products), np.sort(expected), rtol=1e-9, atol=1e-9)
    distance = np.exp(program.log_scale) * np.sqrt(np.sum(program.objective * gram))
    assert distance == pytest.approx(np.linalg.norm(v[-1] - x[-1]), rel=1e-12)


def scaled_run(losses, start, kappa, steps, weighting):
    p = 1 - kappa
    n, kept = len(losses), losses[1:]
    path = descend(losses, start, 1.0, steps)
    other = descend(losses, start, 1.0, steps, left_out=0, weighting=weighting)

    def convex_gradient(group, w):
        return (np.mean([loss.gradient(w) for loss in group], axis=0) - kappa * w) / p

    def convex_value(group, w):
        return (np.mean([loss.loss(w) for loss in group]) - 0.5 * kappa * w @ w) / p

    time_scale = [p**t for t in range(steps)]
    # contraction(t + 1) by its recursion
    largest = [0.0]
    for t in range(steps):
        grown = (
            (p + kappa / n) * largest[t] + p**t
            if weighting == "1/n"
            else p * largest[t] + p ** (t + 1)
        )
        largest.append(grown)
    vectors = [start]
    vectors += [convex_gradient(kept, path[t]) / time_scale[t] for t in range(steps)]
    vectors += [convex_gradient(losses[:1], path[t]) / time_scale[t] for t in range(steps)]
    heights = [convex_value(kept, path[t]) / time_scale[t] ** 2 for t in range(steps)]
    heights += [convex_value(losses[:1], path[t]) / time_scale[t] ** 2 for t in range(steps)]
    for t in range(1, steps):
        scale = largest[t] / n
        gradient = convex_gradient(kept, path[t])
        vectors.append((convex_gradient(kept, other[t]) - gradient) / scale)
        rest = (
            convex_value(kept, other[t])
            - convex_value(kept, path[t])
            - gradient @ (other[t] - path[t])
        )
        heights.append(rest / scale**2)
    return (
        np.array(vectors) @ np.array(vectors).T,
        np.array(heights),
        np.linalg.norm(other[-1] - path[-1]),
    )


def test_certificate_counts_every_infeasibility():
    eye = np.eye(2)
    program = semidefinite.Program(
        objective=np.diag([0.0, 4.0]),
        inequalities=np.array([eye, -eye]),
        values=np.array([[1.0], [-2.0]]),
        log_scale=0.0,
    )
    # slack = 3 eye - 1 eye - objective + radius at [0, 0] = diag(2 + 1, -2); flow = 3 - 2
    upper, residual = semidefinite.certified_upper(program, np.array([3.0, 1.0]), 1.0)
    assert upper == pytest.approx(np.sqrt(1.0 + 2.0 * 2 + 0.5 * 1.0), rel=1e-10)
    assert residual == pytest.approx(2.0, rel=1e-12)
    upper, residual = semidefinite.certified_upper(program, np.array([8.0, 0.0]), 1.0)
    assert upper == pytest.approx(np.sqrt(1.0 + 0.5 * 8.0), rel=1e-10)
    assert residual == pytest.approx(8.0, rel=1e-12)
    # rounding: 8 N eps (multipliers' matrices + radius + objective) for each of N vectors
    allowance = upper**2 - 5.0
    assert 0 < allowance < 1e-12
    assert allowance == pytest.approx(8 * 2 * 2 * 2.2e-16 * (8 * 2**0.5 + 1 + 4), rel=0.05, abs=0)


@pytest.mark.parametrize(
    ("gram", "height", "value"),
    [
        ([[0.5, 0.0], [0.0, 0.25]], -1.0, 0.0),
        ([[1.5, 0.0], [0.0, 0.25]], -3.0, 0.5),  # longer than the unit ball allows
        ([[0.5, 1.0], [1.0, 0.5]], -2.0, 0.5),  # eigenvalue -1/2
        ([[0.5, 0.0], [0.0, 0.25]], 0.0, 0.75),  # first inequality
        ([[0.5, 0.0], [0.0, 0.25]], -3.0, 2.25),  # second inequality
    ],
)
def test_violation_sees_every_constraint(gram, height, value):
    inequalities = np.array([np.eye(2), -np.eye(2)])
    values = np.array([[1.0], [-1.0]]) if value in (0.75, 2.25) else np.array([[1.0], [0.0]])
    program = semidefinite.Program(
        objective=np.eye(2), inequalities=inequalities, values=values, log_scale=0.0
    )
    assert semidefinite.violation(program, np.array(gram), np.array([height])) == pytest.approx(
        value, abs=1e-14
    )


def test_a_distance_below_float64_is_zero_without_a_gap():
    result = full.worst_case(
        n=1e300, mu=1 - 2.0**-53, beta=1.0, distance=1.0, steps=2, weighting="1/(n-1)"
    )
    assert (result.value, result.lower, result.attained, result.gap, result.duality_gap) == (
        0.0,
    ) * 5


def test_equal_curvatures_have_a_closed_form():
    for weighting, value in (("1/n", 3.0 * 7.0**-4), ("1/(n-1)", 0.0)):
        result = full.worst_case(n=7, mu=2.0, beta=2.0, distance=3.0, steps=4, weighting=weighting)
        assert result.value == pytest.approx(value, rel=1e-13)
        assert (result.lower, result.attained) == (result.value, result.value)
        assert (result.gap, result.duality_gap, result.primal_residual, result.dual_residual) == (
            0.0,
        ) * 4
        assert result.status == "closed form"
    # where both curvatures come ever closer, the program tends to it
    assert worst(7, 1 - 1e-9, 4).value == pytest.approx(7.0**-4, rel=1e-7)


def test_proportional_to_the_distance_and_free_of_the_unit_of_the_loss():
    one = worst(4, 0.25, 3)
    scaled = full.worst_case(n=4, mu=2.0, beta=8.0, distance=6.0, steps=3)
    assert scaled.value == pytest.approx(6 * one.value, rel=1e-13)
    assert scaled.lower == pytest.approx(6 * one.lower, rel=1e-13)
    assert scaled.attained == pytest.approx(6 * one.attained, rel=1e-13)
    assert (scaled.gap, scaled.duality_gap, scaled.primal_residual) == (
        one.gap,
        one.duality_gap,
        one.primal_residual,
    )
    at_minimiser = full.worst_case(n=4, mu=2.0, beta=8.0, distance=0.0, steps=3)
    assert (at_minimiser.value, at_minimiser.lower, at_minimiser.gap, at_minimiser.duality_gap) == (
        0.0,
    ) * 4


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_falls_with_more_samples_and_with_curvature(weighting):
    by_n = [worst(n, 0.2, 3, weighting).value for n in (2, 3, 6, 12)]
    assert np.all(np.diff(by_n) < 0)
    by_kappa = [worst(4, kappa, 3, weighting).value for kappa in (0.01, 0.1, 0.4, 0.8)]
    assert np.all(np.diff(by_kappa) < 0)


def test_a_solved_case_is_not_solved_again(monkeypatch):
    once = worst(9, 0.37, 3)

    def solved(*_):
        raise AssertionError("the program was solved again")

    monkeypatch.setattr(semidefinite, "solve", solved)
    again = full.worst_case(n=9, mu=0.37, beta=1.0, distance=5.0, steps=3)
    assert again.value == pytest.approx(5 * once.value, rel=1e-15)


@pytest.mark.parametrize("argument", ["n", "mu", "beta", "distance", "steps"])
def test_arrays_are_refused(argument):
    arguments = dict(n=5, mu=0.1, beta=1.0, distance=1.0, steps=2)
    with pytest.raises(
        ValueError,
        match=(
            rf"{argument} has shape \(1,\): worst_case solves one problem at a time, pass a scalar"
        ),
    ):
        full.worst_case(**arguments | {argument: [arguments[argument]]})


@pytest.mark.parametrize(
    ("argument", "value"),
    [("n", 1), ("mu", 0.0), ("beta", 0.05), ("distance", -1.0), ("steps", 0), ("weighting", "n")],
)
def test_values_out_of_range_are_refused_by_name(argument, value):
    arguments = dict(n=5, mu=0.1, beta=1.0, distance=1.0, steps=2)
    with pytest.raises(ValueError, match=rf"^{argument}\b"):
        full.worst_case(**arguments | {argument: value})
    # before the number of steps
    with pytest.raises(ValueError, match=r"^n = 1"):
        full.worst_case(**arguments | {"n": 1, "steps": 26})


def test_more_steps_than_the_program_can_take_are_refused_with_the_way_out():
    assert LARGEST_STEPS == 25
    with pytest.raises(
        ValueError,
        match=r"steps = 26 exceeds 25.*use contraction from above and worst_quadratic from below",
    ):
        worst(5, 0.1, 26)


def test_the_largest_number_of_steps_is_itself_allowed(monkeypatch):
    monkeypatch.setattr(sys.modules["tunebound.bounds.full.worst_cases"], "LARGEST_STEPS", 3)
    assert worst(5, 0.1, 3).value > 0
    with pytest.raises(ValueError, match="steps = 4 exceeds 3"):
        worst(5, 0.1, 4)


def test_a_solver_that_gives_up_is_reported(monkeypatch):
    monkeypatch.setattr(cvxpy.Problem, "solve", lambda self, **options: None)
    with pytest.raises(
        RuntimeError,
        match=(
            "Clarabel stopped with status None: take fewer steps, or use contraction and"
            " worst_quadratic"
        ),
    ):
        worst(5, 0.123, 2)


def test_a_solver_that_fails_is_reported(monkeypatch):
    def fail(self, **options):
        raise cvxpy.SolverError("no progress")

    monkeypatch.setattr(cvxpy.Problem, "solve", fail)
    with pytest.raises(
        RuntimeError,
        match="Clarabel failed: take fewer steps, or use contraction and worst_quadratic",
    ):
        worst(5, 0.124, 2)


@pytest.mark.slow
def test_a_large_program_is_solved():
    result = worst(10, 0.1, 20)
    assert abs(result.duality_gap) < 1e-6
    assert result.lower <= result.value


def test_one_dimensional_quadratics_are_exact_up_to_2n_minus_1_steps_and_beaten_after():
    largest = 0.0
    for n in (2, 3, 4):
        for kappa in (0.1, 0.6, 0.9):
            known = dict(n=n, mu=kappa, beta=1.0, distance=1.0)
            cases = [full.worst_case(**known, steps=T) for T in range(1, 2 * n)]
            largest = max(largest, *(case.value / case.lower - 1 for case in cases))
    print(f"largest excess over one-dimensional quadratics for T <= 2n - 1: {largest:.1e}")
    assert largest < 1e-9
    for n, kappa in ((2, 0.1), (2, 0.9), (3, 0.6), (4, 0.6)):
        case = full.worst_case(n=n, mu=kappa, beta=1.0, distance=1.0, steps=2 * n)
        assert case.attained > case.lower * (1 + 1e-5)


def test_the_worst_case_exceeds_the_power_of_the_left_out_rate():
    pytest.importorskip("PEPit")
    known = dict(n=2, mu=0.05, beta=1.0, distance=1.0, steps=6)
    case = full.worst_case(**known)
    assert 0.975**6 < 0.8591 < 0.8688 < case.attained < case.value < 0.8689
    assert full_estimation.worst_case(**known) == pytest.approx(case.value, rel=5e-4)
