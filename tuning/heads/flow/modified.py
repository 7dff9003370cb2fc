"""The modified equation of gradient descent, and how far from descent it leads.

With f = −ηt∇F, H = ηt∇²F and u = ln t, descent follows dw/du = f + H f/(2t). Inserted into
w_{k+1} = w_k − η∇F(w_k), its solution misses by (4H²f − D_fH f)/(12t³) in every step, to leading
order. Descent does not expand, so that its iterates are at most the sum of these misses away.
"""

from __future__ import annotations

import torch
from torch import Tensor

# a correction below this share of the head, per unit of ln t, is left out
NEGLIGIBLE = 1e-11


def correction(u: Tensor, share: Tensor, bend: Tensor, missed: Tensor) -> tuple[Tensor, Tensor]:
    """How much of H f goes into the flow, and what is left out of descent.

    Parameters
    ----------
    u : (B, m)
        Log-times.
    share : (B, m)
        ‖H f‖/‖w‖ of the heads there.
    bend, missed
        H f, and 4H²f − D_fH f there; the last axes are heads and numbers.

    Returns
    -------
    half : (B, m, 1)
        1/(2t), or 0 where the correction of a head is negligible.
    left_out
        The rest of dw/du, with the opposite sign.
    """
    half = torch.exp(-u)[..., None] / 2
    negligible = half[..., 0] * share <= NEGLIGIBLE
    kept = torch.where(negligible[..., None], 0.0, half)
    return kept, missed * (half * half / 3) - bend * (half - kept)


def lengths(W: Tensor) -> Tensor:
    """‖w‖ of heads, (B, m)."""
    return torch.linalg.vector_norm(W, dim=-1)
