"""Every method, with mini-batches, dropout, its own noise and a sample left out, against one
replica at a time with torch's optimiser.
"""

import numpy as np
import pytest
import torch

from tests.oracles.fine_tuning import fine_tune_one
from tests.tuning.ready import ready
from tunebound import synthetic, tuning

LENGTH, VOCABULARY = 6, 16
TASK = synthetic.make_token_task(14, length=LENGTH, vocabulary=VOCABULARY, seed=1)


def compare_one_by_one(encoder, method, given, **options):
    """Replicas (seed, sample left out) tuned together, against one after the other."""
    steps = options.setdefault("steps", 9)
    together = tuning.fine_tune(
        encoder,
        TASK.tokens,
        TASK.labels,
        method=ready(method, length=LENGTH, vocabulary=VOCABULARY),
        seeds=[seed for seed, _ in given],
        left_out=[sample for _, sample in given],
        steps=steps,
        learning_rate=options["rate"],
        batch_size=options["batch"],
        dropout=0.25,
        optimiser=options.get("optimiser", "sgd"),
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
            dropout=0.25,
            **options,
        )
        flat = torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy()
        for mine, other in (
            (together.flat_parameters[place], flat),
            (together.head[place], head),
            (together.bias[place], bias),
            (together.losses[place], losses),
        ):
            np.testing.assert_allclose(mine, other, rtol=0, atol=1e-11)


@pytest.mark.parametrize("kind", [tuning.TokenMLP, tuning.TokenTransformer])
@pytest.mark.parametrize("method", tuning.methods())
def test_a_replica_is_what_one_by_one_training_gives(kind, method):
    encoder = kind(VOCABULARY, LENGTH, width=6, seed=0)
    given = [(3, None), (3, 2), (8, 5), (2**40, 13)]
    compare_one_by_one(encoder, method, given, rate=0.3, batch=4)


@pytest.mark.parametrize("method", ["layerwise_rates", "mixout", "recall_adam"])
def test_layers_above_the_second_are_tuned_as_the_others(method):
    encoder = tuning.TokenMLP(VOCABULARY, LENGTH, width=6, layers=4, seed=0)
    compare_one_by_one(encoder, method, [(3, None), (3, 2)], rate=0.3, batch=4)


@pytest.mark.parametrize("method", ["linear_probing", "recall_adam", "warm_up"])
def test_schedules_are_those_of_longer_runs_too(method):
    encoder = tuning.TokenMLP(VOCABULARY, LENGTH, width=6, seed=0)
    compare_one_by_one(encoder, method, [(3, None), (3, 2)], rate=0.3, batch=4, steps=40)


@pytest.mark.parametrize("optimiser", ["adam", "adam_uncorrected", "adamw"])
@pytest.mark.parametrize(
    "method", ["plain", "warm_up", "linear_probing", "layerwise_rates", "multi_head", "mixout"]
)
def test_a_method_without_an_optimiser_of_its_own_takes_the_given_one(method, optimiser):
    encoder = tuning.TokenMLP(VOCABULARY, LENGTH, width=6, seed=0)
    given = [(3, None), (8, 5)]
    compare_one_by_one(encoder, method, given, rate=0.02, batch=4, optimiser=optimiser)


@pytest.mark.parametrize("method", ["plain", "l2_sp", "recall_adam", "free_adversarial"])
def test_batches_of_the_left_out_sample_alone_hold_no_data(method):
    encoder = tuning.TokenMLP(VOCABULARY, LENGTH, width=6, seed=0)
    order = torch.randperm(14, generator=torch.Generator().manual_seed(3 * 3)).tolist()
    compare_one_by_one(encoder, method, [(3, order[4])], rate=0.2, batch=1)


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
