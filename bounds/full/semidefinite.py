"""The exact worst case of leave-one-out full tuning as a semidefinite program, for R = beta = 1.

Performance estimation (Drori and Teboulle 2014; Taylor, Hendrickx and Glineur 2017): the two runs
touch two functions, g (mean of the other samples) and f_i, at finitely many points. Points,
gradients and values belong to functions of the class exactly if they satisfy the interpolation
inequalities, which are linear in the Gram matrix and the values.

Scaled so that no coefficient vanishes for large n or kappa near 1: with gradients kappa x + p s, p
= 1 - kappa (s is the gradient of a convex 1-smooth function), points x_t = p^t y_t of the run on S,
x_t + (m_t/n) e_t of the run on S^i, where m_t is the certified largest n |difference|, every basis
vector has at most norm 1. See docs/full-tuning.md.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np

from tunebound._ground.arrays import Floats

_EPS = float(np.finfo(np.float64).eps)
_TOLERANCE = 1e-10
_REMEDY = "take fewer steps, or use contraction and worst_quadratic"


@dataclass(frozen=True, kw_only=True)
class Program:
    """Maximise <objective, G> subject to <inequalities_k, G> + values_k . v <= 0, G_00 <= 1, G psd.

    Attributes
    ----------
    objective : ndarray of shape (N, N)
        Square of the scaled final difference e_T; N = 3 T.
    inequalities : ndarray of shape (K, N, N)
        Quadratic parts of the interpolation inequalities, K = 5 T^2 - T.
    values : ndarray of shape (K, 3 T - 1)
        Their parts in the function values.
    log_scale : float
        ln(m_T / n): the distance of the two runs is exp(log_scale) |e_T|.
    """

    objective: Floats
    inequalities: Floats
    values: Floats
    log_scale: float


@dataclass(frozen=True, kw_only=True)
class Solution:
    """Largest |e_T|, bracketed; see `WorstCase` for the meaning of the residuals."""

    upper: float
    attained: float
    primal_residual: float
    dual_residual: float
    status: str


@dataclass(frozen=True, kw_only=True)
class _Point:
    log_scale: float
    position: Floats
    gradient: Floats
    square: Floats
    value: Floats


def build(n: float, kappa: float, complement: float, steps: int, weighting: str) -> Program:
    """Write down the program for 0 < kappa < 1, complement = 1 - kappa."""
    size, T = 3 * steps, steps
    unit, unit_values = np.eye(size), np.eye(3 * T - 1)
    nothing, no_square, no_value = np.zeros(size), np.zeros((size, size)), np.zeros(3 * T - 1)
    start, gradients, left_gradients, later = np.split(unit, [1, T + 1, 2 * T + 1])
    changes = np.vstack([nothing, later])
    share, log_p = (n - 1) / n, float(np.log(complement))
    positions, differences, log_m = [start[0]], [nothing], [-np.inf]
    for t in range(T):
        positions.append(positions[t] - share * gradients[t] - left_gradients[t] / n)
        if weighting == "1/n":
            rate = complement + kappa / n
            log_m.append(float(np.logaddexp(np.log(rate) + log_m[t], t * log_p)))
            kept = rate * differences[t] - share * complement * changes[t]
            added = kappa * positions[t] + complement * left_gradients[t]
            differences.append(
                np.exp(log_m[t] - log_m[t + 1]) * kept + np.exp(t * log_p - log_m[t + 1]) * added
            )
        else:
            log_m.append(float(np.log(t + 1.0)) + (t + 1) * log_p)
            differences.append(
                (t * (differences[t] - changes[t]) + left_gradients[t] - gradients[t]) / (t + 1)
            )
    minimiser = _Point(
        log_scale=-np.inf, position=nothing, gradient=nothing, square=no_square, value=no_value
    )
    others, left_out = [minimiser], [minimiser]
    for t in range(T):
        on_first_run = _Point(
            log_scale=t * log_p,
            position=positions[t],
            gradient=gradients[t],
            square=no_square,
            value=unit_values[t],
        )
        others.append(on_first_run)
        left_out.append(replace(on_first_run, gradient=left_gradients[t], value=unit_values[T + t]))
    pairs = [(a, b) for a in range(T + 1) for b in range(T + 1) if a != b]
    rows = [_inequality(others[a], others[b]) for a, b in pairs] + [
        _inequality(left_out[a], left_out[b]) for a, b in pairs
    ]
    second_run = []
    for t in range(1, T):
        log_shift = log_m[t] - float(np.log(n))
        log_scale = max(t * log_p, log_shift)
        first, second = float(np.exp(t * log_p - log_scale)), float(np.exp(log_shift - log_scale))
        # g at the second run's point = g at the first run's + <gradient, difference> + what is
        # left, a square in m_t/n
        value = first**2 * unit_values[t] + second**2 * unit_values[2 * T + t - 1]
        square = first * second * _symmetric(gradients[t], differences[t])
        second_run.append(
            _Point(
                log_scale=log_scale,
                position=first * positions[t] + second * differences[t],
                gradient=first * gradients[t] + second * changes[t],
                square=square,
                value=value,
            )
        )
        half_change, left_value = 0.5 * np.outer(changes[t], changes[t]), unit_values[2 * T + t - 1]
        rows += [
            (half_change, -left_value),
            (half_change - _symmetric(changes[t], differences[t]), left_value),
        ]
    for t, point in enumerate(second_run, start=1):
        # its pair with the first run's point of the same step is written above, without
        # cancellation
        for other in [*others[: t + 1], *others[t + 2 :]]:
            rows += [_inequality(point, other), _inequality(other, point)]
        rows += [_inequality(point, other) for other in second_run if other is not point]
    return Program(
        objective=np.outer(differences[T], differences[T]),
        inequalities=np.array([square for square, _ in rows]),
        values=np.array([value for _, value in rows]),
        log_scale=log_m[T] - float(np.log(n)),
    )


def solve(program: Program) -> Solution:
    """Solve the dual program with Clarabel and turn its multipliers into a certified upper bound.

    Raises
    ------
    RuntimeError
        If the solver gives up.
    """
    import cvxpy  # only the programs need it; the closed forms work without

    size = len(program.objective)
    flat = program.inequalities.reshape(len(program.inequalities), size * size)
    multipliers = cvxpy.Variable(len(flat), nonneg=True)
    radius = cvxpy.Variable(nonneg=True)
    ball = np.zeros((size, size))
    ball[0, 0] = 1.0
    slack = (
        cvxpy.reshape(flat.T @ multipliers, (size, size), order="C")
        + radius * ball
        - program.objective
    )
    definite, balanced = slack >> 0, -program.values.T @ multipliers == 0
    problem = cvxpy.Problem(cvxpy.Minimize(radius), [definite, balanced])
    options = {"tol_gap_abs": _TOLERANCE, "tol_gap_rel": _TOLERANCE, "tol_feas": _TOLERANCE}
    try:
        with warnings.catch_warnings():
            # "may be inaccurate": the certificate says by how much
            warnings.simplefilter("ignore", UserWarning)
            problem.solve(solver=cvxpy.CLARABEL, canon_backend=cvxpy.SCIPY_CANON_BACKEND, **options)
    except cvxpy.SolverError as error:
        raise RuntimeError(f"Clarabel failed: {_REMEDY}") from error
    if problem.status not in (cvxpy.OPTIMAL, cvxpy.OPTIMAL_INACCURATE):
        raise RuntimeError(f"Clarabel stopped with status {problem.status!r}: {_REMEDY}")
    weight = np.maximum(np.asarray(multipliers.value), 0.0)
    top = max(float(np.asarray(radius.value)), 0.0)
    upper, dual_residual = certified_upper(program, weight, top)
    gram = np.asarray(definite.dual_value)
    heights = np.asarray(balanced.dual_value)
    attained = float(np.sqrt(max(float(np.sum(program.objective * gram)), 0.0)))
    return Solution(
        upper=upper,
        attained=attained,
        primal_residual=violation(program, gram, heights),
        dual_residual=dual_residual,
        status=str(problem.status),
    )


def violation(program: Program, gram: Floats, heights: Floats) -> float:
    """Largest amount by which a Gram matrix and function values break a constraint of the program,
    0 if none.
    """
    excess = np.einsum("kij,ij->k", program.inequalities, gram) + program.values @ heights
    return max(
        float(excess.max()), float(gram[0, 0]) - 1.0, -float(np.linalg.eigvalsh(gram).min()), 0.0
    )


def certified_upper(program: Program, multipliers: Floats, radius: float) -> tuple[float, float]:
    """Upper bound on |e_T| from any multipliers >= 0, optimal or not, and how far they were from
    feasible.

    Weak duality: <objective, G> <= radius + (-lambda_min)^+ trace G + |values^T multipliers| . |v|,
    and on the class every basis vector has at most norm 1 and every value lies in [0, 1/2].
    Rounding of the matrices is allowed for.
    """
    size = len(program.objective)
    slack = np.tensordot(multipliers, program.inequalities, 1) - program.objective
    slack[0, 0] += radius
    norms = np.linalg.norm(program.inequalities, axis=(1, 2))
    rounding = (
        8
        * size
        * _EPS
        * (float(multipliers @ norms) + radius + float(np.linalg.norm(program.objective)))
    )
    negative = max(0.0, -float(np.linalg.eigvalsh(slack)[0]))
    unbalanced = float(np.abs(program.values.T @ multipliers).sum())
    upper = radius + (negative + rounding) * size + 0.5 * unbalanced
    return float(np.sqrt(upper)), max(negative, unbalanced)


def _inequality(upper: _Point, lower: _Point) -> tuple[Floats, Floats]:
    # v_a >= v_b + <s_b, x_a - x_b> + |s_a - s_b|^2 / 2, divided by the square of the larger scale
    scale = max(upper.log_scale, lower.log_scale)
    a, b = float(np.exp(upper.log_scale - scale)), float(np.exp(lower.log_scale - scale))
    step, change = a * upper.position - b * lower.position, a * upper.gradient - b * lower.gradient
    square = (
        b * b * lower.square
        - a * a * upper.square
        + _symmetric(b * lower.gradient, step)
        + 0.5 * np.outer(change, change)
    )
    return square, b * b * lower.value - a * a * upper.value


def _symmetric(a: Floats, b: Floats) -> Floats:
    return np.asarray(0.5 * (np.outer(a, b) + np.outer(b, a)))
