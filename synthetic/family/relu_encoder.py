"""Features of a random ReLU encoder."""

from __future__ import annotations

import numpy as np

from tunebound.synthetic.planting import (
    balance_columns,
    check_gap,
    dual_weights,
    even_labels,
    largest_scale,
    random_direction,
)
from tunebound.synthetic.registry import COMMON_OPTIONS, Option, Planted, Request, register_family


@register_family(
    "relu_encoder",
    summary=(
        "Features of a random ReLU layer over normal latent variables: none negative, many exactly"
        " zero, a common mean; pairs of opposite neurons carry the class."
    ),
    needs="d ≥ 3; √2·margin·(1 + gap) < radius; n_support ≥ 2",
    options={
        **COMMON_OPTIONS,
        "n_support": Option(
            default=None,
            meaning="number of support vectors (by default n/3, at most d/2)",
            kind=int,
            low=2,
        ),
        "latent": Option(
            default=None,
            meaning="number of latent variables (by default half of d, at least 2)",
            kind=int,
            low=2,
        ),
    },
)
def relu_encoder(request: Request, rng: np.random.Generator) -> Planted:
    """Plant through pairs of neurons relu(+g), relu(−g) of the class variable g; the other neurons
    are random.

    With positive unit pair strengths q the separator is (q, −q)/√2: a sample with |g| has distance
    |g|/√2 from the plane and norm |g| within the pairs. All other neurons are orthogonal to it. The
    support vectors' features are shrunk column by column until the classes' weighted means agree:
    no zero is filled, no sign changes.
    """
    n, d = request.n, request.d
    if d < 3:
        request.refuse(
            f"needs two neurons for the class and one more, got d={d}; raise d to 3 or more"
        )
    k = request.support_size(at_most=max(2, d // 2))
    root = float(np.sqrt(2.0))
    start = check_gap(request, k, stretch=root)
    pairs = max(1, d // 8)
    latent = request.options["latent"]
    if latent is None:
        latent = max(2, d // 2)
    rng.permutation(n)  # nothing uses it, but without it every seed would give other data
    # Both classes on the margin, so that their means can balance.
    support_labels = np.where(np.arange(k) % 2 == 0, 1, -1)
    labels = even_labels(support_labels, n, rng)
    hidden = rng.standard_normal((n, latent))
    hidden[:, 0] = labels * np.abs(hidden[:, 0])
    inputs = hidden @ rng.standard_normal((latent, d - 2 * pairs))
    # Neighbouring support vectors, one of each class, share an active neuron: it survives the
    # balancing below, and the support vectors stay linearly independent.
    for row in range(k - 1):
        column = row % inputs.shape[1]
        inputs[row : row + 2, column] = np.abs(inputs[row : row + 2, column])
    features = np.maximum(inputs, 0.0)
    weights = dual_weights(k, rng)
    for sign in (1, -1):
        side = np.flatnonzero(support_labels == sign)
        weights[side] *= 0.5 / weights[side].sum()
    signed = balance_columns(support_labels[:, None] * features[:k], weights)
    features[:k] = support_labels[:, None] * signed
    base, slope = np.full(n, start), np.abs(hidden[:, 0])
    base[:k], slope[:k] = request.margin, 0.0
    scale = largest_scale(
        root * base, root * slope, np.linalg.norm(features, axis=1), request.radius
    )
    strength = np.abs(random_direction(pairs, rng))
    active = np.outer(root * (base + scale * slope), strength)
    X = np.zeros((n, d))
    X[:, :pairs] = active * (labels == 1)[:, None]
    X[:, pairs : 2 * pairs] = active * (labels == -1)[:, None]
    X[:, 2 * pairs :] = scale * features
    separator = np.concatenate([strength, -strength, np.zeros(d - 2 * pairs)]) / root
    dual = np.zeros(n)
    dual[:k] = weights / request.margin**2
    return Planted(labels[:, None] * X, separator, dual, labels)
