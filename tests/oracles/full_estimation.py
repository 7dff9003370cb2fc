"""The worst case of leave-one-out full tuning by PEPit: its function classes, its program, its
solver call.
"""

import warnings


def worst_case(*, n, mu, beta, distance, steps, weighting="1/n"):
    """Largest |w_T - w_T^i| over the class for |w_0 - w*| <= distance, from above and to about four
    digits (its solver stalls there).
    """
    from PEPit import PEP
    from PEPit.functions import SmoothStronglyConvexFunction

    problem = PEP()
    others = problem.declare_function(SmoothStronglyConvexFunction, mu=mu, L=beta)
    left_out = problem.declare_function(SmoothStronglyConvexFunction, mu=mu, L=beta)
    minimiser = others.stationary_point()
    gradient, _ = left_out.oracle(minimiser)
    problem.add_constraint(gradient**2 == 0)
    start = problem.set_initial_point()
    problem.set_initial_condition((start - minimiser) ** 2 <= 1)
    full, without = start, start
    for _ in range(steps):
        full = full - ((n - 1) / n * others.gradient(full) + left_out.gradient(full) / n) / beta
        without = (
            without - ((n - 1) / n if weighting == "1/n" else 1.0) * others.gradient(without) / beta
        )
    problem.set_performance_metric((full - without) ** 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "may be inaccurate"
        return distance * problem.solve(verbose=0, solver="CLARABEL") ** 0.5
