"""Contraction rates of gradient descent with step 1/beta, kept as logarithms so that no power loses
digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import positive_array
from tunebound.bounds.arguments import not_below

_TINY = float(np.finfo(np.float64).tiny)
_CURVATURE_REASON = (
    "the smoothness beta is the largest curvature and mu the smallest; swap them, or estimate both"
    " again"
)


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Rates of one step, for kappa = mu/beta and left-out losses with the given weights.

    Attributes
    ----------
    kappa : ndarray
        mu/beta, in (0, 1].
    complement : ndarray
        1 - kappa from beta - mu: no digits cancel for kappa near 1.
    share : ndarray
        Factor of kappa in the left-out step: (n-1)/n for weights 1/n, 1 for 1/(n-1).
    log_left_out : ndarray
        ln q, q = 1 - share * kappa: contraction of a step on a left-out loss; -inf where q = 0.
    log_full : ndarray
        ln p, p = 1 - kappa: contraction of a step on the full loss; -inf where kappa = 1.
    left_out_over_loss : ndarray
        ln(q/r), r = sqrt(p): contraction of the square root of the loss.
    left_out_over_full : ndarray
        ln(q/p), 0 or more.
    """

    kappa: Floats
    complement: Floats
    share: Floats
    log_left_out: Floats
    log_full: Floats
    left_out_over_loss: Floats
    left_out_over_full: Floats

    @property
    def log_loss(self) -> Floats:
        """Logarithm of r = sqrt(1 - kappa)."""
        return np.asarray(0.5 * self.log_full)


def curvature(mu: ArrayLike, beta: ArrayLike) -> tuple[Floats, Floats]:
    """Return mu and beta as float64 with beta >= mu > 0, up to rounding, and mu/beta inside
    float64.
    """
    mu, beta = positive_array("mu", mu), positive_array("beta", beta)
    not_below("beta", beta, "mu", mu, _CURVATURE_REASON)
    with np.errstate(under="ignore"):
        kappa = mu / beta
    if np.any(kappa < _TINY):
        raise ValueError(
            f"mu/beta is below {_TINY:.3g} (mu = {mu.tolist()}, beta = {beta.tolist()}): float64"
            " cannot tell it from 0"
        )
    return np.asarray(np.minimum(mu, beta)), beta


def rates(n: Floats, mu: Floats, beta: Floats, weighting: str) -> Rates:
    """Compute the rates of one step for checked arguments; `mu` and `beta` come from
    `curvature`.
    """
    kappa, complement = mu / beta, (beta - mu) / beta
    # 0/0 is of p = 0 and an n beyond 1e154, where only the logarithms count
    with np.errstate(divide="ignore", under="ignore", invalid="ignore"):
        log_full = np.where(kappa < 0.5, np.log1p(-kappa), np.log(complement))
        if weighting == "1/(n-1)":
            zero = np.zeros(np.broadcast_shapes(n.shape, kappa.shape))
            return Rates(
                kappa=kappa,
                complement=complement,
                share=zero + 1.0,
                log_left_out=zero + log_full,
                log_full=log_full,
                left_out_over_loss=zero + 0.5 * log_full,
                left_out_over_full=zero,
            )
        share = (n - 1) / n
        decrease = share * kappa
        log_left_out = np.where(decrease < 0.5, np.log1p(-decrease), np.log(complement + kappa / n))
        # q^2/p - 1, whose two terms cancel exactly where q = r; far from there the logarithms
        # themselves are sharper
        excess = kappa * (kappa / n / n / complement - (n - 2) / n)
        near = np.abs(excess) < 0.5
        left_out_over_loss = np.where(
            near, 0.5 * np.log1p(np.where(near, excess, 0.0)), log_left_out - 0.5 * log_full
        )
        return Rates(
            kappa=kappa,
            complement=complement,
            share=share,
            log_left_out=log_left_out,
            log_full=log_full,
            left_out_over_loss=left_out_over_loss,
            left_out_over_full=np.log1p(kappa / n / complement),
        )


def geometric_sum(
    log_first: Floats, log_second: Floats, log_ratio: Floats, steps: Floats
) -> tuple[Floats, Floats]:
    """Sum over t < T of a^(T-1-t) b^t, given ln a, ln b and ln(a/b), which carries the digits; a
    and b may be 0.

    As two factors: the sum itself may lie below float64 where another factor lifts it back.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        gap = np.abs(log_ratio)
        terms = np.where(gap > 0, np.expm1(-steps * gap) / np.expm1(-gap), steps)
        root = np.exp(power(np.maximum(log_first, log_second), steps - 1) / 2)
        return root, np.asarray(root * terms)


def power(logarithm: Floats, exponent: Floats) -> Floats:
    """Logarithm of a power, with 0^0 = 1."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.where(exponent == 0, 0.0, logarithm * exponent))
