"""Batched replicas against one-by-one training, in every mode, and the choice of blocks."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from tests.oracles.network_training import sample_gradient_norms, train_one
from tunebound.synthetic.tokens import make_token_task
from tunebound.tuning.encoders.tokens import SequenceClassifier, TokenMLP, TokenTransformer
from tunebound.tuning.full import networks
from tunebound.tuning.full.losses import NetworkLoss
from tunebound.tuning.full.networks import plan_blocks, tune_networks

CRITERIA = {
    "squared": lambda outputs, labels: (outputs - labels) ** 2 / 2,
    "logistic": lambda outputs, labels: torch.log1p(torch.exp(-labels * outputs)),
}


def small(kind):
    encoder = (
        TokenMLP(8, 4, embedding=3, width=5)
        if kind == "mlp"
        else TokenTransformer(8, 4, width=4, heads=2)
    )
    return SequenceClassifier(encoder, seed=1)


def task(n=7):
    made = make_token_task(n, length=4, vocabulary=8, seed=2)
    return made.tokens, made.labels


def tensors(tokens, labels):
    return torch.tensor(tokens), torch.tensor(labels, dtype=torch.float64)


@pytest.mark.parametrize("kind", ["mlp", "transformer"])
@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
def test_replicas_agree_with_one_by_one_training(kind, loss, weighting):
    model, (tokens, labels) = small(kind), task()
    before = copy.deepcopy(model.state_dict())
    run = tune_networks(
        model,
        tokens,
        labels,
        steps=60,
        learning_rate=0.2,
        loss=loss,
        weighting=weighting,
        record=[1, 10, 60],
    )
    inputs, targets = tensors(tokens, labels)
    growth = 1.0 if weighting == "1/n" else 7 / 6
    whole = train_one(model, inputs, targets, CRITERIA[loss], steps=60, rate=0.2)
    for i in range(7):
        alone = train_one(
            model, inputs, targets, CRITERIA[loss], steps=60, rate=0.2, left_out=i, growth=growth
        )
        expected = torch.linalg.vector_norm(alone - whole, dim=1)[[1, 10, 60]].numpy()
        assert run.distance[:, i] == pytest.approx(expected, rel=1e-9)
        assert np.allclose(run.weights[1 + i], alone[-1].numpy(), rtol=1e-10, atol=1e-12)
    assert np.allclose(run.weights[0], whole[-1].numpy(), rtol=1e-10, atol=1e-12)
    for t in (0, 37):
        at = copy.deepcopy(model).double()
        nn.utils.vector_to_parameters(whole[t], at.parameters())
        assert run.gradient_norms[t] == pytest.approx(
            sample_gradient_norms(at, inputs, targets, CRITERIA[loss]), rel=1e-9
        )
        if t == 0:
            assert run.initial_loss == pytest.approx(
                CRITERIA[loss](at(inputs), targets).mean().item(), rel=1e-12
            )
    final = copy.deepcopy(model).double()
    nn.utils.vector_to_parameters(whole[-1], final.parameters())
    assert run.loss[-1] == pytest.approx(
        CRITERIA[loss](final(inputs), targets).mean().item(), rel=1e-9
    )
    assert run.gradient_norms.shape == (60, 7)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
def test_mini_batches_are_the_same_in_every_replica(weighting):
    model, (tokens, labels) = small("mlp"), task()
    run = tune_networks(
        model,
        tokens,
        labels,
        steps=20,
        learning_rate=0.2,
        batch_size=3,
        seed=5,
        weighting=weighting,
    )
    order, batches = np.random.default_rng(5), []
    while len(batches) < 20:
        shuffled = order.permutation(7)
        batches += [shuffled[0:3], shuffled[3:6], shuffled[6:7]]
    inputs, targets = tensors(tokens, labels)
    growth = 1.0 if weighting == "1/n" else 7 / 6
    whole = train_one(
        model, inputs, targets, CRITERIA["squared"], steps=20, rate=0.2, batches=batches
    )
    for i in range(7):
        alone = train_one(
            model,
            inputs,
            targets,
            CRITERIA["squared"],
            steps=20,
            rate=0.2,
            batches=batches,
            left_out=i,
            growth=growth,
        )
        assert run.distance[-1, i] == pytest.approx(
            torch.linalg.vector_norm(alone[-1] - whole[-1]).item(), rel=1e-9
        )
    other = tune_networks(
        model,
        tokens,
        labels,
        steps=20,
        learning_rate=0.2,
        batch_size=3,
        seed=6,
        weighting=weighting,
    )
    assert not np.allclose(other.weights, run.weights)


def test_frozen_parameters_stay():
    model, (tokens, labels) = small("mlp"), task()
    model.encoder.requires_grad_(False)
    run = tune_networks(model, tokens, labels, steps=15, learning_rate=0.2)
    assert run.weights.shape == (8, 6)
    inputs, targets = tensors(tokens, labels)
    whole = train_one(model, inputs, targets, CRITERIA["squared"], steps=15, rate=0.2)
    assert np.allclose(run.weights[0], whole[-1].numpy(), rtol=1e-11, atol=1e-13)


def test_real_features_and_single_precision():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0))
    features = np.random.default_rng(0).normal(size=(6, 3))
    labels = np.array([1, -1, 1, 1, -1, -1])
    double = tune_networks(model, features, labels, steps=30, learning_rate=0.1)
    single = tune_networks(model, features, labels, steps=30, learning_rate=0.1, dtype="float32")
    assert single.distance == pytest.approx(double.distance, rel=1e-4)
    assert not np.array_equal(single.distance, double.distance)
    assert single.weights.dtype == np.float64
    whole = train_one(
        model,
        torch.tensor(features),
        torch.tensor(labels, dtype=torch.float64),
        CRITERIA["squared"],
        steps=30,
        rate=0.1,
    )
    assert np.allclose(double.weights[0], whole[-1].numpy(), rtol=1e-11, atol=1e-13)


def test_dropout_is_off():
    model, (tokens, labels) = small("mlp"), task()
    noisy = nn.Sequential(model, nn.Dropout(0.5)).train()
    assert np.array_equal(
        tune_networks(noisy, tokens, labels, steps=5, learning_rate=0.1).weights,
        tune_networks(model, tokens, labels, steps=5, learning_rate=0.1).weights,
    )
    assert noisy.training


def test_blocks_do_not_change_the_result():
    model, (tokens, labels) = small("transformer"), task()
    objective = NetworkLoss(model, tokens, labels, loss="squared")
    whole = tune_networks(model, tokens, labels, steps=8, learning_rate=0.2)
    assert plan_blocks(objective, 7, 2**31, replicas=8) == networks.Blocks(8, 7)
    least = _least_memory(objective)
    seen = set()
    for factor in (1.0, 1.3, 2.0, 4.0):
        memory = int(least * factor)
        blocks = plan_blocks(objective, 7, memory, replicas=8)
        seen.add((blocks.replicas, blocks.samples))
        parts = tune_networks(model, tokens, labels, steps=8, learning_rate=0.2, memory=memory)
        assert parts.distance == pytest.approx(whole.distance, rel=1e-11)
        assert parts.gradient_norms == pytest.approx(whole.gradient_norms, rel=1e-11)
        assert parts.loss == pytest.approx(whole.loss, rel=1e-11)
    assert (1, 1) in seen
    assert len(seen) >= 3


def test_the_working_block_bounds_the_replicas(monkeypatch):
    model, (tokens, labels) = small("transformer"), task()
    objective = NetworkLoss(model, tokens, labels, loss="squared")
    monkeypatch.setattr(networks, "REPLICA_MEMORY", 1)
    assert plan_blocks(objective, 7, 2**31, replicas=8) == networks.Blocks(1, 1)


def test_a_network_too_large_for_the_memory_is_refused():
    model, (tokens, labels) = small("transformer"), task()
    with pytest.raises(
        ValueError,
        match=(
            r"memory=1000 bytes do not hold the work: 8 replica\(s\) of 213 parameters need at"
            r" least \d+; raise memory, use fewer"
        ),
    ):
        tune_networks(model, tokens, labels, steps=5, learning_rate=0.1, memory=1000)


class _Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, inputs):
        return self.layer(inputs.double())


def _broken(value):
    model = small("mlp")
    with torch.no_grad():
        model.double().head.bias.fill_(value)
    return model


def _frozen():
    return small("mlp").requires_grad_(False)


class _Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.classifier = small("mlp")

    def forward(self, tokens):
        return self.classifier(tokens), tokens


class _Embedding(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.head = nn.Embedding(50, 2), nn.Linear(8, 1)

    def forward(self, tokens):
        return self.head(self.table(tokens).flatten(1))[:, 0]


def _with_last(tokens, value):
    changed = tokens.copy()
    changed[-1, -1] = value
    return changed


TOKENS, LABELS = task()


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (dict(model="bert"), TypeError, "model must be a torch.nn.Module, got str"),
        (
            dict(model=_Wide()),
            ValueError,
            r"model must map 4 inputs to outputs of shape \(4,\), got \(4, 2\); add a head",
        ),
        (dict(model=_Pair()), TypeError, "model must return a tensor, got tuple; wrap it"),
        (
            dict(inputs=TOKENS.astype(float)),
            TypeError,
            "inputs must hold integers, got dtype float64; pass token ids",
        ),
        (
            dict(inputs=_with_last(TOKENS, 99)),
            ValueError,
            r"inputs must lie in \[0, \d+\) for this encoder, got 0..99",
        ),
        (
            dict(inputs=TOKENS[:, :3]),
            ValueError,
            r"inputs must have shape \(N, 4\) for this encoder, got \(7, 3\)",
        ),
        # a model of the user's: only the extreme tokens show that they are none of its
        (
            dict(model=_Embedding(), inputs=_with_last(TOKENS, 99)),
            ValueError,
            r"inputs of shape \(7, 4\) and torch.int64 do not fit the model, which says: index out",
        ),
        (
            dict(model=_Embedding(), inputs=_with_last(TOKENS, -1)),
            ValueError,
            "do not fit the model, which says: index out",
        ),
        (
            dict(model=_Embedding(), inputs=TOKENS[:, :3]),
            ValueError,
            r"inputs of shape \(7, 3\) and torch.int64 do not fit the model, which says: mat1",
        ),
        (dict(model=_Embedding(), inputs=TOKENS[:, :0]), ValueError, "do not fit the model"),
        (dict(model=_frozen()), ValueError, "model has no trainable parameter; set requires_grad"),
        (
            dict(model=_broken(float("nan"))),
            ValueError,
            "model holds a parameter that is not finite",
        ),
        (
            dict(model=_broken(1e200)),
            ValueError,
            "model: its initial loss is inf; start from weights",
        ),
        (
            dict(y=LABELS[:3]),
            ValueError,
            r"inputs must hold one entry for each of the 3 labels, got shape \(7, 4\)",
        ),
        (
            dict(y=(LABELS + 1) // 2),
            ValueError,
            r"y holds 0 and 1, labels must be -1 or \+1: convert it with 2 \* y - 1",
        ),
        (dict(y=LABELS[:1]), ValueError, r"y must have shape \(n,\) with n at least 2, got \(1,\)"),
        (dict(inputs=np.full((7, 4), np.nan)), ValueError, "inputs must be finite"),
        (dict(inputs=[["a"] * 4] * 7), TypeError, "inputs must hold real numbers or tokens"),
        (dict(steps=0), ValueError, "steps must be at least 1"),
        (dict(record=[9]), ValueError, "record asks for step 9"),
        (dict(learning_rate="auto"), TypeError, "learning_rate must be a real number"),
        (dict(learning_rate=0), ValueError, "learning_rate must be finite and above 0"),
        (dict(loss="hinge"), ValueError, "loss must be one of 'squared', 'logistic', got 'hinge'"),
        (dict(batch_size=0), ValueError, "batch_size must be at least 1"),
        (dict(batch_size=8), ValueError, "batch_size must be at most n=7, got 8; pass None"),
        (dict(seed=-1), ValueError, "seed must be at least 0"),
        (dict(weighting="n"), ValueError, "weighting must be one of"),
        (dict(memory=True), TypeError, "memory must be an integer"),
        (dict(dtype="float16"), ValueError, "dtype must be one of 'float64', 'float32'"),
        (dict(device="abacus"), ValueError, "device must be"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_bad_arguments_are_refused(change, kind, message):
    good = dict(model=small("mlp"), inputs=TOKENS, y=LABELS, steps=3, learning_rate=0.1)
    with pytest.raises(kind, match=message):
        tune_networks(**(good | change))


def test_a_run_that_diverges_says_so():
    features, labels = np.random.default_rng(0).normal(size=(6, 3)), np.array([1, -1, 1, 1, -1, -1])
    model = nn.Sequential(nn.Linear(3, 1), nn.Flatten(0))
    with pytest.raises(
        FloatingPointError,
        match=r"a gradient is no longer finite at step \d+; lower learning_rate=1e\+10",
    ):
        tune_networks(model, features, labels, steps=200, learning_rate=1e10)
    with pytest.raises(
        FloatingPointError, match=r"a replica's weights are no longer finite; lower learning_rate"
    ):
        tune_networks(model, features, labels, steps=1, learning_rate=1e308, record=[1])


def test_flat_weights_are_checked():
    objective = NetworkLoss(small("mlp"), TOKENS, LABELS, loss="squared")
    assert torch.equal(objective.flat_weights(None), objective.start)
    assert torch.equal(objective.flat_weights(objective.start.numpy()), objective.start)
    with pytest.raises(ValueError, match=rf"weights must have shape \({objective.p},\)"):
        objective.flat_weights(np.ones(3))
    with pytest.raises(ValueError, match="weights must be finite"):
        objective.flat_weights(objective.start * float("nan"))


def _least_memory(objective):
    with pytest.raises(ValueError, match="need at least") as caught:
        plan_blocks(objective, 7, 1, replicas=8)
    return int(str(caught.value).split("need at least ")[1].split(";")[0])
