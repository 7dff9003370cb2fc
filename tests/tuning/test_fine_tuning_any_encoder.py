"""Fine-tuning of encoders that are no `TokenEncoder`: replicas one after the other are those of the
batched computation, and transformers' encoders are those of a loop with torch's optimiser.
"""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from tests.tuning.ready import ready
from tunebound import synthetic, tuning

LENGTH, VOCABULARY, N = 6, 16, 12
TASK = synthetic.make_token_task(N, length=LENGTH, vocabulary=VOCABULARY, seed=1)
FEW = {"steps": 7, "learning_rate": 0.3, "batch_size": 5, "dropout": 0.2}
EMBEDDED = (
    "adversarial_smoothness",
    "free_adversarial",
    "noise_stability",
    "noise_stability_published",
    "smoothness",
    "smoothness_published",
)
RETRAINED = ("further_pretraining", "self_unsupervised", "self_unsupervised_common")
OTHERS = [name for name in tuning.methods() if name not in (*EMBEDDED, *RETRAINED)]
# Biases of attention's keys have gradient 0; of its rounding Adam divides 10⁻¹⁷ by 10⁻⁸.
CLOSE = 1e-10


class Foreign(nn.Module):
    """A token encoder behind another face, that branches on the values of its mask."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, inputs):
        if inputs["attention_mask"].all():
            return self.inner(inputs["ids"])
        raise AssertionError("there is no padding in these")

    @property
    def parameter_layers(self):
        return tuple(tuple(f"inner.{key}" for key in keys) for keys in self.inner.parameter_layers)


def own(kind=tuning.TokenMLP):
    return kind(VOCABULARY, LENGTH, width=8, seed=0).double()


def masked(tokens=TASK.tokens):
    return {"ids": tokens, "attention_mask": np.ones_like(tokens)}


def tune(encoder, inputs, method="plain", **changed):
    method = ready(method, length=LENGTH, vocabulary=VOCABULARY)
    given = {"seeds": [3, 4, 3], "left_out": [None, 2, 5], **FEW, **changed}
    return tuning.fine_tune(encoder, inputs, TASK.labels, method=method, **given)


@pytest.mark.parametrize("kind", [tuning.TokenMLP, tuning.TokenTransformer])
@pytest.mark.parametrize("method", OTHERS)
def test_one_after_the_other_is_all_at_once(method, kind):
    encoder = own(kind)
    encoder.table.requires_grad_(False)
    each = tune(Foreign(encoder), masked(), method)
    together = tune(encoder, TASK.tokens, method)
    for key, value in together.parameters.items():
        np.testing.assert_allclose(each.parameters[f"inner.{key}"], value, rtol=0, atol=CLOSE)
        np.testing.assert_allclose(
            each.start[f"inner.{key}"], together.start[key], rtol=0, atol=CLOSE
        )
    np.testing.assert_allclose(each.head, together.head, rtol=0, atol=CLOSE)
    np.testing.assert_allclose(each.losses, together.losses, rtol=0, atol=CLOSE)
    np.testing.assert_allclose(each.distance, together.distance, rtol=0, atol=CLOSE)
    np.testing.assert_allclose(
        each.logits(masked()), together.logits(TASK.tokens), rtol=0, atol=CLOSE
    )


@pytest.mark.parametrize("method", [*EMBEDDED, *RETRAINED])
def test_methods_that_need_a_token_encoder_say_so(method):
    match = "methods that move the embeddings need a TokenEncoder"
    if method in RETRAINED:
        match = f"{method} re-trains a TokenEncoder, got Foreign; call tuning.self_unsupervised_re"
    with pytest.raises(TypeError, match=match):
        tune(Foreign(own()), masked(), method)


def test_layers_have_to_be_named():
    with pytest.raises(TypeError, match=r"parameter_layers, .* 2 are in none, such as bias"):
        tune(nn.Linear(3, 2), np.ones((N, 3)), "layerwise_rates")


def test_vectors_are_inputs_too_in_the_precision_of_the_encoder():
    rng = np.random.default_rng(0)
    X, torch_seed = rng.normal(size=(N, 3)) + TASK.labels[:, None], torch.Generator().manual_seed(0)
    encoder = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Tanh())
    for value in encoder.parameters():
        nn.init.normal_(value, generator=torch_seed)
    tuned = tune(encoder, X, steps=300)
    assert tuned.parameters["0.weight"].dtype == torch.float32
    assert tuned.losses[:, -50:].mean() < 0.5 * tuned.losses[:, :10].mean()
    alone = tune(encoder, X, steps=300, seeds=[4], left_out=[2])
    np.testing.assert_allclose(
        tuned.flat_parameters[1], alone.flat_parameters[0], rtol=0, atol=1e-6
    )
    np.testing.assert_allclose(
        tuned.tuned_encoder(1)(torch.tensor(X, dtype=torch.float32)).detach(),
        tuned.features(X)[1],
        rtol=0,
        atol=1e-6,
    )


def test_frozen_parameters_are_shared_by_the_replicas():
    encoder = own()
    encoder.table.requires_grad_(False)
    for module, inputs, key in (
        (Foreign(encoder), masked(), "inner.table"),
        (encoder, TASK.tokens, "table"),
    ):
        tuned = tune(module, inputs)
        assert tuned.parameters[key].shape == (3, *encoder.table.shape)
        assert tuned.parameters[key].untyped_storage().nbytes() == encoder.table.nbytes


def test_the_step_size_rises_over_the_first_share_of_the_steps():
    given = tune(own(), TASK.tokens, warm_up=0.1, steps=30, optimiser="adamw", learning_rate=0.01)
    method = tune(own(), TASK.tokens, "warm_up", steps=30, optimiser="adamw", learning_rate=0.01)
    plain = tune(own(), TASK.tokens, steps=30, optimiser="adamw", learning_rate=0.01)
    np.testing.assert_allclose(given.flat_parameters, method.flat_parameters, rtol=0, atol=1e-14)
    np.testing.assert_allclose(given.head, method.head, rtol=0, atol=1e-14)
    assert np.abs(given.flat_parameters - plain.flat_parameters).max() > 1e-4


class Beside(nn.Module):
    """Its last layer is for something else than the features."""

    def __init__(self):
        super().__init__()
        self.below, self.top = nn.Linear(3, 4), nn.Linear(4, 4)
        self.pooler = nn.Linear(4, 4)

    def forward(self, inputs):
        states = torch.tanh(self.top(torch.tanh(self.below(inputs))))
        self.pooler(states)
        return states


def test_what_is_drawn_anew_is_what_the_features_depend_on():
    encoder, X = Beside().requires_grad_(False), np.random.default_rng(0).normal(size=(N, 3))
    tuned = tune(encoder, X, "reinitialisation")
    changed = {
        key
        for key, value in encoder.named_parameters()
        if not torch.equal(value, tuned.start[key][0])
    }
    assert changed == {"top.weight", "top.bias"}


class Unpooled(nn.Linear):
    def forward(self, inputs):
        return {"last_hidden_state": super().forward(inputs)}


@pytest.mark.parametrize(
    ("encoder", "inputs", "error", "message"),
    [
        (3, np.ones((N, 3)), TypeError, "encoder must be a torch module that maps .*, got int"),
        (nn.Tanh(), np.ones((N, 3)), ValueError, "encoder Tanh has no parameters to tune"),
        (nn.Linear(3, 2), ["a text"] * N, TypeError, "must hold numbers, .* encoder's tokenizer"),
        (nn.Linear(3, 2), np.full((N, 3), np.nan), ValueError, "inputs must be finite"),
        (nn.Linear(3, 2), {}, ValueError, "inputs is an empty mapping"),
        (nn.Linear(3, 2), {"a": np.ones(3), "b": np.ones(4)}, ValueError, "as many samples under"),
        (nn.Linear(3, 2), np.ones((N, 5, 3)), ValueError, r"got \(2, 5, 2\): pool it first"),
        (Unpooled(3, 2), np.ones((N, 3)), TypeError, "got dict: pool it first to one vector"),
        (nn.Flatten(0), np.ones((N, 3)), ValueError, "Flatten has no parameters"),
        (nn.Linear(3, 2), np.ones((N - 1, 3)), ValueError, r"y must have shape \(11,\)"),
    ],
)
def test_what_cannot_be_tuned_is_refused(encoder, inputs, error, message):
    with pytest.raises(error, match=message):
        tune(encoder, inputs)


class Bert(nn.Module):
    """The first token of a tiny BERT made from its configuration."""

    def __init__(self):
        super().__init__()
        transformers = pytest.importorskip("transformers", reason="the encoder is of transformers")
        torch.manual_seed(0)
        self.bert = transformers.BertModel(
            transformers.BertConfig(
                vocab_size=VOCABULARY,
                hidden_size=8,
                num_hidden_layers=1,
                num_attention_heads=2,
                intermediate_size=16,
                max_position_embeddings=12,
            ),
            add_pooling_layer=False,
        )
        self.longest = []

    def forward(self, inputs):
        self.longest.append(inputs["input_ids"].shape[1])
        return self.bert(**inputs).last_hidden_state[:, 0]


def padded():
    rng = np.random.default_rng(0)
    mask = (np.arange(10) < rng.integers(3, 8, size=N)[:, None]).astype(np.int64)
    return {"input_ids": rng.integers(1, VOCABULARY, (N, 10)) * mask, "attention_mask": mask}


@pytest.mark.parametrize("left_out", [None, 4])
def test_a_transformers_encoder_is_tuned_as_by_torch(left_out):
    encoder, inputs, labels = Bert().double(), padded(), torch.tensor(TASK.labels).double()
    tuned = tune(
        encoder,
        inputs,
        seeds=[7, 3],
        left_out=[None, left_out],
        steps=6,
        learning_rate=0.01,
        batch_size=N,
        dropout=0.0,
        optimiser="adamw",
    )
    model = copy.deepcopy(encoder).eval()
    drawn = torch.rand(
        1, 9, generator=torch.Generator().manual_seed(3 * 3 + 2), dtype=torch.float64
    )
    top = nn.Linear(8, 1).double()
    with torch.no_grad():
        top.weight.copy_((2 * drawn[:, :-1] - 1) / 8**0.5)
        top.bias.copy_((2 * drawn[:, -1] - 1) / 8**0.5)
    optimiser = torch.optim.AdamW([*model.parameters(), *top.parameters()], lr=0.01)
    kept = [place for place in range(N) if place != left_out]
    batch = {key: torch.tensor(value[kept]) for key, value in inputs.items()}
    for step in range(6):
        loss = nn.functional.softplus(-labels[kept] * top(model(batch))[:, 0]).mean()
        assert tuned.losses[1, step] == pytest.approx(loss.item(), rel=1e-9)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for key, value in model.named_parameters():
        np.testing.assert_allclose(tuned.parameters[key][1], value.detach(), rtol=0, atol=1e-7)
    expected = top(model({key: torch.tensor(value) for key, value in inputs.items()}))[:, 0]
    np.testing.assert_allclose(tuned.logits(inputs)[1], expected.detach(), rtol=0, atol=1e-6)


def test_padding_is_cut_to_the_longest_sample_of_the_batch():
    encoder, inputs = Bert(), padded()
    lengths = inputs["attention_mask"].sum(axis=1)
    tune(encoder, inputs, seeds=[3], left_out=[None], steps=1, batch_size=2, dropout=0.0)
    copied = Bert()
    copied.load_state_dict(encoder.state_dict())
    tuned = tune(copied, inputs, seeds=[3], left_out=[None], steps=1, batch_size=2, dropout=0.0)
    first = torch.randperm(N, generator=torch.Generator().manual_seed(9))[:2].numpy()
    assert tuned.encoder.longest[-1] == lengths[first].max()
    logits = tuned.logits(inputs)
    assert tuned.encoder.longest[-1] == lengths.max() < 10
    wider = {key: np.pad(value, ((0, 0), (0, 2))) for key, value in inputs.items()}
    np.testing.assert_allclose(tuned.logits(wider), logits, rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", ["maximal_margin", "multi_head", "l2_sp", "mixout"])
def test_methods_tune_a_transformers_encoder(method):
    labels = np.where(np.arange(N) % 2, 1, -1)
    inputs = padded()
    inputs["input_ids"][:, 1] = np.where(labels > 0, 3, 5)
    tuned = tuning.fine_tune(
        Bert(),
        inputs,
        labels,
        method=method,
        seeds=[0, 1],
        steps=60,
        optimiser="adamw",
        learning_rate=5e-3,
        warm_up=0.1,
    )
    assert (np.sign(tuned.logits(inputs)) == labels).mean() > 0.9
    assert tuned.parameters["bert.embeddings.word_embeddings.weight"].dtype == torch.float32


def test_products_in_bfloat16_stay_near_those_in_the_encoders_own_precision():
    encoder, inputs = Bert(), padded()
    given = {"steps": 8, "optimiser": "adamw", "learning_rate": 2e-3, "dropout": 0.0}
    own = tune(encoder, inputs, **given)
    reduced = tune(encoder, inputs, precision="bfloat16", **given)
    assert reduced.precision == "bfloat16"
    assert reduced.parameters["bert.embeddings.word_embeddings.weight"].dtype == torch.float32
    # eight bits: features and losses differ by about a hundredth, and do differ
    features, others = (each.features(inputs) for each in (own, reduced))
    assert 1e-4 < np.abs(features - others).max() < 0.1
    np.testing.assert_allclose(reduced.losses, own.losses, rtol=0, atol=0.02)
    with pytest.raises(ValueError, match="precision='bfloat16': a TokenEncoder is computed in flo"):
        tune(tuning.TokenMLP(VOCABULARY, 6, seed=0), TASK.tokens, precision="bfloat16")


@pytest.mark.parametrize("steps", [5, 20])
def test_the_step_size_rises_and_falls_linearly(steps):
    """A model that nothing but decay of the weights moves, by η_t·λ·w in each step."""
    encoder = Beside()
    given = {"optimiser": "adamw", "learning_rate": 0.5, "warm_up": 0.2, "decay": True}
    tuned = tune(encoder, np.random.default_rng(0).normal(size=(N, 3)), steps=steps, **given)
    top = max(0.2 * steps, 1)
    shares = [min((t + 1) / top, (steps - t) / (steps - top + 1)) for t in range(steps)]
    assert max(shares) == 1
    left = np.prod([1 - 0.5 * 0.01 * share for share in shares])
    expected = left * encoder.pooler.weight.detach().numpy()
    np.testing.assert_allclose(tuned.parameters["pooler.weight"][0], expected, rtol=1e-5)
