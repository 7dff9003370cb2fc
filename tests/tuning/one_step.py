"""One batch as a method sees it, and the encoder by hand."""

from __future__ import annotations

import numpy as np
import torch

from tunebound import synthetic, tuning
from tunebound.tuning import ReplicaState
from tunebound.tuning.fine_tuning.iterate import Iterate

TASK = synthetic.make_token_task(12, length=4, vocabulary=8, seed=1)
COUNTED = np.array([1.0] * 9 + [0.0] * 3)
KEEP = np.random.default_rng(7).choice([0.0, 4 / 3], size=(12, 5), p=[0.25, 0.75])


def small_encoder():
    return tuning.TokenMLP(8, 4, embedding=3, width=5, seed=0).double()


def state(encoder, noise=None, counted=None):
    """Twelve sequences at the encoder's own parameters, two heads; the average of the iterates lies
    elsewhere.
    """
    tokens = torch.as_tensor(TASK.tokens)
    rng = np.random.default_rng(2)
    parameters = {key: value.detach() for key, value in encoder.named_parameters()}
    heads, biases = torch.tensor(rng.normal(size=(2, 5))), torch.tensor(rng.normal(size=2))
    return ReplicaState(
        encoder=encoder,
        parameters=parameters,
        start=parameters,
        heads=heads,
        biases=biases,
        trail=Iterate(
            {
                key: value + 0.1 * torch.tensor(rng.normal(size=value.shape))
                for key, value in parameters.items()
            },
            heads + 0.1,
            biases - 0.2,
        ),
        inputs=tokens,
        labels=torch.as_tensor(TASK.labels).double(),
        counted=torch.ones(12, dtype=torch.float64) if counted is None else counted,
        keep=torch.tensor(KEEP),
        features=encoder(tokens).detach(),
        noise={} if noise is None else noise,
    )


def features(parameters, noise):
    """The encoder by hand, with noise (n, length, embedding) on the embeddings."""
    values = {key: value.detach().numpy() for key, value in parameters.items()}
    embedded = (values["table"][TASK.tokens] + noise).reshape(12, -1)
    first = np.tanh(embedded @ values["first.weight"].T + values["first.bias"])
    return np.tanh(first @ values["second.weight"].T + values["second.bias"])
