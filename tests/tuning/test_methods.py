"""The methods' own formulas, evaluated on one batch by hand, and a method of one's own."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from scipy.special import expit, rel_entr

from tunebound import synthetic, tuning
from tunebound.tuning.fine_tuning.methods import Method, State, Strength, perturbed, register
from tunebound.tuning.fine_tuning.methods import method as registry

TASK = synthetic.make_token_task(12, length=4, vocabulary=8, seed=1)


@pytest.fixture
def encoder():
    return tuning.TokenMLP(8, 4, embedding=3, width=5, seed=0).double()


def state(encoder, noise, counted=None):
    tokens = torch.as_tensor(TASK.tokens)
    rng = np.random.default_rng(2)
    weights = {key: value.detach() for key, value in encoder.named_parameters()}
    heads, biases = torch.tensor(rng.normal(size=(2, 5))), torch.tensor(rng.normal(size=2))
    counted = torch.ones(12, dtype=torch.float64) if counted is None else counted
    labels = torch.as_tensor(TASK.labels).double()
    return State(
        encoder,
        weights,
        weights,
        heads,
        biases,
        tokens,
        labels,
        counted,
        encoder(tokens).detach(),
        {"noise": noise},
    )


def features(encoder, noise):
    """The encoder by hand, with noise (n, length, embedding) on the embeddings."""
    values = {key: value.detach().numpy() for key, value in encoder.named_parameters()}
    embedded = (values["table"][TASK.tokens] + noise).reshape(12, -1)
    first = np.tanh(embedded @ values["first.weight"].T + values["first.bias"])
    return np.tanh(first @ values["second.weight"].T + values["second.bias"])


NOISE = np.random.default_rng(0).normal(size=(12, 4, 3))
COUNTED = np.array([1.0] * 9 + [0.0] * 3)


def test_noise_stability_is_the_mean_squared_move_of_the_features(encoder):
    method = tuning.methods()["noise_stability"]
    value = method.penalty(state(encoder, torch.tensor(NOISE), torch.tensor(COUNTED)))
    moved = ((features(encoder, NOISE) - features(encoder, 0)) ** 2).sum(axis=1)
    assert value.item() == pytest.approx(method.weight * moved[:9].mean(), rel=1e-12)
    assert method.penalty(state(encoder, torch.zeros(12, 4, 3, dtype=torch.float64))).item() == 0


def test_smoothness_is_the_symmetric_divergence_of_the_predictions(encoder):
    method = tuning.methods()["smoothness"]
    given = state(encoder, torch.tensor(NOISE), torch.tensor(COUNTED))
    value = method.penalty(given)
    head, bias = given.heads.mean(dim=0).numpy(), given.biases.mean().item()
    p, q = (expit(features(encoder, noise) @ head + bias) for noise in (0, NOISE))
    divergence = rel_entr(p, q) + rel_entr(1 - p, 1 - q) + rel_entr(q, p) + rel_entr(1 - q, 1 - p)
    assert value.item() == pytest.approx(method.weight * divergence[:9].mean(), rel=1e-10)
    assert method.penalty(state(encoder, torch.zeros(12, 4, 3, dtype=torch.float64))).item() == 0


def test_noise_has_the_scale_that_the_file_states():
    generators = [torch.Generator().manual_seed(seed) for seed in range(2)]
    encoder = tuning.TokenMLP(8, 4, embedding=50, width=5)
    drawn = tuning.methods()["smoothness"].draw(encoder, 64, generators)["noise"]
    assert drawn.shape == (2, 64, 4, 50)
    assert drawn.std().item() == pytest.approx(perturbed.SCALE, rel=0.02)
    assert not torch.equal(drawn[0], drawn[1])


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


def test_the_pull_of_l2_sp_is_the_distance_times_its_weight(encoder):
    given = state(encoder, None)
    rng = np.random.default_rng(4)
    moved = {
        key: value + torch.tensor(rng.normal(size=value.shape))
        for key, value in given.weights.items()
    }
    method = replace(tuning.methods()["l2_sp"], weight=0.7)
    slopes = torch.func.grad(lambda weights: method.penalty(replace(given, weights=weights)))(moved)
    for key, slope in slopes.items():
        np.testing.assert_allclose(slope, 0.7 * (moved[key] - given.start[key]), rtol=1e-12)


def test_the_margin_penalty_is_that_of_the_centres_of_what_counts(encoder):
    given = state(encoder, None, torch.tensor(COUNTED))
    seen, labels = given.features.numpy()[:9], TASK.labels[:9]
    apart = np.linalg.norm(seen[labels > 0].mean(axis=0) - seen[labels < 0].mean(axis=0))
    assert tuning.methods()["maximal_margin"].penalty(given).item() == pytest.approx(
        1 / (1 + apart), rel=1e-12
    )
    one_class = replace(given, counted=torch.as_tensor(TASK.labels > 0).double())
    assert tuning.methods()["maximal_margin"].penalty(one_class).item() == 0


@pytest.mark.parametrize("fresh", [True, False])
def test_re_training_of_replicas_is_re_training_by_an_optimiser(fresh):
    encoder = tuning.TokenMLP(8, 4, embedding=3, width=5, seed=0).double()
    decoder = None if fresh else encoder.decoder(seed=6).double()
    method = replace(tuning.methods()["self_unsupervised"], weight=30, decoder=decoder)
    options = {"seeds": [1, 2, 1], "left_out": [None, 5, 5], "steps": 1}
    tuned = tuning.fine_tune(encoder, TASK.tokens, TASK.labels, method=method, **options)
    by_adam = tuning.self_unsupervised_retraining(
        encoder, TASK.tokens, steps=30, decoder=decoder, seed=0
    )
    for key, value in by_adam.encoder.named_parameters():
        np.testing.assert_allclose(tuned.start[key][0], value.detach(), rtol=0, atol=1e-10)
    np.testing.assert_array_equal(tuned.flat_start[1], tuned.flat_start[2])
    assert np.abs(tuned.flat_start[0] - tuned.flat_start[1]).max() > 1e-4


def test_several_top_layers_can_be_drawn_anew():
    encoder = tuning.TokenMLP(8, 4, width=5, seed=0)
    both = replace(tuning.methods()["reinitialisation"], weight=2)
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
            encoder, TASK.tokens, TASK.labels, method=replace(both, weight=3), seeds=[1]
        )


class Unembedded(tuning.TokenEncoder):
    """An encoder of one's own that looks tokens up itself."""

    def __init__(self):
        super().__init__(8, 4, 5)
        self.rows = torch.nn.Embedding(9, 5)

    def hidden(self, tokens):
        return self.rows(tokens)

    def forward(self, tokens):
        return self.rows(tokens).mean(dim=-2)

    def decoder(self, *, seed=0):
        return torch.nn.Linear(5, 8)


