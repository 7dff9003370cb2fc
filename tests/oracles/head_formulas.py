"""The head-tuning bounds with 50 digits, each written from its statement on paper; no bound is
reformulated.
"""

from mpmath import mp, mpf

mp.dps = 50


def _exact(*numbers):
    return [mpf(int(x)) if isinstance(x, int) else mpf(float(x)) for x in numbers]


def published(*, n, margin, radius, steps, C, lam, nu):
    n, gamma, B, t, C, lam, nu = _exact(n, margin, radius, steps, C, lam, nu)
    first = mp.sqrt(2 / (lam * n) * (1 + B / gamma))
    second = (B + mp.sqrt(B**2 + 8 * n * lam * (1 + B / gamma))) / (2 * n * lam)
    return C * mp.log(mp.log(t)) / mp.log(t) + nu * max(first, second)


def kkt(*, n, margin, radius, dual, nu):
    n, gamma, B, nu = _exact(n, margin, radius, nu)
    lam = 1 / (n * max(_exact(*dual)))
    first = mp.sqrt(2 / (lam * n) * (1 + B / gamma))
    second = (B + mp.sqrt(B**2 + 8 * n * lam * (1 + B / gamma))) / (2 * n * lam)
    return nu * max(first, second)


def ratio(*, margin, left_out_margins):
    gamma, left_out = _exact(margin, left_out_margins)
    return mp.sqrt(2 * (1 - gamma / left_out))


def pair(*, margin, dual, hinge):
    gamma, alpha, h = _exact(margin, dual, hinge)
    return gamma * mp.sqrt(2 * alpha * h)


def dual(*, margin, dual, norms):
    (gamma,) = _exact(margin)
    terms = [
        gamma * mp.sqrt(2 * a * (1 + x / gamma))
        for a, x in zip(_exact(*dual), _exact(*norms), strict=True)
    ]
    return mp.fsum(terms) / len(terms)


def support(*, n, margin, radius, n_support):
    n, gamma, B, k = _exact(n, margin, radius, n_support)
    return mp.sqrt(2 * k * (1 + B / gamma)) / n


def free(*, n, margin, radius):
    n, gamma, B = _exact(n, margin, radius)
    return mp.sqrt(2 * (1 + B / gamma) / n)


def trajectory(*, drift, norm, left_out_norms):
    drift, norm, left_out = _exact(drift, norm, left_out_norms)
    return 2 * drift / (norm + left_out)


def chord(*, drift, norm):
    with mp.workdps(400):  # the two differences cancel all but delta^2
        drift, norm = _exact(drift, norm)
        delta = drift / norm
        return mp.sqrt(2 - 2 * mp.sqrt(1 - delta**2)) if delta < 1 else mpf(2)


def anytime(*, n, margin, radius, progress=1.0, weighting="1/n"):
    n, gamma, B, progress = _exact(n, margin, radius, progress)
    return {"1/n": 2, "1/(n-1)": 4}[weighting] * B / (gamma * n) * progress


def direction(*, margin, head_margin):
    gamma, own = _exact(margin, head_margin)
    return mp.sqrt(2 * (1 - own / gamma))
