"""Fine-tuning methods: replicas alone and together, plain loops with autograd, and each method's
formula.
"""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from tests.oracles.fine_tuning_loop import fine_tuning_loop
from tests.tuning.ready import ready
from tunebound import synthetic, tuning
from tunebound.tuning.fine_tuning.methods import Method

LENGTH, VOCABULARY, N = 6, 16, 12
FEW = {"steps": 5, "learning_rate": 0.3, "batch_size": 4, "dropout": 0.2}


@pytest.fixture(scope="module")
def task():
    return synthetic.make_token_task(N, length=LENGTH, vocabulary=VOCABULARY, seed=1)


@pytest.fixture(scope="module")
def encoder():
    return tuning.TokenMLP(VOCABULARY, LENGTH, embedding=3, width=8, seed=0)


def tune(task, encoder, method="plain", seeds=(3,), **changed):
    return tuning.fine_tune(
        encoder,
        task.tokens,
        task.labels,
        method=made(method),
        seeds=list(seeds),
        **{**FEW, **changed},
    )


def made(method):
    return ready(method, length=LENGTH, vocabulary=VOCABULARY)


@pytest.mark.parametrize("method", tuning.methods())
def test_a_replica_is_the_same_whatever_the_others_are(task, encoder, method):
    together = tune(task, encoder, method, seeds=(3, 4, 3, 9), left_out=[None, 2, 5, None])
    for place, (seed, sample) in enumerate(((3, None), (4, 2), (3, 5), (9, None))):
        alone = tune(task, encoder, method, seeds=(seed,), left_out=[sample])
        np.testing.assert_allclose(
            together.flat_parameters[place], alone.flat_parameters[0], rtol=0, atol=1e-12
        )
        np.testing.assert_allclose(
            together.logits(task.tokens)[place], alone.logits(task.tokens)[0], rtol=0, atol=1e-12
        )
    assert np.abs(together.flat_parameters[0] - together.flat_parameters[3]).max() > 1e-6, (
        "seeds differ"
    )


@pytest.mark.parametrize("kind", [tuning.TokenMLP, tuning.TokenTransformer])
@pytest.mark.parametrize("method", tuning.methods())
def test_every_method_tunes_every_encoder_and_leaves_it_unchanged(task, kind, method):
    encoder = kind(VOCABULARY, LENGTH, width=8, seed=0)
    before = copy.deepcopy(encoder.state_dict())
    tuned = tune(task, encoder, method, steps=40)
    assert tuned.losses[0, -10:].mean() < tuned.losses[0, :10].mean()
    assert tuned.distance[0] > 0
    assert all(torch.equal(before[key], value) for key, value in encoder.state_dict().items())
    assert tuned.logits(task.tokens).shape == (1, N)


def loop(task, encoder, **changed):
    options = {
        "seed": 3,
        "steps": 9,
        "rate": FEW["learning_rate"],
        "batch": 5,
        "dropout": FEW["dropout"],
    }
    return fine_tuning_loop(encoder, task.tokens, task.labels, **{**options, **changed})


def close(actual, expected, tolerance=1e-10):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("kind", [tuning.TokenMLP, tuning.TokenTransformer])
@pytest.mark.parametrize("left_out", [None, 4])
def test_plain_is_the_loop_with_autograd_batch_by_batch(task, kind, left_out):
    # Batches of 5 from 12 samples: passes end within batches, so that a sample can be in one twice.
    encoder = kind(VOCABULARY, LENGTH, width=8, seed=0)
    tuned = tune(task, encoder, seeds=(7, 3), left_out=[None, left_out], steps=9, batch_size=5)
    trace = loop(task, encoder, left_out=left_out)
    close(tuned.flat_parameters[1], trace.encoders[-1])
    close(tuned.head[1], trace.heads[-1][0])
    close(tuned.bias[1], trace.biases[-1][0])
    close(tuned.losses[1], trace.losses)


