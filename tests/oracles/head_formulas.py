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


def _acute(sine):
    return 2 * mp.sin(mp.asin(sine) / 2) if sine < 1 else mp.sqrt(2)


def pair(*, margin, dual, hinge):
    gamma, alpha, h = _exact(margin, dual, hinge)
    return _acute(gamma * mp.sqrt(alpha * h))


def replacement(*, before, after):
    angles = [2 * mp.asin(min(chord / 2, 1)) for chord in _exact(before, after)]
    return 2 * mp.sin(min(mp.fsum(angles), mp.pi) / 2)


def dual(*, margin, dual, norms):
    (gamma,) = _exact(margin)
    terms = [
        _acute(gamma * mp.sqrt(a * (1 + x / gamma)))
        for a, x in zip(_exact(*dual), _exact(*norms), strict=True)
    ]
    return mp.fsum(terms) / len(terms)


def _sideways(margin, dual, norms):
    (gamma,) = _exact(margin)
    return [
        a * mp.sqrt((x / gamma) ** 2 - 1)
        for a, x in zip(_exact(*dual), _exact(*norms), strict=True)
    ]


def _turned(across, along, margin, others):
    (gamma,) = _exact(margin)
    cone = mp.acos(gamma / max(_exact(*others)))
    return 2 * mp.sin(min(mp.atan(across / along) if along > 0 else mp.pi / 2, cone) / 2)


def _without(values, i):
    return [value for j, value in enumerate(values) if j != i]


def deletion(*, margin, dual, norms):
    across, shares = _sideways(margin, dual, norms), _exact(*dual)
    return [
        _turned(across[i], mp.fsum(_without(shares, i)), margin, _without(norms, i))
        for i in range(len(shares))
    ]


def deletion_group(*, margin, dual, norms, left_out):
    across, shares = _sideways(margin, dual, norms), _exact(*dual)
    gone = mp.fsum(s for s, out in zip(across, left_out, strict=True) if out)
    stays = [i for i, out in enumerate(left_out) if not out]
    return _turned(gone, mp.fsum(shares[i] for i in stays), margin, [norms[i] for i in stays])


def deletion_worst(*, margin, dual, norms, size):
    size = int(size)
    across, shares = sorted(_sideways(margin, dual, norms)), sorted(_exact(*dual))
    return _turned(mp.fsum(across[-size:]), mp.fsum(shares[:-size]), margin, norms)


def _largest(function, low, high, pieces=48):
    """The maximum over an interval: the best piece of a grid, then golden sections of it."""
    grid = [low + (high - low) * k / pieces for k in range(pieces + 1)]
    best = max(range(pieces + 1), key=lambda k: function(grid[k]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, pieces)]
    golden = (mp.sqrt(5) - 1) / 2
    for _ in range(70):
        first, second = high - golden * (high - low), low + golden * (high - low)
        if function(first) < function(second):
            low = first
        else:
            high = second
    return function((low + high) / 2)


def limit(*, n, margin, radius, size=1):
    n, gamma, B, size = _exact(n, margin, radius, size)
    rho = B / gamma
    across = mp.sqrt((B - gamma) * (B + gamma)) / B

    def along(theta):
        return across * mp.cos(theta) / mp.cos(theta / 2) + 2 / rho * mp.sin(theta / 2)

    return _largest(along, mpf(0), mp.acos(1 / rho)) * size * rho / n


def simplex(*, n, margin, radius):
    n, gamma, B = _exact(n, margin, radius)
    return 2 * mp.sin(mp.atan(mp.sqrt((B / gamma) ** 2 - 1) / (n - 1)) / 2)


def simplex_worst(*, n, margin, radius):
    # over the radii: with tan of the angle between the heads as the variable
    n, gamma, B = _exact(n, margin, radius)

    def constant(angle):
        return 2 * n * mp.sin(angle / 2) / mp.sqrt(1 + ((n - 1) * mp.tan(angle)) ** 2)

    return _largest(constant, mpf(0), min(mp.pi / 2, 4 / mp.sqrt(n)), 400) * B / (gamma * n)


def _anytime_constant(rho):
    psi = mp.acos(1 / rho)

    def at(omega):
        if omega + psi <= mp.pi / 2:
            return mp.cos(omega) / mp.cos((omega + psi) / 2)
        return 2 * mp.cos(omega) * mp.sin((omega + psi) / 2)

    return _largest(at, mpf(0), mp.pi / 2)


def anytime(*, n, margin, radius, weighting="1/n"):
    n, gamma, B = _exact(n, margin, radius)
    rho = B / gamma
    constant = _anytime_constant(max(rho, mpf(1)))  # a radius below the margin is its rounding
    same = constant * rho / n
    if weighting == "1/n" or n == 2:
        return same
    sine = rho / (n - 1)
    return same + min([constant * sine, *([2 * mp.sin(mp.asin(sine) / 2)] if sine < 1 else [])])


def anytime_flow(*, n, margin, radius):
    n, gamma, B = _exact(n, margin, radius)
    rho = B / gamma
    wide = max(rho, mpf(1))
    twice = min(2 * mp.acos(1 / wide), mp.pi / 2)
    turned = mp.log(n / (n - 1)) * mp.sin(twice) if n > 2 else mpf(0)
    return _anytime_constant(wide) * rho / n + 2 * mp.sin(turned / 2)


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
    with mp.workdps(700):  # the two differences cancel all but delta^2
        drift, norm = _exact(drift, norm)
        delta = drift / norm
        return mp.sqrt(2 - 2 * mp.sqrt(1 - delta**2)) if delta < 1 else mpf(2)


def anytime_plain(*, n, margin, radius, progress=1.0, weighting="1/n"):
    n, gamma, B, progress = _exact(n, margin, radius, progress)
    return {"1/n": 2, "1/(n-1)": 4}[weighting] * B / (gamma * n) * progress


def direction(*, margin, head_margin):
    gamma, own = _exact(margin, head_margin)
    return mp.sqrt(2 * (1 - own / gamma))


def _copies(n, margin, radius, learning_rate, steps, largest):
    n, gamma, B, eta, t = _exact(n, margin, radius, learning_rate, steps)
    with mp.workdps(max(120, mp.dps)):  # u is told from 0 where kappa is 1e-60
        r = 1 / mp.sqrt(1 / gamma**2 - 1 / B**2)
        ends = []
        for kappa, high in zip((eta * B**2 * (n - 1) / n, eta * r**2 / n), largest, strict=True):
            first = mp.exp(kappa / 2)
            v = kappa / 2 + first + kappa * (t - 1)
            if high:
                c = mp.exp(kappa / (1 + first))
                v += kappa * c * mp.log(1 + kappa * (t - 1) / (5 + first))
            ends.append(mp.findroot(lambda u, v=v: mp.log(v - u) - u, mp.log(v)))
        head, separator = (ends[0] / B, ends[1] / r), (1 / B, 1 / r)
        across = head[0] * separator[1] - head[1] * separator[0]
        along = head[0] * separator[0] + head[1] * separator[1]
        return max(mpf(0), 2 * mp.sin(mp.atan2(across, along) / 2))


def copies_lower(**data):
    return _copies(**data, largest=(False, True))


def copies_upper(**data):
    return _copies(**data, largest=(True, False))
