"""The largest gradient of a loss on a ball, and the functions of the log-cosh losses."""

from __future__ import annotations

import numpy as np

from tunebound._ground.arrays import Floats


def largest_quadratic_gradient(eigenvalues: Floats, gradients: Floats, radius: float) -> Floats:
    """max ‖Λ_i v + g_i‖ over ‖v‖ ≤ radius, shape (n,), for diagonal Λ_i given as (n, d) and g_i as
    (n, d).

    Strong duality holds for one quadratic on a ball, so the maximum is the smallest value over s ≥
    λ_max² of ‖g‖² + s·radius² + Σ_k λ_k²g_k²/(s − λ_k²). Every s gives an upper bound; near the
    best one the error is of second order.
    """
    if radius == 0.0:
        return np.asarray(np.linalg.norm(gradients, axis=1))
    scale = np.maximum(eigenvalues.max(axis=1), np.linalg.norm(gradients, axis=1) / radius)[:, None]
    # Now radius = 1 and all numbers are at most 1.
    lam, g = eigenvalues / scale, gradients / (scale * radius)
    top = lam.max(axis=1, keepdims=True)
    gaps, pull = (top - lam) * (top + lam), (lam * g) ** 2
    # x = s − λ_max² solves Σ pull/(x + gap)² = 1, or is 0 where the sum stays below 1; the sum
    # falls in x.
    low, high = np.zeros_like(top), np.sqrt(pull.sum(axis=1, keepdims=True))
    for _ in range(200):
        middle = 0.5 * (low + high)
        room = np.maximum(middle + gaps, 1e-300)
        outside = (pull / room / room).sum(axis=1, keepdims=True) > 1.0
        low, high = np.where(outside, middle, low), np.where(outside, high, middle)
    room = np.maximum(high + gaps, 1e-300)
    squares = (g**2).sum(axis=1) + (top**2 + high)[:, 0] + (pull / room).sum(axis=1)
    return np.asarray(scale[:, 0] * radius * np.sqrt(squares))


def log_cosh(x: Floats) -> Floats:
    """ln cosh x, to full relative precision from 1e-150 to the largest float."""
    size = np.abs(x)
    near = 0.5 * np.log1p(np.sinh(np.minimum(size, 1.0)) ** 2)
    far = size + np.log1p(np.exp(-2.0 * size)) - np.log(2.0)
    return np.where(size < 1.0, near, far)


def sech_squared(x: Floats) -> Floats:
    """1/cosh² x = 1 − tanh² x without overflow or cancellation."""
    decay = np.exp(-2.0 * np.abs(x))
    return np.asarray(4.0 * decay / (1.0 + decay) ** 2)


def largest_log_cosh_gradient(curvatures: Floats, mu: float, width: float, radius: float) -> Floats:
    """max ‖∇f_i‖ over the ball of this radius around w*, shape (n,).

    In the sample's frame the squared norm is Σ_k φ_k(x_k) with x_k = ⟨a_k, v⟩²/s² and
    φ(x) = s²(μ√x + c tanh √x)². φ is concave in x ≥ 0: its derivative s²(μ + c tanh(r)/r)(μ + c
    sech² r), r = √x, is a product of positive falling functions. So the maximum under Σ x_k ≤
    (radius/s)² fills the directions to one common derivative, and the dual value at that level
    bounds it from above with an error of second order.
    """
    budget = (radius / width) ** 2
    level_low = np.full((curvatures.shape[0], 1), mu**2)
    level_high = (mu + curvatures.max(axis=1, keepdims=True)) ** 2
    for _ in range(60):
        level = np.sqrt(level_low * level_high)
        over = _filled(curvatures, mu, level, budget).sum(axis=1, keepdims=True) > budget
        level_low, level_high = np.where(over, level, level_low), np.where(over, level_high, level)
    filled = _filled(curvatures, mu, level_high, budget)
    roots = np.sqrt(filled)
    values = (mu * roots + curvatures * np.tanh(roots)) ** 2
    return np.asarray(
        width * np.sqrt(level_high[:, 0] * budget + (values - level_high * filled).sum(axis=1))
    )


def _filled(curvatures: Floats, mu: float, level: Floats, budget: float) -> Floats:
    """x_k in [0, budget] where the derivative of φ_k/s² equals the level, or the end of the
    interval next to it.
    """
    low, high = np.zeros_like(curvatures), np.full_like(curvatures, np.sqrt(budget))
    for _ in range(50):
        r = 0.5 * (low + high)
        slope = (mu + curvatures * tanh_ratio(r)) * (mu + curvatures * sech_squared(r))
        above = slope > level
        low, high = np.where(above, r, low), np.where(above, high, r)
    return np.asarray(high**2)


def tanh_ratio(r: Floats) -> Floats:
    """tanh(r)/r for r ≥ 0, which tends to 1 at 0."""
    safe = np.maximum(r, 1e-8)
    return np.asarray(np.tanh(safe) / safe)