def test_a_batch_of_which_a_replica_sees_nothing_moves_nothing(task, encoder):
    tuned = tune(task, encoder, left_out=[4], steps=N, batch_size=1, dropout=0.0)
    trace = loop(task, encoder, left_out=4, steps=N, batch=1, dropout=0.0)
    close(tuned.flat_parameters[0], trace.encoders[-1])
    assert (tuned.losses[0] == 0).sum() == 1, (
        "of one pass, the step with the sample that is left out"
    )


def test_averaging_is_the_mean_of_the_iterates_of_the_loop(task, encoder):
    trace = loop(task, encoder)
    averaged = tune(task, encoder, "weight_averaging", steps=9, batch_size=5)
    close(averaged.flat_parameters[0], np.mean(trace.encoders[4:], axis=0))
    close(averaged.head[0], np.mean(trace.heads[4:], axis=0)[0])
    close(averaged.bias[0], np.mean(trace.biases[4:]))
    third = tune(
        task,
        encoder,
        replace(tuning.methods()["weight_averaging"], strength=1 / 3),
        steps=9,
        batch_size=5,
    )
    close(third.flat_parameters[0], np.mean(trace.encoders[6:], axis=0))


def test_several_heads_are_those_of_the_loop(task, encoder):
    trace = loop(task, encoder, heads=3)
    tuned = tune(
        task, encoder, replace(tuning.methods()["multi_head"], strength=3), steps=9, batch_size=5
    )
    close(tuned.flat_parameters[0], trace.encoders[-1])
    close(tuned.head[0], trace.heads[-1].mean(axis=0))
    close(tuned.bias[0], trace.biases[-1].mean())


def test_heads_on_a_frozen_encoder_are_trained_as_if_each_were_alone(task, encoder):
    frozen = copy.deepcopy(encoder).requires_grad_(False)
    tuned = tune(
        task, frozen, replace(tuning.methods()["multi_head"], strength=3), steps=9, batch_size=5
    )
    alone = [loop(task, frozen, heads=3, only_head=place) for place in range(3)]
    close(tuned.head[0], np.mean([trace.heads[-1][0] for trace in alone], axis=0), 1e-12)
    close(tuned.bias[0], np.mean([trace.biases[-1][0] for trace in alone]), 1e-12)
    np.testing.assert_array_equal(tuned.distance, 0)


@pytest.mark.parametrize("method", tuning.methods())
def test_frozen_parameters_stay_where_tuning_starts(task, encoder, method):
    partly = copy.deepcopy(encoder)
    partly.table.requires_grad_(False)
    tuned = tune(task, partly, method)
    np.testing.assert_array_equal(tuned.parameters["table"], tuned.start["table"])
    np.testing.assert_allclose(
        tuned.start["table"][0], encoder.table.detach().double(), rtol=0, atol=0
    )
    assert tuned.distance[0] > 0


NOTHING = {
    "adversarial_smoothness": {"strength": 0},
    "free_adversarial": {"strength": 0},
    "l2_sp": {"strength": 0, "head_decay": 0},
    "layerwise_rates": {"strength": 1},
    "linear_probing": {"strength": 0},
    "maximal_margin": {"strength": 0},
    "mixout": {"strength": 0},
    "more_iterations": {"strength": 1},
    "multi_head": {"strength": 1},
    "noise_stability": {"strength": 0},
    "noise_stability_published": {"strength": 0},
    "smaller_step": {"strength": 1},
    "smaller_step_longer": {"strength": 1},
    "smoothness": {"strength": 0},
    "warm_up": {"strength": 0},
    "weight_averaging": {"strength": 0},
}


