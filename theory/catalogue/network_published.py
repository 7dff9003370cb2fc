"""The published full-tuning bound on a network: a local statement, whose assumptions are checked with estimates."""

import numpy as np

from bounds import full
from theory.settings.full_network import MEAN, NetworkEvidence
from theory.statement import Assumption, Claim, theorem

FITS = Assumption("the network fits every sample at w* (estimated by long training)", lambda evidence: evidence.interpolates)
CURVED = Assumption(
    "every sample's Hessian at w* is positive definite beyond its error (estimated by Lanczos); where a network fits a sample, the "
    "Hessian of its loss has rank one",
    lambda evidence: evidence.strongly_convex,
)


@theorem(
    "P-Full-network",
    statement="the bound of P-Full with μ, β, L, w* estimated at this network: a local statement",
    source="Fu, So & Collier, arXiv:2301.09820, full tuning; estimates by this project",
    setting="full-network",
    assumptions=(FITS, CURVED),
    rates={"n": -1, "distance": 0.5},
)
def published(evidence: NetworkEvidence) -> tuple[Claim, ...]:
    run = evidence.run
    bound = full.published(
        n=evidence.n,
        lipschitz=evidence.lipschitz.value,
        mu=evidence.end.smallest.value,
        beta=evidence.beta,
        distance=evidence.minimiser.distance.value,
    )
    measured = run.distance.mean(axis=1)
    return (Claim(measured, np.full_like(measured, bound), run.steps, evidence.resolution, "estimated", MEAN),)
