"""Sparse samples."""

from __future__ import annotations

import math

import numpy as np

from tunebound.synthetic.planting import balance_columns, part_cloud, random_direction
from tunebound.synthetic.registry import COMMON_OPTIONS, Option, Planted, Request, register_family


@register_family(
    "sparse",
    summary=(
        "Few non-zero features in each sample: the separator lives on a few features that all"
        " samples use, the rest is sparse."
    ),
    options={
        **COMMON_OPTIONS,
        "density": Option(
            default=0.25,
            meaning="expected share of non-zero features",
            kind=float,
            low=0.01,
            high=1.0,
        ),
    },
)
def sparse(request: Request, rng: np.random.Generator) -> Planted:
    """Part a sparse cloud without filling its zeros."""
    n, d, density = request.n, request.d, request.options["density"]
    informative = min(d - 1, max(1, math.ceil(0.5 * density * d)))
    features = rng.permutation(d)
    separator = np.zeros(d)
    separator[features[:informative]] = random_direction(informative, rng)
    others = features[informative:]
    size = request.support_size(at_most=min(d, others.size + 1))
    filled = (
        rng.uniform(size=(n, others.size)) < density * d / others.size - informative / others.size
    )
    values = rng.standard_normal((n, others.size)) * filled
    # Neighbouring support vectors share a feature with opposite signs: every column in use can then
    # be balanced, and the support vectors stay linearly independent.
    for row in range(size - 1):
        column = row % others.size
        sizes = 0.5 + np.abs(rng.standard_normal(2))
        values[row, column], values[row + 1, column] = sizes[0], -sizes[1]
    cloud = np.zeros((n, d))
    cloud[:, others] = values
    # On the separator's side from the start: mirroring a sample would undo the opposite signs.
    along = np.abs(rng.standard_normal(n))
    return part_cloud(
        request,
        cloud + np.outer(along, separator),
        separator,
        rng,
        n_support=size,
        balance=balance_columns,
    )