@pytest.mark.parametrize("method", NOTHING)
def test_a_method_without_strength_is_plain_fine_tuning(task, encoder, method):
    given = {"seeds": (3, 4), "left_out": [None, 2], "steps": 25}
    without = tune(task, encoder, replace(tuning.methods()[method], **NOTHING[method]), **given)
    plain = tune(task, encoder, **given)
    close(without.flat_parameters, plain.flat_parameters, 1e-13)
    close(without.logits(task.tokens), plain.logits(task.tokens), 1e-12)
    assert (
        np.abs(tune(task, encoder, method, **given).flat_parameters - plain.flat_parameters).max()
        > 1e-6
    ), "at its default it is not"


def test_encoders_of_the_result_are_those_of_its_features(task, encoder):
    tuned = tune(task, encoder, "reinitialisation", seeds=(3, 4))
    assert tuned.features(task.tokens).shape == (2, N, 8)
    for replica in range(2):
        after, before = tuned.tuned_encoder(replica), tuned.start_encoder(replica)
        with torch.no_grad():
            close(tuned.features(task.tokens)[replica], after(torch.as_tensor(task.tokens)), 1e-14)
        flat = [
            nn.utils.parameters_to_vector(model.parameters()).detach().numpy()
            for model in (after, before)
        ]
        assert tuned.distance[replica] == pytest.approx(
            np.linalg.norm(flat[0] - flat[1]), rel=1e-12
        )
    with pytest.raises(ValueError, match="replica must be below 2, the number of replicas, got 2"):
        tuned.tuned_encoder(2)
    with pytest.raises(
        ValueError, match=r"inputs must lie in \[0, 16\) for this encoder, got 1..16"
    ):
        tuned.logits(np.array([[1, VOCABULARY, 2, 3, 4, 5]]))


def l2_sp(encoder):
    start = [value.detach().double().clone() for value in encoder.parameters()]
    return lambda model, *_: (
        0.1
        / 2
        * sum(
            ((now - before) ** 2).sum()
            for now, before in zip(model.parameters(), start, strict=True)
        )
    )


def maximal_margin(_):
    def penalty(model, features, labels):
        if len(set(labels.tolist())) < 2:
            return 0.0
        return 1 / (
            1
            + torch.linalg.norm(
                features[labels > 0].mean(dim=0) - features[labels <= 0].mean(dim=0)
            )
        )

    return penalty


@pytest.mark.parametrize(
    ("method", "penalty", "changed"),
    [
        (replace(tuning.methods()["l2_sp"], head_decay=0), l2_sp, {}),
        ("maximal_margin", maximal_margin, {}),
        ("more_iterations", None, {"steps": 36}),
        ("smaller_step", None, {"rate": 0.3 / 4}),
        ("smaller_step_longer", None, {"rate": 0.3 / 4, "steps": 36}),
    ],
)
@pytest.mark.parametrize("left_out", [None, 4])
def test_methods_are_the_loop_with_their_formula(task, encoder, method, penalty, changed, left_out):
    tuned = tune(task, encoder, method, steps=9, batch_size=5, left_out=[left_out])
    trace = loop(task, encoder, left_out=left_out, penalty=penalty and penalty(encoder), **changed)
    close(tuned.flat_parameters[0], trace.encoders[-1])
    close(tuned.head[0], trace.heads[-1][0])
    close(tuned.losses[0], trace.losses)


READS_EVERY_INPUT = "self_unsupervised_common"  # by its definition, for the start of all replicas


@pytest.mark.parametrize("method", tuning.methods())
def test_a_left_out_sample_changes_nothing_by_its_label_or_tokens(task, encoder, method):
    tokens, labels = task.tokens.copy(), task.labels.copy()
    labels[4] = -labels[4]
    if method != READS_EVERY_INPUT:
        tokens[4] = (tokens[4] + 1) % VOCABULARY
    first = tune(task, encoder, method, left_out=[4])
    second = tuning.fine_tune(
        encoder, tokens, labels, method=made(method), seeds=[3], left_out=[4], **FEW
    )
    close(first.flat_parameters, second.flat_parameters, 1e-14)
    close(first.head, second.head, 1e-14)


