"""What `bounds.regularised` certifies of one Newton step, rounding included, from the statement on
paper with 50 digits: explicit matrices, one left-out sample at a time.
"""

from dataclasses import dataclass

from mpmath import mp, mpf

DIGITS = 50
UNIT = mpf(2) ** -52


@dataclass(frozen=True)
class Stated:
    """Of the step for one left-out sample: its weights and gradient, and what it is off by."""

    weights: mp.matrix
    gradient: mp.matrix
    tau: mpf
    reach: mpf
    error: mpf
    inverse: mp.matrix
    inflation: mpf

    def prediction(self, point):
        """Value at a point and its error without the rounding of the product."""
        x = column(point)
        size = mp.sqrt((x.T * self.inverse * x)[0])
        return (x.T * self.weights)[0], size * self.inflation * self.error


def column(values):
    return mp.matrix([mpf(float(value)) for value in values])


def inner(a, b):
    return (a.T * b)[0]


def length(a):
    return mp.sqrt(inner(a, a))


def largest_of_inverse(X, curvatures, lam):
    """1/lam + 1/(b^2 sum k) + |mean|^2/(b^2 lam), the constant b last."""
    b, total = mpf(float(X[0][-1])), sum(curvatures)
    mean = mp.zeros(len(X[0]) - 1, 1)
    for x, k in zip(X, curvatures, strict=True):
        mean += k / total * column(x[:-1])
    return 1 / lam + 1 / (b**2 * total) + inner(mean, mean) / (b**2 * lam)


def stated(X, y, w, lam, i, bias=False):
    """The certificate of sample i."""
    with mp.workdps(DIGITS):
        n, d = len(y), len(X[0])
        lam, w = mpf(float(lam)), column(w)
        Z = [float(y[j]) * column(X[j]) for j in range(n)]
        p = [1 / (1 + mp.exp(inner(z, w))) for z in Z]
        k = [q * (1 - q) / n for q in p]
        penalty = lam * mp.eye(d)
        if bias:
            penalty[d - 1, d - 1] = 0
        inverse_of_whole = largest_of_inverse(X, k, lam) if bias else 1 / lam
        condition = (lam + sum(a * inner(z, z) for a, z in zip(k, Z, strict=True))) * (
            inverse_of_whole
        )
        hessian, gradient = penalty.copy(), penalty * w
        for j in range(n):
            hessian += k[j] * Z[j] * Z[j].T
            gradient -= p[j] / n * Z[j]
        kept = 1 - k[i] * inner(Z[i], hessian**-1 * Z[i])
        rounding = 4 * (d + 8) * UNIT * condition
        inflation = 1 + rounding / kept
        inverse = (hessian - k[i] * Z[i] * Z[i].T) ** -1
        gradient += p[i] / n * Z[i]
        floor = sum(a * length(z) for a, z in zip(p, Z, strict=True)) / n
        floor += (sum(a * inner(z, z) for a, z in zip(k, Z, strict=True)) + lam) * length(w)
        floor *= (n + d + 8) * UNIT * mp.sqrt(inverse_of_whole / kept if bias else inverse_of_whole)
        exact = mp.sqrt(inner(gradient, inverse * gradient))
        size = exact * inflation + floor
        others = max(mp.sqrt(inner(Z[j], inverse * Z[j])) for j in range(n) if j != i)
        tau = others * inflation * size
        reach = error = mp.inf
        if tau < 1:
            reach = -mp.log(1 - tau)
            error = (reach / tau - 1) * size + (inflation - 1) * size + floor
        return Stated(w - inverse * gradient, gradient, tau, reach, error, inverse, inflation)
