"""The bounds for several classes with 50 digits, from their statements on paper: vectors in R^{Kd}
where a statement speaks of vectors.
"""

from mpmath import mp, mpf

from tests.oracles import head_formulas

mp.dps = 50


def deletion(*, margin, dual, norms):
    """Angles by components: along U every constraint on the margin has γ, and Σ_k α_ik z_ik has the
    norm of its coefficients (Σ_k α_ik, −α_ik, …) times ‖x_i‖.
    """
    gamma = mpf(float(margin))
    dual = [[mpf(float(a)) for a in row] for row in dual]
    norms = [mpf(float(x)) for x in norms]
    bounds = []
    for i, row in enumerate(dual):
        own = mp.fsum(row)
        squared = (own**2 + mp.fsum(a**2 for a in row)) * norms[i] ** 2
        across = mp.sqrt(squared - (gamma * own) ** 2) if own > 0 else mpf(0)
        along = gamma * mp.fsum(mp.fsum(other) for j, other in enumerate(dual) if j != i)
        turned = mp.atan(across / along) if along > 0 else mp.pi / 2
        widest = max(mp.sqrt(2) * x for j, x in enumerate(norms) if j != i)
        bounds.append(2 * mp.sin(min(turned, mp.acos(gamma / widest)) / 2))
    return bounds


def _rho(margin, radius):
    return mp.sqrt(2) * mpf(float(radius)) / mpf(float(margin))


def limit(*, n, margin, radius):
    rho = _rho(margin, radius)
    psi = mp.acos(1 / rho)

    def at(theta):
        bracket = mp.sqrt(1 - rho**-2) * mp.cos(theta) / mp.cos(theta / 2)
        return bracket + 2 / rho * mp.sin(theta / 2)

    return head_formulas._largest(at, mpf(0), psi) * rho / n


def anytime(*, n, margin, radius, weighting="1/n"):
    rho = _rho(margin, radius)
    constant = head_formulas._anytime_constant(rho)
    same = constant * rho / n
    if weighting == "1/n" or n == 2:
        return same
    sine = rho / (n - 1)
    chord = [2 * mp.sin(mp.asin(sine) / 2)] if sine < 1 else []
    return same + min([constant * sine, *chord])


def anytime_plain(*, n, margin, radius, progress=1.0, weighting="1/n"):
    factor = {"1/n": 2, "1/(n-1)": 4}[weighting]
    return factor * _rho(margin, radius) / n * mpf(float(progress))