def test_several_heads_predict_by_their_mean_and_each_follows_its_own_loss(task, encoder):
    many = tune(
        task,
        encoder,
        type(tuning.methods()["multi_head"])(strength=3),
        steps=1,
        batch_size=N,
        dropout=0.0,
    )
    assert many.head.shape == (1, 8)
    # With one head the method is plain fine-tuning.
    one = tune(task, encoder, type(tuning.methods()["multi_head"])(strength=1))
    np.testing.assert_allclose(
        one.flat_parameters, tune(task, encoder).flat_parameters, rtol=0, atol=1e-12
    )


def test_the_registry_knows_its_methods():
    assert next(iter(tuning.methods())) == "plain"
    assert len(tuning.methods()) >= 12
    for name, method in tuning.methods().items():
        assert isinstance(method, Method)
        assert name == method.name
        assert method.summary
        assert method.formula
        assert method.source


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"method": "plane"}, ValueError, "did you mean 'plain'"),
        ({"seeds": []}, ValueError, "seeds is empty"),
        ({"seeds": [-1]}, ValueError, "seeds must be at least 0"),
        (
            {"left_out": [1, 2]},
            ValueError,
            "left_out must name a sample or None for each of the 1 seeds",
        ),
        ({"left_out": [N]}, ValueError, "left_out names sample 12, but there are 12"),
        ({"steps": 0}, ValueError, "steps must be at least 1"),
        ({"learning_rate": float("nan")}, ValueError, "learning_rate must be finite"),
        ({"batch_size": True}, TypeError, "batch_size must be an integer"),
        ({"warm_up": 1.0}, ValueError, r"warm_up must be finite and in \[0, 1\), got 1.0"),
        ({"optimiser": "lion"}, ValueError, "optimiser must be one of 'sgd', 'adam', "),
        ({"dropout": 1.0}, ValueError, r"dropout must be finite and in \[0, 1\), got 1.0"),
    ],
)
def test_what_cannot_be_tuned_is_refused(task, encoder, changed, error, message):
    with pytest.raises(error, match=message):
        tune(task, encoder, **changed)


def test_samples_that_do_not_fit_are_refused(task, encoder):
    for tokens, labels, message in (
        (task.tokens[:, :3], task.labels, r"inputs must have shape \(N, 6\)"),
        (task.tokens + VOCABULARY, task.labels, "inputs must lie in"),
        (task.tokens, task.labels[:4], "y must have shape"),
        (task.tokens, np.ones(N), r"y holds only the class \+1; add samples of the other"),
    ):
        with pytest.raises(ValueError, match=message):
            tuning.fine_tune(encoder, tokens, labels, seeds=[0])
    with pytest.raises(TypeError, match="inputs must hold integers, got dtype float64"):
        tuning.fine_tune(encoder, task.tokens.astype(float), task.labels, seeds=[0])
    with pytest.raises(ValueError, match="at least 2 samples"):
        tuning.fine_tune(encoder, task.tokens[:1], task.labels[:1], seeds=[0])
    with pytest.raises(
        TypeError,
        match=r"seeds must be a sequence of integers, one replica each, got 3; write \[3\]",
    ):
        tuning.fine_tune(encoder, task.tokens, task.labels, seeds=3)
    with pytest.raises(TypeError, match="left_out must be a sequence of a sample or None"):
        tuning.fine_tune(encoder, task.tokens, task.labels, seeds=[0], left_out=3)
    lonely = np.where(np.arange(N) == 2, 1, -1)
    with pytest.raises(ValueError, match="the only one of its class"):
        tuning.fine_tune(encoder, task.tokens, lonely, seeds=[0], left_out=[2])
    with pytest.raises(
        FloatingPointError,
        match=(
            r"l2_sp: the replica of seed 5 is no longer finite after \d+ steps .* lower"
            r" learning_rate"
        ),
    ):
        tuning.fine_tune(
            encoder, task.tokens, task.labels, seeds=[5], method="l2_sp", learning_rate=1e200
        )