@pytest.mark.parametrize("method", ["smoothness", "noise_stability"])
def test_noise_on_embeddings_asks_for_a_table(method):
    with pytest.raises(TypeError, match="encoder Unembedded has no parameter table"):
        tuning.fine_tune(Unembedded(), TASK.tokens, TASK.labels, method=method, seeds=[1])
    assert (
        tuning.fine_tune(Unembedded(), TASK.tokens, TASK.labels, seeds=[1], steps=3).distance[0] > 0
    )


@pytest.mark.parametrize(
    ("method", "weight", "message"),
    [
        (
            "l2_sp",
            -1,
            (
                r"weight of l2_sp must be a number in \[0, inf\), got -1; it is the factor α of the"
                r" penalty"
            ),
        ),
        ("l2_sp", float("nan"), "weight of l2_sp must be a number"),
        (
            "mixout",
            1.0,
            (
                r"weight of mixout must be a number in \[0, 1\), got 1.0; it is the probability p"
                r" of a swap"
            ),
        ),
        ("multi_head", 2.5, r"weight of multi_head must be a whole number in \[1, inf\), got 2.5"),
        ("multi_head", 0, "weight of multi_head must be a whole number"),
        ("more_iterations", 0.5, "weight of more_iterations must be a whole number"),
        ("smaller_step", 0.5, r"weight of smaller_step must be a number in \[1, inf\)"),
        ("weight_averaging", 1, r"weight of weight_averaging must be a number in \[0, 1\)"),
        ("self_unsupervised", 0, "weight of self_unsupervised must be a whole number"),
        ("reinitialisation", 0, "weight of reinitialisation must be a whole number"),
        ("plain", 1, "plain has no weight to set, got 1; leave it out"),
    ],
)
def test_weights_that_mean_nothing_are_refused(method, weight, message):
    with pytest.raises(ValueError, match=message):
        replace(tuning.methods()[method], weight=weight)
    if method != "plain":
        with pytest.raises(TypeError, match=f"weight of {method} must be a number, got True"):
            replace(tuning.methods()[method], weight=True)


