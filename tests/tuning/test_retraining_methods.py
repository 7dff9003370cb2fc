"""Re-training before fine-tuning: on the inputs that a replica sees, on all of them, on others."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from tests.tuning.one_step import TASK, small_encoder
from tunebound import synthetic, tuning

CORPUS = synthetic.make_token_task(40, length=4, vocabulary=8, seed=9).tokens
OTHER = TASK.tokens.copy()
OTHER[4] = (OTHER[4] + 1) % 8


@pytest.fixture
def encoder():
    return small_encoder()


def tune(encoder, method, tokens=TASK.tokens, labels=TASK.labels, **given):
    made = tuning.find_method(method)
    return tuning.fine_tune(
        encoder, tokens, labels, method=made, **{"seeds": [3], "steps": 5, **given}
    )


@pytest.mark.parametrize("fresh", [True, False])
def test_re_training_of_replicas_is_re_training_by_an_optimiser(encoder, fresh):
    decoder = None if fresh else encoder.decoder(seed=6).double()
    method = replace(tuning.methods()["self_unsupervised"], strength=30, decoder=decoder)
    options = {"seeds": [1, 2, 1], "left_out": [None, 5, 5], "steps": 1}
    tuned = tune(encoder, method, **options)
    by_adam = tuning.self_unsupervised_retraining(
        encoder, TASK.tokens, steps=30, decoder=decoder, seed=0
    )
    for key, value in by_adam.encoder.named_parameters():
        np.testing.assert_allclose(tuned.start[key][0], value.detach(), rtol=0, atol=1e-10)
    np.testing.assert_array_equal(tuned.flat_start[1], tuned.flat_start[2])
    assert np.abs(tuned.flat_start[0] - tuned.flat_start[1]).max() > 1e-4


def test_re_training_does_not_read_the_input_that_is_left_out_nor_any_label(encoder):
    first = tune(encoder, "self_unsupervised", left_out=[4])
    second = tune(encoder, "self_unsupervised", tokens=OTHER, left_out=[4])
    np.testing.assert_allclose(first.flat_start, second.flat_start, rtol=0, atol=1e-14)
    flipped = tune(encoder, "self_unsupervised", labels=-TASK.labels, left_out=[4])
    np.testing.assert_allclose(first.flat_start, flipped.flat_start, rtol=0, atol=1e-14)
    seeds = tune(encoder, "self_unsupervised", seeds=[3, 8])
    assert np.array_equal(seeds.flat_start[0], seeds.flat_start[1]), "one checkpoint for all seeds"
    assert np.abs(seeds.flat_start[0] - first.flat_start[0]).max() > 1e-6


def test_a_common_start_has_read_all_inputs_and_no_label(encoder):
    given = {"seeds": [3, 3, 8], "left_out": [None, 4, 7]}
    tuned = tune(encoder, "self_unsupervised_common", **given)
    assert np.array_equal(tuned.flat_start[0], tuned.flat_start[1])
    assert np.array_equal(tuned.flat_start[0], tuned.flat_start[2])
    alone = tune(encoder, "self_unsupervised")
    np.testing.assert_allclose(tuned.flat_start[0], alone.flat_start[0], rtol=0, atol=1e-14)
    flipped = tune(encoder, "self_unsupervised_common", labels=-TASK.labels, left_out=[4])
    np.testing.assert_allclose(flipped.flat_start[0], tuned.flat_start[0], rtol=0, atol=1e-14)
    # what it means that the start has read the left-out sample
    other = tune(encoder, "self_unsupervised_common", tokens=OTHER, left_out=[4])
    assert np.abs(other.flat_start[0] - tuned.flat_start[0]).max() > 1e-6
    assert np.abs(tuned.flat_parameters[0] - tuned.flat_parameters[1]).max() > 1e-6


def test_further_pre_training_reads_its_corpus_and_nothing_of_the_task(encoder):
    decoder = encoder.decoder(seed=6).double()
    method = replace(
        tuning.methods()["further_pretraining"], strength=30, corpus=CORPUS, decoder=decoder
    )
    tuned = tune(encoder, method, seeds=[1, 2], left_out=[None, 5])
    by_adam = tuning.self_unsupervised_retraining(encoder, CORPUS, steps=30, decoder=decoder)
    for key, value in by_adam.encoder.named_parameters():
        np.testing.assert_allclose(tuned.start[key][0], value.detach(), rtol=0, atol=1e-10)
    assert np.array_equal(tuned.flat_start[0], tuned.flat_start[1])
    other = tune(encoder, method, tokens=OTHER, labels=-TASK.labels)
    np.testing.assert_array_equal(other.flat_start[0], tuned.flat_start[0])


def test_further_pre_training_asks_for_a_corpus_that_fits(encoder):
    method = tuning.methods()["further_pretraining"]
    with pytest.raises(
        ValueError, match=r"further_pretraining has no corpus to read; give it one with"
    ):
        tune(encoder, method)
    with pytest.raises(ValueError, match=r"corpus must have shape \(N, 4\) for this encoder"):
        tune(encoder, replace(method, corpus=CORPUS[:, :3]))


def test_re_training_lowers_the_loss_of_reconstruction():
    length, vocabulary = 6, 16
    task = synthetic.make_token_task(12, length=length, vocabulary=vocabulary, seed=1)
    corpus = synthetic.make_token_task(512, length=length, vocabulary=vocabulary, seed=10_000)
    before = tuning.pretrain(
        tuning.TokenMLP(vocabulary, length, width=16, seed=0), corpus.tokens, steps=60
    )
    method = type(tuning.methods()["self_unsupervised"])(decoder=before.decoder)
    after = tune(before.encoder, method, tokens=task.tokens, labels=task.labels).start_encoder(0)

    def loss(model):
        tokens = torch.as_tensor(task.tokens)
        losses = []
        for position in range(length):
            visible = tokens.clone()
            visible[:, position] = model.mask_token
            with torch.no_grad():
                logits = before.decoder.double()(copy.deepcopy(model).double().hidden(visible))[
                    :, position
                ]
            losses.append(float(nn.functional.cross_entropy(logits, tokens[:, position])))
        return np.mean(losses)

    assert loss(after) < loss(before.encoder), (
        "with the decoder as it was, so that the encoder alone is compared"
    )
