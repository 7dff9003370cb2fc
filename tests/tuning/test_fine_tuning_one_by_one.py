"""Every method, with mini-batches, dropout, its own noise and a sample left out, against one
replica at a time with torch's optimiser.
"""

import numpy as np
import pytest
import torch

from tests.oracles.fine_tuning import fine_tune_one
from tunebound import synthetic, tuning

LENGTH, VOCABULARY = 6, 16
TASK = synthetic.make_token_task(14, length=LENGTH, vocabulary=VOCABULARY, seed=1)


@pytest.mark.parametrize("kind", [tuning.TokenMLP, tuning.TokenTransformer])
@pytest.mark.parametrize("method", tuning.methods())
def test_a_replica_is_what_one_by_one_training_gives(kind, method):
    encoder = kind(VOCABULARY, LENGTH, width=6, seed=0)
    given = [(3, None), (3, 2), (8, 5), (2**40, 13)]
    together = tuning.fine_tune(
        encoder,
        TASK.tokens,
        TASK.labels,
        method=method,
        seeds=[seed for seed, _ in given],
        left_out=[sample for _, sample in given],
        steps=9,
        learning_rate=0.3,
        batch_size=4,
        dropout=0.25,
    )
    for place, (seed, sample) in enumerate(given):
        start = {key: value[place] for key, value in together.start.items()}
        model, head, bias, losses = fine_tune_one(
            encoder,
            start,
            TASK.tokens,
            TASK.labels,
            method,
            seed=seed,
            left_out=sample,
            steps=9,
            rate=0.3,
            batch=4,
            dropout=0.25,
        )
        flat = torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy()
        np.testing.assert_allclose(together.flat_parameters[place], flat, rtol=0, atol=1e-11)
        np.testing.assert_allclose(together.head[place], head, rtol=0, atol=1e-11)
        np.testing.assert_allclose(together.bias[place], bias, rtol=0, atol=1e-11)
        np.testing.assert_allclose(together.losses[place], losses, rtol=0, atol=1e-11)


@pytest.mark.parametrize("kind", [tuning.TokenMLP, tuning.TokenTransformer])
def test_re_training_of_all_inputs_is_that_of_the_component(kind):
    encoder = kind(VOCABULARY, LENGTH, width=6, seed=0).double()
    tuned = tuning.fine_tune(
        encoder, TASK.tokens, TASK.labels, method="self_unsupervised", seeds=[4], steps=1
    )
    again = tuning.self_unsupervised_retraining(
        encoder, TASK.tokens, decoder=encoder.decoder(seed=0).double()
    )
    flat = torch.nn.utils.parameters_to_vector(again.encoder.parameters()).detach().numpy()
    np.testing.assert_allclose(tuned.flat_start[0], flat, rtol=0, atol=1e-10)