def test_mixout_keeps_the_expectation(encoder):
    mixout = tuning.methods()["mixout"]
    drawn = mixout.draw(encoder, 1, [torch.Generator().manual_seed(seed) for seed in range(4000)])[
        "mask"
    ]
    assert drawn.mean().item() == pytest.approx(mixout.weight, abs=0.01)
    ones = torch.ones(100, dtype=torch.float64)
    weights, start = {"w": torch.cat([2 * ones, -ones])}, {"w": torch.cat([0.5 * ones, 3 * ones])}
    size = weights["w"].numel()
    used = torch.stack(
        [mixout.used(weights, start, {"mask": mask.repeat(size)[:size]})["w"] for mask in drawn]
    )
    assert used[:, :100].mean().item() == pytest.approx(2, abs=0.02)
    assert used[:, 100:].mean().item() == pytest.approx(-1, abs=0.05)


def test_a_method_of_ones_own_is_one_class():
    class Halved(Method):
        name, summary, formula, source = "halved", "half the step", "η ← η/2", "a test"

        def learning_rate(self, rate):
            return rate / 2

    try:
        register(Halved)
        assert "halved" in tuning.methods()
        encoder = tuning.TokenMLP(8, 4, width=5)
        own = tuning.fine_tune(
            encoder,
            TASK.tokens,
            TASK.labels,
            method="halved",
            seeds=[3],
            steps=5,
            learning_rate=0.2,
        )
        plain = tuning.fine_tune(
            encoder, TASK.tokens, TASK.labels, seeds=[3], steps=5, learning_rate=0.1
        )
        np.testing.assert_array_equal(own.flat_weights, plain.flat_weights)
        with pytest.raises(ValueError, match="did you mean 'halved'"):
            tuning.fine_tune(encoder, TASK.tokens, TASK.labels, method="halve", seeds=[3])
    finally:
        registry._registry.pop("halved", None)


@pytest.mark.parametrize("method", tuning.methods())
def test_the_cost_is_how_often_the_encoder_is_passed(method, monkeypatch):
    calls = []
    hidden = tuning.TokenMLP.hidden
    monkeypatch.setattr(
        tuning.TokenMLP,
        "hidden",
        lambda self, tokens: (calls.append(tokens), hidden(self, tokens))[1],
    )
    # One call of the encoder serves all replicas.
    tuning.fine_tune(
        tuning.TokenMLP(8, 4, width=5),
        TASK.tokens,
        TASK.labels,
        method=method,
        seeds=[3, 4],
        steps=6,
    )
    assert tuning.methods()[method].passes(6) == len(calls)
    assert tuning.methods()["plain"].passes(6) == 6


def test_what_cannot_be_registered_is_refused():
    with pytest.raises(TypeError, match="register takes a subclass of Method"):
        register(int)

    class Nameless(Method):
        pass

    with pytest.raises(ValueError, match="Nameless has no name; set the class variable name"):
        register(Nameless)

    class Taken(Method):
        name = "plain"

    with pytest.raises(
        ValueError, match="a method named 'plain' is registered already; choose another name"
    ):
        register(Taken)
    assert type(tuning.methods()["plain"]).__name__ == "Plain"


@dataclass(frozen=True)
class Shrunk(Method):
    """A method with a penalty and a strength of its own."""

    weight: float = 0.2
    name: ClassVar[str] = "shrunk"
    strength: ClassVar[Strength | None] = Strength("the factor of the penalty", below=1)

    def penalty(self, state):
        return self.weight * state.heads.square().sum()


def test_a_penalty_of_ones_own_needs_no_registration():
    encoder = tuning.TokenMLP(8, 4, width=5, seed=0)
    options = {"seeds": [3], "steps": 1, "learning_rate": 0.1}
    tuned = [
        tuning.fine_tune(encoder, TASK.tokens, TASK.labels, method=method, **options)
        for method in ("plain", Shrunk())
    ]
    start = tuning.fine_tune(
        encoder, TASK.tokens, TASK.labels, **{**options, "learning_rate": 1e-300}
    ).head
    np.testing.assert_allclose(tuned[1].head - tuned[0].head, -0.1 * 2 * 0.2 * start, rtol=1e-9)
    with pytest.raises(ValueError, match=r"weight of shrunk must be a number in \[0, 1\)"):
        Shrunk(weight=1)
