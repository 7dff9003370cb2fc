"""The bounds of the literature with 50 digits, each written from its statement on paper."""

from mpmath import mp, mpf

mp.dps = 50


def _exact(*numbers):
    return [mpf(int(x)) if isinstance(x, int) else mpf(float(x)) for x in numbers]


def regularized_stability(*, n, lipschitz, radius, lam):
    n, sigma, kappa, lam = _exact(n, lipschitz, radius, lam)
    return sigma**2 * kappa**2 / (2 * lam * n)


def regularized_distance(*, n, lipschitz, radius, lam):
    n, sigma, kappa, lam = _exact(n, lipschitz, radius, lam)
    return sigma * kappa / (2 * lam * n)


def convex_descent_distance(*, n, lipschitz, beta, step_sizes):
    n, L = _exact(n, lipschitz)
    return 2 * L / n * mp.fsum(_exact(*step_sizes))


def convex_descent_stability(*, n, lipschitz, beta, step_sizes):
    n, L = _exact(n, lipschitz)
    return 2 * L**2 / n * mp.fsum(_exact(*step_sizes))


def strongly_convex_descent_stability(*, n, lipschitz, mu):
    n, L, mu = _exact(n, lipschitz, mu)
    return 2 * L**2 / (mu * n)


def non_convex_descent_stability(*, n, lipschitz, beta, c, steps):
    n, L, beta, c, T = _exact(n, lipschitz, beta, c, steps)
    q = beta * c
    return (1 + 1 / q) / (n - 1) * (2 * c * L**2) ** (1 / (q + 1)) * T ** (q / (q + 1))


def self_bounded_distance(*, n, steps, learning_rate, beta, c, delta, distance, loss):
    n, T, eta, c, delta, R, F = _exact(n, steps, learning_rate, c, delta, distance, loss)
    return eta * c * T / n * (R**2 / (eta * T) + 2 * F) ** (1 - delta)


def separable_descent_distance(*, n, margin, radius, steps, learning_rate):
    n, gamma, B, T, eta = _exact(n, margin, radius, steps, learning_rate)
    return B / n * (mp.log(T) ** 2 / gamma**2 + 2 * eta)
