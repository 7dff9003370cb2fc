"""The full-tuning bounds with 50 digits or more, written as sums and powers from their statements;
nothing is reformulated.
"""

from mpmath import mp, mpf

# powers close to each other cancel: kappa = 1e-15 and n = 2 lose 31 digits, small powers more
DIGITS = 400


def _exact(*numbers):
    return [mpf(int(x)) if isinstance(x, int) else mpf(float(x)) for x in numbers]


def _sum(q, r, T):
    """Sum over t < T of q^(T-1-t) r^t: term by term where that can be done, else the closed
    form.
    """
    if T <= 60:
        return mp.fsum(q ** (int(T) - 1 - t) * r**t for t in range(int(T)))
    return T * q ** (T - 1) if q == r else (r**T - q**T) / (r - q)


def _rates(n, mu, beta, weighting):
    kappa = mu / beta
    share = (n - 1) / n if weighting == "1/n" else 1
    return 1 - kappa * share, 1 - kappa, n if weighting == "1/n" else n - 1


def published(*, n, lipschitz, mu, beta, distance):
    with mp.workdps(DIGITS):
        n, L, mu, beta, R = _exact(n, lipschitz, mu, beta, distance)
        if mu == beta:
            return mpf(0)
        return mp.sqrt(2 * L * R / beta) / (n * ((1 - mu / beta) ** (-mpf(1) / 4) - 1))


def closed(*, n, lipschitz, mu, beta, distance, weighting="1/n"):
    with mp.workdps(DIGITS):
        n, L, mu, beta, R = _exact(n, lipschitz, mu, beta, distance)
        q, p, others = _rates(n, mu, beta, weighting)
        return mp.sqrt(2 * L * R / beta) / (others * (1 - max(q, mp.sqrt(p))))


def steps(*, n, lipschitz, mu, beta, distance, steps, weighting="1/n"):
    with mp.workdps(DIGITS):
        n, L, mu, beta, R, T = _exact(n, lipschitz, mu, beta, distance, steps)
        q, p, others = _rates(n, mu, beta, weighting)
        return mp.sqrt(2 * L * R / beta) / others * _sum(q, mp.sqrt(p), T)


def data(*, n, mu, beta, initial_loss, steps, weighting="1/n"):
    with mp.workdps(DIGITS):
        n, mu, beta, loss, T = _exact(n, mu, beta, initial_loss, steps)
        q, p, others = _rates(n, mu, beta, weighting)
        return mp.sqrt(2 * loss / beta) / others * _sum(q, mp.sqrt(p), T)


def trajectory(*, n, mu, beta, gradient_norms, weighting="1/n"):
    with mp.workdps(DIGITS):
        n, mu, beta = _exact(n, mu, beta)
        q, _, others = _rates(n, mu, beta, weighting)
        norms = _exact(*gradient_norms)
        return mp.fsum(q ** (len(norms) - 1 - t) * norm for t, norm in enumerate(norms)) / (
            beta * others
        )


def contraction(*, n, mu, beta, distance, steps, weighting="1/n"):
    with mp.workdps(DIGITS):
        size = dict(n=n, mu=mu, beta=beta, distance=distance, steps=steps, weighting=weighting)
        return min(drifting_apart(**size), by_the_minimiser(**size))


def drifting_apart(*, n, mu, beta, distance, steps, weighting="1/n"):
    with mp.workdps(DIGITS):
        n, mu, beta, R, T = _exact(n, mu, beta, distance, steps)
        q, p, _ = _rates(n, mu, beta, weighting)
        spread = 1 if weighting == "1/n" else 1 - mu / beta
        return R / n * spread * _sum(q, p, T)


def by_the_minimiser(*, n, mu, beta, distance, steps, weighting="1/n"):
    with mp.workdps(DIGITS):
        n, mu, beta, R, T = _exact(n, mu, beta, distance, steps)
        q, p, _ = _rates(n, mu, beta, weighting)
        return R * (q**T + p**T)


def worst_quadratic(*, n, mu, beta, distance, steps, weighting="1/n"):
    """Value of the one-dimensional problem with curvature mu for the others and beta for the
    left-out sample.
    """
    with mp.workdps(DIGITS):
        n, mu, beta, R, T = _exact(n, mu, beta, distance, steps)
        all_samples = ((n - 1) * mu + beta) / n
        others = (n - 1) * mu / n if weighting == "1/n" else mu
        return R * abs((1 - all_samples / beta) ** T - (1 - others / beta) ** T)


def off_interpolation(*, n, mu, beta, steps, gradient_norm, weighting="1/n"):
    """The sum that the proof leaves, (1/(beta others)) sum_{t<T} q^t |grad f_i(w*)|."""
    with mp.workdps(DIGITS):
        n, mu, beta, T, gradient = _exact(n, mu, beta, steps, gradient_norm)
        q, _, others = _rates(n, mu, beta, weighting)
        return gradient / (beta * others) * (1 - q**T) / (1 - q)


def minimiser_shift(*, n, mu, gradient_norm):
    with mp.workdps(DIGITS):
        n, mu, gradient = _exact(n, mu, gradient_norm)
        return gradient / (mu * (n - 1))
