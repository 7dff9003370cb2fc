"""Fine-tuning methods: replicas alone and together, plain loops with autograd, and each method's formula."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import synthetic
import tuning
from tuning.methods import Method

LENGTH, VOCABULARY, N = 6, 16, 12
FEW = {"steps": 5, "learning_rate": 0.3, "batch_size": 4, "dropout": 0.2}


@pytest.fixture(scope="module")
def task():
    return synthetic.make_token_task(N, length=LENGTH, vocabulary=VOCABULARY, seed=1)


@pytest.fixture(scope="module")
def encoder():
    return tuning.TokenMLP(VOCABULARY, LENGTH, embedding=3, width=8, seed=0)


def tune(task, encoder, method="plain", seeds=(3,), **changed):
    return tuning.fine_tune(encoder, task.tokens, task.labels, method=method, seeds=list(seeds), **{**FEW, **changed})


@pytest.mark.parametrize("method", tuning.methods())
def test_a_replica_is_the_same_whatever_the_others_are(task, encoder, method):
    together = tune(task, encoder, method, seeds=(3, 4, 3, 9), left_out=[None, 2, 5, None])
    for place, (seed, sample) in enumerate(((3, None), (4, 2), (3, 5), (9, None))):
        alone = tune(task, encoder, method, seeds=(seed,), left_out=[sample])
        np.testing.assert_allclose(together.flat_weights[place], alone.flat_weights[0], rtol=0, atol=1e-12)
        np.testing.assert_allclose(together.logits(task.tokens)[place], alone.logits(task.tokens)[0], rtol=0, atol=1e-12)
    assert np.abs(together.flat_weights[0] - together.flat_weights[3]).max() > 1e-6, "seeds differ"


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


def full_batch(task, encoder, penalty, *, steps=4, rate=0.3, heads=1):
    """Full-batch descent without dropout by autograd and an optimiser, from the head that seed 3 draws."""
    start = tuning.fine_tune(encoder, task.tokens, task.labels, seeds=[3], steps=1, learning_rate=1e-300, batch_size=N, dropout=0.0)
    model = copy.deepcopy(encoder).double()
    head, bias = start.head[0].clone().requires_grad_(), start.bias[0].clone().requires_grad_()
    first = [value.detach().clone() for value in model.parameters()]
    optimiser = torch.optim.SGD([*model.parameters(), head, bias], lr=rate)
    tokens, labels = torch.as_tensor(task.tokens), torch.as_tensor(task.labels).double()
    for _ in range(steps):
        optimiser.zero_grad()
        features = model(tokens)
        loss = nn.functional.softplus(-labels * (features @ head + bias)).mean()
        (loss + penalty(model, first, features, labels)).backward()
        optimiser.step()
    with torch.no_grad():
        return (model(tokens) @ head + bias).numpy()


def none(*_):
    return 0.0


def l2_sp(model, first, features, labels):
    return 0.1 / 2 * sum(((value - start) ** 2).sum() for value, start in zip(model.parameters(), first, strict=True))


def maximal_margin(model, first, features, labels):
    return 1 / (1 + torch.linalg.norm(features[labels > 0].mean(dim=0) - features[labels < 0].mean(dim=0)))


@pytest.mark.parametrize(
    ("method", "penalty", "changed"),
    [
        ("plain", none, {}),
        ("l2_sp", l2_sp, {}),
        ("maximal_margin", maximal_margin, {}),
        ("more_iterations", none, {"steps": 16}),
        ("smaller_step", none, {"rate": 0.3 / 4}),
    ],
)
def test_full_batches_are_the_descent_of_the_formula(task, encoder, method, penalty, changed):
    tuned = tune(task, encoder, method, steps=4, batch_size=N, dropout=0.0)
    np.testing.assert_allclose(tuned.logits(task.tokens)[0], full_batch(task, encoder, penalty, **changed), rtol=1e-9)


def test_averaging_is_the_mean_of_the_iterates_of_the_second_half(task, encoder):
    # Plain runs of different length share their batches only where these are all samples, and no dropout is drawn.
    settled = {"batch_size": N, "dropout": 0.0}
    iterates = [tune(task, encoder, steps=steps, **settled) for steps in range(1, 7)]
    averaged = tune(task, encoder, "weight_averaging", steps=6, **settled)
    np.testing.assert_allclose(averaged.flat_weights[0], np.mean([run.flat_weights[0] for run in iterates[3:]], axis=0), rtol=1e-9)
    np.testing.assert_allclose(averaged.head[0], np.mean([run.head[0] for run in iterates[3:]], axis=0), rtol=1e-9)


def test_a_left_out_sample_changes_nothing_by_its_label_or_tokens(task, encoder):
    tuned = {}
    for name in tuning.methods():
        if name == "self_unsupervised":
            continue  # its batches are drawn from all inputs; that the weight of one is zero is tested below
        tokens, labels = task.tokens.copy(), task.labels.copy()
        tokens[4], labels[4] = (tokens[4] + 1) % VOCABULARY, -labels[4]
        first = tuning.fine_tune(encoder, task.tokens, task.labels, method=name, seeds=[3], left_out=[4], **FEW)
        second = tuning.fine_tune(encoder, tokens, labels, method=name, seeds=[3], left_out=[4], **FEW)
        tuned[name] = np.abs(first.flat_weights - second.flat_weights).max()
    assert max(tuned.values()) <= 1e-14, tuned


def test_re_training_does_not_read_the_input_that_is_left_out_nor_any_label(task, encoder):
    tokens, labels = task.tokens.copy(), task.labels.copy()
    tokens[4] = (tokens[4] + 1) % VOCABULARY
    first = tune(task, encoder, "self_unsupervised", left_out=[4])
    second = tuning.fine_tune(encoder, tokens, labels, method="self_unsupervised", seeds=[3], left_out=[4], **FEW)
    np.testing.assert_allclose(first.flat_start, second.flat_start, rtol=0, atol=1e-14)
    flipped = tuning.fine_tune(encoder, task.tokens, -labels, method="self_unsupervised", seeds=[3], left_out=[4], **FEW)
    np.testing.assert_allclose(first.flat_start, flipped.flat_start, rtol=0, atol=1e-14)
    seeds = tune(task, encoder, "self_unsupervised", seeds=(3, 8))
    assert np.array_equal(seeds.flat_start[0], seeds.flat_start[1]), "one checkpoint for all seeds"
    assert np.abs(seeds.flat_start[0] - first.flat_start[0]).max() > 1e-6


def test_re_training_lowers_the_loss_of_reconstruction(task):
    corpus = synthetic.make_token_task(512, length=LENGTH, vocabulary=VOCABULARY, seed=10_000)
    before = tuning.pretrain(tuning.TokenMLP(VOCABULARY, LENGTH, width=16, seed=0), corpus.tokens, steps=60)
    method = type(tuning.methods()["self_unsupervised"])(decoder=before.decoder)
    after = tune(task, before.encoder, method).start_encoder(0)

    def loss(model):
        tokens = torch.as_tensor(task.tokens)
        losses = []
        for position in range(LENGTH):
            visible = tokens.clone()
            visible[:, position] = model.mask_token
            with torch.no_grad():
                logits = before.decoder.double()(copy.deepcopy(model).double().hidden(visible))[:, position]
            losses.append(float(nn.functional.cross_entropy(logits, tokens[:, position])))
        return np.mean(losses)

    assert loss(after) < loss(before.encoder), "with the decoder as it was, so that the encoder alone is compared"


def test_mixout_of_everything_but_the_mask_is_the_start(task, encoder):
    mixout = tuning.methods()["mixout"]
    weights, start = {"a": torch.tensor([3.0, 3.0])}, {"a": torch.tensor([1.0, 1.0])}
    used = mixout.used(weights, start, {"mask": torch.tensor([1.0, 0.0])})["a"]
    np.testing.assert_allclose(used, [1.0, 5.0])  # (w_0 − w_0/2)/(1/2) and (w − w_0/2)/(1/2): their mean is w


def test_several_heads_predict_by_their_mean_and_each_follows_its_own_loss(task, encoder):
    many = tune(task, encoder, type(tuning.methods()["multi_head"])(weight=3), steps=1, batch_size=N, dropout=0.0)
    assert many.head.shape == (1, 8)
    # With one head the method is plain fine-tuning.
    one = tune(task, encoder, type(tuning.methods()["multi_head"])(weight=1))
    np.testing.assert_allclose(one.flat_weights, tune(task, encoder).flat_weights, rtol=0, atol=1e-12)


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
        ({"left_out": [1, 2]}, ValueError, "left_out must name a sample or None for each of the 1 seeds"),
        ({"left_out": [N]}, ValueError, "left_out names sample 12, but there are 12"),
        ({"steps": 0}, ValueError, "steps must be at least 1"),
        ({"learning_rate": float("nan")}, ValueError, "learning_rate must be finite"),
        ({"batch_size": True}, TypeError, "batch_size must be an integer"),
        ({"dropout": 1.0}, ValueError, "dropout must be in"),
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
        (task.tokens, np.ones(N), "both of them"),
    ):
        with pytest.raises(ValueError, match=message):
            tuning.fine_tune(encoder, tokens, labels, seeds=[0])
    lonely = np.where(np.arange(N) == 2, 1, -1)
    with pytest.raises(ValueError, match="the only one of its class"):
        tuning.fine_tune(encoder, task.tokens, lonely, seeds=[0], left_out=[2])
    with pytest.raises(FloatingPointError, match="lower learning_rate"):
        tuning.fine_tune(encoder, task.tokens, task.labels, seeds=[0], method="l2_sp", learning_rate=1e200)
