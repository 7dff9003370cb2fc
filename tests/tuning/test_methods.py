"""The methods' own formulas, evaluated on one batch by hand, and a method of one's own."""

import numpy as np
import pytest
import torch
from scipy.special import expit, rel_entr

import synthetic
import tuning
from tuning.methods import Method, State, perturbed, register
from tuning.methods import method as registry

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
    return State(encoder, weights, weights, heads, biases, tokens, labels, counted, encoder(tokens).detach(), {"noise": noise})


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
    tuned = tuning.fine_tune(encoder, TASK.tokens, TASK.labels, method="reinitialisation", seeds=[1, 2], steps=1)
    before = {key: value.double() for key, value in encoder.named_parameters()}
    changed = {key for key, value in tuned.start.items() if not torch.equal(value[0], before[key])}
    assert len(changed) == 2  # a layer's weight and bias
    assert len({key.rpartition(".")[0] for key in changed}) == 1
    for key in changed:
        assert not torch.equal(tuned.start[key][0], tuned.start[key][1]), "each seed draws its own"
        limit = before[key.rpartition(".")[0] + ".weight"].shape[1] ** -0.5
        assert tuned.start[key].abs().max() <= limit


def test_mixout_keeps_the_expectation(encoder):
    mixout = tuning.methods()["mixout"]
    drawn = mixout.draw(encoder, 1, [torch.Generator().manual_seed(seed) for seed in range(4000)])["mask"]
    assert drawn.mean().item() == pytest.approx(mixout.weight, abs=0.01)
    ones = torch.ones(100, dtype=torch.float64)
    weights, start = {"w": torch.cat([2 * ones, -ones])}, {"w": torch.cat([0.5 * ones, 3 * ones])}
    size = weights["w"].numel()
    used = torch.stack([mixout.used(weights, start, {"mask": mask.repeat(size)[:size]})["w"] for mask in drawn])
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
        own = tuning.fine_tune(encoder, TASK.tokens, TASK.labels, method="halved", seeds=[3], steps=5, learning_rate=0.2)
        plain = tuning.fine_tune(encoder, TASK.tokens, TASK.labels, seeds=[3], steps=5, learning_rate=0.1)
        np.testing.assert_array_equal(own.flat_weights, plain.flat_weights)
        with pytest.raises(ValueError, match="did you mean 'halved'"):
            tuning.fine_tune(encoder, TASK.tokens, TASK.labels, method="halve", seeds=[3])
    finally:
        registry._registry.pop("halved", None)
