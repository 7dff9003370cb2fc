"""Regularised minimisers and the certificates of one Newton step with 50 digits, by explicit
matrices; nothing is factorised or updated.
"""

from mpmath import mp, mpf

DIGITS = 50


def _column(values):
    return mp.matrix([mpf(float(value)) for value in values])


def _dot(a, b):
    return (a.T * b)[0]


def _gradient(Z, w, lam, n):
    total = lam * w
    for z in Z:
        total -= z / (1 + mp.exp(_dot(z, w))) / n
    return total


def _hessian(Z, w, lam, n):
    total = lam * mp.eye(len(w))
    for z in Z:
        p = 1 / (1 + mp.exp(_dot(z, w)))
        total += p * (1 - p) / n * z * z.T
    return total


def minimiser(X, y, lam, left_out=None):
    """Minimiser without sample `left_out`, the weights 1/n of the others unchanged."""
    with mp.workdps(DIGITS):
        n, lam = len(y), mpf(float(lam))
        Z = [float(y[j]) * _column(X[j]) for j in range(n) if j != left_out]
        w = mp.zeros(len(X[0]), 1)
        for _ in range(500):
            step = mp.lu_solve(_hessian(Z, w, lam, n), _gradient(Z, w, lam, n))
            move = max(abs(_dot(z, step)) for z in Z)
            w -= step * (mp.log(1 + move) / move if move else 1)
            if move < mpf(10) ** -40:
                return w
    raise AssertionError("no convergence")


def certificates(X, y, w, lam, i):
    """tau_i, R_i, the bound on the error in the norm of H_i, H_i itself and the approximation."""
    with mp.workdps(DIGITS):
        n, lam, w = len(y), mpf(float(lam)), _column(w)
        Z = [float(y[j]) * _column(X[j]) for j in range(n) if j != i]
        gradient, hessian = _gradient(Z, w, lam, n), _hessian(Z, w, lam, n)
        inverse = hessian**-1
        size = mp.sqrt(_dot(gradient, inverse * gradient))
        tau = max(mp.sqrt(_dot(z, inverse * z)) for z in Z) * size
        if tau >= 1:
            return tau, mp.inf, mp.inf, hessian, w - inverse * gradient
        reach = -mp.log(1 - tau)
        return tau, reach, (reach / tau - 1) * size, hessian, w - inverse * gradient
