"""Suites of problems for full tuning: their design, and members that stand alone."""

import numpy as np
import pytest

from tunebound.synthetic import ProblemSpecification, make_problem_suite, problem_suite_names


@pytest.mark.parametrize(("name", "least"), [("smoke", 12), ("standard", 400)])
def test_sizes_and_unique_names(name, least):
    suite = make_problem_suite(name)
    assert len(suite) >= least
    assert len({specification.name for specification in suite.specifications}) == len(suite)


def test_members_have_the_constants_that_they_are_specified_with():
    suite = make_problem_suite("standard", seed=3)
    for index in range(0, len(suite), 17):
        specification, problem = suite.specifications[index], suite[index]
        assert (problem.n, problem.d) == (specification.n, specification.d)
        assert problem.beta == pytest.approx(1.0, rel=1e-12)
        assert problem.mu == pytest.approx(specification.kappa, rel=1e-12)
        assert problem.distance == pytest.approx(specification.distance, rel=1e-12)
        gradients = np.linalg.norm(problem.gradients(problem.minimiser), axis=1)
        assert (gradients.max() < 1e-12) == specification.interpolate


def test_every_factor_is_swept_with_the_others_fixed():
    specifications = make_problem_suite("standard").specifications
    for factor, values in (("n", 5), ("kappa", 7), ("distance", 3)):
        groups = {}
        for each in specifications:
            rest = tuple(
                value for name, value in vars(each).items() if name not in (factor, "seed")
            )
            groups.setdefault(rest, set()).add(getattr(each, factor))
        assert sum(len(group) == values for group in groups.values()) >= 4, factor


def test_no_two_problems_share_their_random_numbers():
    # all random numbers come from the seed, whatever n, d and κ are
    drawn = [
        each.seed
        for name in problem_suite_names()
        for seed in (0, 1, 2)
        for each in make_problem_suite(name, seed).specifications
    ]
    assert len(set(drawn)) == len(drawn)


def closest(problems):
    """|cos| between the directions from start to minimiser of the two problems most alike."""
    directions = np.stack([(each.start - each.minimiser) / each.distance for each in problems])
    products = np.abs(directions @ directions.T)
    np.fill_diagonal(products, 0)
    return products.max()


def test_no_two_problems_of_the_standard_suite_are_the_same():
    problems = [each for each in make_problem_suite() if each.d == 6]
    assert len(problems) > 400
    # 82,215 pairs of directions in six dimensions come closer than 0.999 with probability 0.005
    assert closest(problems) < 0.999
    one_seed = [
        ProblemSpecification(kind="quadratic", n=16, d=6, kappa=0.1, distance=distance).make()
        for distance in (1.0, 4.0)
    ]
    assert closest(one_seed) == pytest.approx(1, abs=1e-12)


def test_a_member_is_the_same_alone_and_in_the_row():
    suite = make_problem_suite("smoke", seed=1)
    for index, problem in enumerate(suite):
        np.testing.assert_array_equal(
            problem.start, make_problem_suite("smoke", seed=1)[index].start
        )


def test_bad_names_and_seeds_are_refused():
    with pytest.raises(ValueError, match="no suite is named 'smok'; did you mean 'smoke'"):
        make_problem_suite("smok")
    with pytest.raises(TypeError, match="suite must be named by text, got 3; known: smoke"):
        make_problem_suite(3)
    with pytest.raises(ValueError, match="seed"):
        make_problem_suite("smoke", seed=-1)
    assert problem_suite_names() == ("smoke", "standard")


def test_a_specification_that_cannot_be_made_is_refused():
    shape = dict(n=4, d=2, kappa=0.5)
    with pytest.raises(ValueError, match="kind must be one of 'quadratic', 'log-cosh', got 'cube'"):
        ProblemSpecification(kind="cube", **shape).make()
    with pytest.raises(ValueError, match="interpolate must be True for log-cosh losses, got False"):
        ProblemSpecification(kind="log-cosh", **shape, interpolate=False).make()
