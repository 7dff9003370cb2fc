"""Formulas of methods that pull, swap, draw anew or slow down, on one batch or step by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from tests.tuning.one_step import COUNTED, TASK, small_encoder, state
from tunebound import tuning


@pytest.fixture
def encoder():
    return small_encoder()


@pytest.mark.parametrize("kind", [tuning.TokenMLP, tuning.TokenTransformer])
def test_reinitialisation_draws_the_top_layer_alone(kind):
    encoder = kind(8, 4, width=6, seed=0)
    tuned = tuning.fine_tune(
        encoder, TASK.tokens, TASK.labels, method="reinitialisation", seeds=[1, 2], steps=1
    )
    before = {key: value.double() for key, value in encoder.named_parameters()}
    changed = {key for key, value in tuned.start.items() if not torch.equal(value[0], before[key])}
    assert len(changed) == 2  # a layer's weight and bias
    assert len({key.rpartition(".")[0] for key in changed}) == 1
    for key in changed:
        assert not torch.equal(tuned.start[key][0], tuned.start[key][1]), "each seed draws its own"
        limit = before[key.rpartition(".")[0] + ".weight"].shape[1] ** -0.5
        assert tuned.start[key].abs().max() <= limit


def test_the_pull_of_l2_sp_is_the_distance_times_its_strength(encoder):
    given = state(encoder)
    rng = np.random.default_rng(4)
    moved = {
        key: value + torch.tensor(rng.normal(size=value.shape))
        for key, value in given.parameters.items()
    }
    method = replace(tuning.methods()["l2_sp"], strength=0.7)
    slopes = torch.func.grad(lambda now: method.penalty(replace(given, parameters=now)))(moved)
    for key, slope in slopes.items():
        np.testing.assert_allclose(slope, 0.7 * (moved[key] - given.start[key]), rtol=1e-12)
    # two heads, each of which follows its own loss with twice the slope of the mean
    pull = torch.func.grad(lambda now: method.penalty(replace(given, heads=now)))(given.heads)
    np.testing.assert_allclose(2 * pull, method.head_decay * given.heads, rtol=1e-12)


def test_the_margin_penalty_is_that_of_the_centres_of_what_counts(encoder):
    given = state(encoder, counted=torch.tensor(COUNTED))
    seen, labels = given.features.numpy()[:9], TASK.labels[:9]
    apart = np.linalg.norm(seen[labels > 0].mean(axis=0) - seen[labels < 0].mean(axis=0))
    assert tuning.methods()["maximal_margin"].penalty(given).item() == pytest.approx(
        1 / (1 + apart), rel=1e-12
    )
    one_class = replace(given, counted=torch.as_tensor(TASK.labels > 0).double())
    assert tuning.methods()["maximal_margin"].penalty(one_class).item() == 0


def test_several_top_layers_can_be_drawn_anew():
    encoder = tuning.TokenMLP(8, 4, width=5, seed=0)
    both = replace(tuning.methods()["reinitialisation"], strength=2)
    tuned = tuning.fine_tune(encoder, TASK.tokens, TASK.labels, method=both, seeds=[1], steps=1)
    same = {
        key
        for key, value in encoder.named_parameters()
        if torch.equal(tuned.start[key][0], value.detach().double())
    }
    assert same == {"table"}
    with pytest.raises(
        ValueError, match=r"draws 3 linear layer\(s\) anew, but encoder TokenMLP has 2"
    ):
        tuning.fine_tune(
            encoder, TASK.tokens, TASK.labels, method=replace(both, strength=3), seeds=[1]
        )


@pytest.mark.parametrize("kind", [tuning.TokenMLP, tuning.TokenTransformer])
def test_mixout_swaps_whole_columns_of_linear_layers_and_keeps_the_expectation(kind):
    encoder = kind(8, 4, width=6, seed=0).double()
    mixout = replace(tuning.methods()["mixout"], strength=0.25)
    generators = [torch.Generator().manual_seed(seed) for seed in range(4000)]
    masks = mixout.draw(encoder, 1, generators)
    linear = {
        f"{name}.weight": module
        for name, module in encoder.named_modules()
        if isinstance(module, nn.Linear)
    }
    assert masks.keys() == linear.keys(), "no embedding, no bias"
    rng = np.random.default_rng(3)
    start = {key: value.detach() for key, value in encoder.named_parameters()}
    now = {key: value + torch.tensor(rng.normal(size=value.shape)) for key, value in start.items()}
    for key, module in linear.items():
        assert masks[key].shape == (4000, module.in_features)
        used = [mixout.used(now, start, {key: mask})[key].numpy() for mask in masks[key]]
        for weight, mask in zip(used[:20], masks[key], strict=False):
            for column in range(module.in_features):
                kept = start[key] if mask[column] == 1 else now[key]
                np.testing.assert_allclose(
                    weight[:, column],
                    (kept[:, column] - 0.25 * start[key][:, column]) / 0.75,
                    rtol=1e-12,
                )
        # a column's mean is off by √(p/(1 − p)/4000)·|w − w_0| or so
        spread = (now[key] - start[key]).abs().max().item() * math.sqrt(1 / 3 / 4000)
        np.testing.assert_allclose(np.mean(used, axis=0), now[key], rtol=0, atol=5 * spread)
    rest = mixout.used(now, start, {key: mask[0] for key, mask in masks.items()})
    assert all(torch.equal(rest[key], now[key]) for key in now.keys() - linear.keys())


def test_mixout_takes_the_place_of_dropout(encoder):
    given = {"seeds": [3], "steps": 6, "learning_rate": 0.3, "method": "mixout"}
    some, none = (
        tuning.fine_tune(encoder, TASK.tokens, TASK.labels, dropout=dropout, **given)
        for dropout in (0.4, 0.0)
    )
    np.testing.assert_array_equal(some.flat_parameters, none.flat_parameters)


def test_layers_are_the_embedding_and_each_module_from_the_bottom_up():
    assert tuning.TokenMLP(layers=3).parameter_layers == (
        ("table",),
        ("first.weight", "first.bias"),
        ("second.weight", "second.bias"),
        ("further.0.weight", "further.0.bias"),
    )
    layers = tuning.TokenTransformer(layers=2).parameter_layers
    assert layers[0] == ("table", "positions")
    assert [{key.rsplit(".", 2)[0] for key in keys} for keys in layers[1:]] == [
        {"layers.0"},
        {"layers.1"},
    ]


def test_layerwise_rates_move_each_layer_by_its_share_of_a_plain_step(encoder):
    given = {"seeds": [3], "steps": 1, "learning_rate": 0.3}
    plain, slowed = (
        tuning.fine_tune(encoder, TASK.tokens, TASK.labels, method=method, **given)
        for method in ("plain", replace(tuning.methods()["layerwise_rates"], strength=2.0))
    )
    for key, divided in (("second.weight", 2), ("first.bias", 4), ("table", 8)):
        np.testing.assert_allclose(
            slowed.parameters[key] - slowed.start[key],
            (plain.parameters[key] - plain.start[key]) / divided,
            rtol=1e-9,
            atol=1e-16,
        )
    np.testing.assert_array_equal(slowed.head, plain.head)


def test_linear_probing_leaves_the_encoder_until_the_last_steps(encoder):
    given = {"seeds": [3], "learning_rate": 0.3, "steps": 8}
    probing = replace(tuning.methods()["linear_probing"], strength=0.75)
    tuned = tuning.fine_tune(encoder, TASK.tokens, TASK.labels, method=probing, **given)
    frozen = small_encoder().requires_grad_(False)
    head = tuning.fine_tune(frozen, TASK.tokens, TASK.labels, **given)
    # the losses before each of six steps of the head, and before the first of everything
    np.testing.assert_allclose(tuned.losses[0, :7], head.losses[0, :7], rtol=1e-12)
    assert tuned.losses[0, 7] != pytest.approx(head.losses[0, 7], rel=1e-6)
    assert tuned.distance[0] > 1e-3


def test_recall_pulls_at_first_and_lets_go():
    recall = tuning.methods()["recall_adam"]
    encoder = small_encoder()
    shares = [recall.recall(step, 100) / 0.1 for step in range(100)]
    rates = [recall.rate_factors(encoder, step, 100).encoder for step in range(100)]
    np.testing.assert_allclose(np.add(shares, rates), 1, rtol=1e-14)
    assert np.all(np.diff(rates) > 0)
    assert rates[24] == pytest.approx(0.5, rel=1e-12), "after a quarter of the steps"
    assert rates[0] < 0.01
    assert shares[-1] < 1e-6
    later = replace(recall, strength=0.5)
    assert later.rate_factors(encoder, 49, 100).encoder == pytest.approx(0.5, rel=1e-12)
    assert recall.rate_factors(encoder, 3, 100).head == 1


def test_a_warm_up_rises_linearly_and_stays():
    warm_up = replace(tuning.methods()["warm_up"], strength=0.2)
    factors = [warm_up.rate_factors(small_encoder(), step, 20) for step in range(20)]
    assert [each.head for each in factors] == pytest.approx([0.25, 0.5, 0.75] + [1.0] * 17)
    assert [each.encoder for each in factors] == [each.head for each in factors]
