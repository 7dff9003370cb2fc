"""The multi-head bounds with 50 digits, each written from its statement on paper."""

from mpmath import mp, mpf

from tests.oracles import head_formulas

mp.dps = 50


def _exact(*numbers):
    return [mpf(int(x)) if isinstance(x, int) else mpf(float(x)) for x in numbers]


def published(*, n, margin, radius, steps, heads, delta, C, xi, lam, nu):
    t, H, p, c, x = _exact(steps, heads, delta, C, xi)
    first = mp.sqrt((2 + 8 * mp.log(1 / p)) / H) * c * x * mp.log(mp.log(t)) / mp.log(t)
    return first + head_formulas.published(
        n=n, margin=margin, radius=radius, steps=steps, C=0.0, lam=lam, nu=nu
    )


def refined(*, bias, spread, heads, delta):
    b, s, H, p = _exact(bias, spread, heads, delta)
    return b + s * mp.sqrt((2 + 8 * mp.log(1 / p)) / H)


def concentration(*, spread, deviation, heads, delta, groups=1):
    s, v, H, p, G = _exact(spread, deviation, heads, delta, groups)
    return (s + v * mp.sqrt(2 * mp.log(1 / p) / G)) / mp.sqrt(H)


def heads_needed(*, delta):
    (p,) = _exact(delta)
    return mp.floor(2 + 8 * mp.log(1 / p)) + 1
