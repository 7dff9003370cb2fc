"""Small tasks for a pre-trained encoder; each seed has a world, a corpus and an encoder of its
own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tunebound import synthetic, tuning
from tunebound._ground.arrays import Integers

VOCABULARY, TOPICS, LENGTH = 64, 8, 8
CORPUS, CORPUS_SEED = 2048, 2**31  # no sample has that seed
PRETRAINING = 120
SHIFT = 0.3
TEST = 64


@dataclass(frozen=True)
class Task:
    """An encoder at w_0, the sample that it is tuned on, and unlabelled inputs to compare
    predictions on.

    Attributes
    ----------
    encoder : TokenEncoder
    tokens : (n, length)
    labels : (n,)
        −1 and +1, as many of each.
    others : (64, length)
    """

    encoder: tuning.TokenEncoder
    tokens: Integers
    labels: Integers
    others: Integers


def make_task(seed: int, n: int) -> Task:
    """Pre-train the encoder of a world by masked reconstruction, stopped early, and draw n labelled
    sequences.
    """

    def sequences(count: int, drawn: int, shift: float) -> synthetic.TokenTask:
        return synthetic.make_token_task(
            count,
            length=LENGTH,
            vocabulary=VOCABULARY,
            topics=TOPICS,
            margin=0.0,
            shift=shift,
            world=seed,
            seed=drawn,
        )

    encoder = tuning.TokenMLP(VOCABULARY, LENGTH, seed=seed)
    before = tuning.pretrain(
        encoder, sequences(CORPUS, CORPUS_SEED, 0.0).tokens, steps=PRETRAINING, seed=seed
    )
    drawn = sequences(2 * n + TEST, seed, SHIFT)
    half = [np.flatnonzero(drawn.labels == label)[: n // 2] for label in (-1, 1)]
    chosen = np.sort(np.concatenate(half))
    others = np.setdiff1d(np.arange(drawn.n), chosen)[:TEST]
    return Task(before.encoder, drawn.tokens[chosen], drawn.labels[chosen], drawn.tokens[others])
