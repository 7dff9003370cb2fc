"""Methods that move the embeddings, at random or against the loss, on one batch by hand: LNSR, R3F,
SMART and FreeLB.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import approx_fprime
from scipy.special import expit, rel_entr

from tests.tuning.one_step import COUNTED, KEEP, TASK, features, small_encoder, state
from tunebound import tuning

NOISE = np.random.default_rng(0).normal(size=(12, 4, 3))
STILL = {"noise": torch.zeros(12, 4, 3, dtype=torch.float64)}


@pytest.fixture
def encoder():
    return small_encoder()


def test_noise_stability_is_the_mean_squared_move_of_the_features(encoder):
    method = tuning.methods()["noise_stability"]
    value = method.penalty(state(encoder, {"noise": torch.tensor(NOISE)}, torch.tensor(COUNTED)))
    parameters = dict(encoder.named_parameters())
    moved = ((features(parameters, NOISE) - features(parameters, 0)) ** 2).sum(axis=1)
    assert value.item() == pytest.approx(method.strength * moved[:9].mean(), rel=1e-12)
    assert method.penalty(state(encoder, STILL)).item() == 0


def test_smoothness_is_the_symmetric_divergence_of_the_predictions(encoder):
    method = tuning.methods()["smoothness"]
    given = state(encoder, {"noise": torch.tensor(NOISE)}, torch.tensor(COUNTED))
    value = method.penalty(given)
    head, bias = given.heads.mean(dim=0).numpy(), given.biases.mean().item()
    p, q = (expit(features(given.parameters, noise) @ head + bias) for noise in (0, NOISE))
    divergence = rel_entr(p, q) + rel_entr(1 - p, 1 - q) + rel_entr(q, p) + rel_entr(1 - q, 1 - p)
    assert value.item() == pytest.approx(method.strength * divergence[:9].mean(), rel=1e-10)
    assert method.penalty(state(encoder, STILL)).item() == 0


@pytest.mark.parametrize(
    ("method", "scale"),
    [
        ("noise_stability", 0.3),
        ("noise_stability_published", 0.05),
        ("smoothness", 0.3),
        ("smoothness_published", 2e-4),
    ],
)
def test_noise_has_the_scale_that_the_method_states(method, scale):
    generators = [torch.Generator().manual_seed(seed) for seed in range(2)]
    encoder = tuning.TokenMLP(8, 4, embedding=50, width=5)
    drawn = tuning.methods()[method].draw(encoder, 64, generators)["noise"]
    assert drawn.shape == (2, 64, 4, 50)
    assert drawn.std().item() == pytest.approx(scale, rel=0.02)
    assert not torch.equal(drawn[0], drawn[1])
    assert f"{scale:g}" in tuning.methods()[method].formula


def divergence(first, second):
    """Symmetric Kullback–Leibler divergence of two-class predictions with these logits."""
    p, q = expit(first), expit(second)
    return rel_entr(p, q) + rel_entr(1 - p, 1 - q) + rel_entr(q, p) + rel_entr(1 - q, 1 - p)


def logits(given, move):
    """Of the mean head, without dropout."""
    head, bias = given.heads.mean(dim=0).numpy(), given.biases.mean().item()
    return features(given.parameters, move) @ head + bias


def test_the_worst_move_and_the_averaged_iterate_make_up_the_penalty_of_smart(encoder):
    given = state(encoder, {"first": torch.tensor(0.01 * NOISE)}, torch.tensor(COUNTED))
    method = replace(tuning.methods()["adversarial_smoothness"], strength=0.7)
    still = logits(given, 0)

    def of_move(flat):
        return divergence(still, logits(given, flat.reshape(12, 4, 3))).sum()

    start = 0.01 * NOISE
    slope = approx_fprime(start.ravel(), of_move, 1e-7).reshape(12, 4, 3)
    steepest = np.abs(slope).max(axis=(1, 2), keepdims=True)
    worst = np.clip(start + 0.3 * slope / steepest, -0.3, 0.3)
    smooth = divergence(still, logits(given, worst))[:9].mean()
    head, bias = given.trail.heads.mean(dim=0).numpy(), given.trail.biases.mean().item()
    near = divergence(still, features(given.trail.parameters, 0) @ head + bias)[:9].mean()
    value = method.penalty(given).item()
    assert value == pytest.approx(0.7 * (smooth + near), rel=1e-4)
    # worse than noise of the same size in every entry
    signs = np.random.default_rng(5).choice([-0.3, 0.3], size=(200, 12, 4, 3))
    random = [divergence(still, logits(given, move))[:9].mean() for move in signs]
    assert smooth > np.quantile(random, 0.9)


def test_freelb_replaces_the_loss_by_those_of_the_adversarys_places(encoder):
    method = replace(tuning.methods()["free_adversarial"], strength=0.5)
    first = 0.25 * np.random.default_rng(1).uniform(-1, 1, size=(12, 4, 3))
    given = state(encoder, {"first": torch.tensor(first)}, torch.tensor(COUNTED))
    heads, biases = given.heads.numpy(), given.biases.numpy()

    def loss(move):
        dropped = features(given.parameters, move) * KEEP
        each = np.logaddexp(0, -TASK.labels[:, None] * (dropped @ heads.T + biases))
        return each.mean(axis=1)[:9].mean()

    slope = approx_fprime(first.ravel(), lambda flat: loss(flat.reshape(12, 4, 3)), 1e-7)
    slope = slope.reshape(12, 4, 3)
    largest = 0.5 * np.sqrt(12)
    second = first.copy()
    for j in range(9):
        ahead = first[j] + largest / 4 * slope[j] / np.linalg.norm(slope[j])
        second[j] = ahead * min(1, largest / np.linalg.norm(ahead))
    value = method.penalty(given).item()
    assert value == pytest.approx((loss(first) + loss(second)) / 2 - loss(0), rel=1e-5)
    assert loss(second) > loss(first)


def test_the_adversary_of_freelb_stays_in_its_ball_and_starts_within_half_of_it(encoder):
    method = replace(tuning.methods()["free_adversarial"], strength=0.5)
    generators = [torch.Generator().manual_seed(seed) for seed in range(300)]
    first = method.draw(encoder, 12, generators)["first"]
    # uniform in ±m has root mean square m/√3
    assert first.square().mean().sqrt().item() == pytest.approx(0.25 / np.sqrt(3), rel=0.01)
    assert first.abs().max() <= 0.25
    # a start outside, as it cannot be drawn: the second place is on the sphere
    far = state(encoder, {"first": torch.tensor(10 * NOISE)})
    seen = []
    original = encoder.embed

    def embed(tokens, table):
        seen.append(encoder.perturbation)
        return original(tokens, table)

    encoder.embed = embed
    method.penalty(far)
    second = seen[-1].reshape(12, -1)
    np.testing.assert_allclose(second.norm(dim=1), 0.5 * np.sqrt(12), rtol=1e-12)


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


@pytest.mark.parametrize(
    "method", ["smoothness", "noise_stability", "free_adversarial", "adversarial_smoothness"]
)
def test_noise_on_embeddings_asks_for_a_table(method):
    with pytest.raises(TypeError, match="encoder Unembedded has no parameter table"):
        tuning.fine_tune(Unembedded(), TASK.tokens, TASK.labels, method=method, seeds=[1])
    assert (
        tuning.fine_tune(Unembedded(), TASK.tokens, TASK.labels, seeds=[1], steps=3).distance[0] > 0
    )
