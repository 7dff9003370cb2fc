"""Re-training on a task's own inputs: it learns them, moves a copy, and takes any module that
offers what it needs.
"""

import numpy as np
import pytest
import torch
from torch import nn

from tunebound import synthetic
from tunebound.tuning import TokenMLP, TokenTransformer, pretrain, self_unsupervised_retraining

TASK = synthetic.make_token_task(48, shift=0.7, seed=3)
CORPUS = synthetic.make_token_task(1024, seed=0).tokens


def flat(module):
    return nn.utils.parameters_to_vector(module.parameters()).detach().numpy()


@pytest.mark.parametrize("kind", [TokenMLP, TokenTransformer])
def test_it_learns_the_inputs_and_leaves_the_original_alone(kind):
    before = pretrain(kind(seed=0), CORPUS, steps=200)
    start = flat(before.encoder).copy()
    again = self_unsupervised_retraining(
        before.encoder, TASK.tokens, steps=400, learning_rate=1e-2, decoder=before.decoder
    )
    assert again.losses[-20:].mean() < 0.95 * again.losses[:20].mean()
    np.testing.assert_array_equal(flat(before.encoder), start)
    assert again.distance == pytest.approx(np.linalg.norm(flat(again.encoder) - start), rel=1e-6)
    assert again.distance > 0


def test_inputs_outside_it_play_no_part():
    encoder = TokenMLP(seed=0)
    some = self_unsupervised_retraining(encoder, TASK.tokens[:-1], steps=5, seed=1)
    same = self_unsupervised_retraining(encoder, TASK.tokens[:-1].copy(), steps=5, seed=1)
    np.testing.assert_array_equal(flat(some.encoder), flat(same.encoder))
    other = self_unsupervised_retraining(encoder, TASK.tokens[:-1], steps=5, seed=2)
    assert not np.array_equal(flat(some.encoder), flat(other.encoder))


class Bag(nn.Module):
    """A module of one's own: a sequence's mean embedding at every position."""

    vocabulary, length, mask_token = 32, 8, 32

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(33, 6)

    def hidden(self, tokens):
        return self.table(tokens).mean(dim=-2, keepdim=True).expand(-1, self.length, -1)

    def decoder(self, *, seed=0):
        return nn.Linear(6, 32)


def test_a_bag_that_is_not_whole_is_refused():
    for name, value, error, message in (
        ("vocabulary", "many", TypeError, "encoder.vocabulary must be an integer, got 'many'"),
        ("length", 0, ValueError, "encoder.length must be at least 1"),
        ("hidden", 3, TypeError, "encoder.hidden of Bag must be a method"),
    ):
        bag = Bag()
        setattr(bag, name, value)
        with pytest.raises(error, match=message):
            self_unsupervised_retraining(bag, TASK.tokens)


def test_any_module_that_offers_what_is_asked():
    torch.manual_seed(0)
    again = self_unsupervised_retraining(Bag(), TASK.tokens, steps=300, learning_rate=3e-2)
    assert again.losses[-30:].mean() < again.losses[:30].mean()
    assert isinstance(again.encoder, Bag)


def test_what_is_missing_is_named():
    with pytest.raises(
        TypeError,
        match=(
            r"Linear lacks vocabulary, length, mask_token, hidden, decoder; see"
            r" tuning.MaskedEncoder"
        ),
    ):
        self_unsupervised_retraining(nn.Linear(2, 2), TASK.tokens)
    with pytest.raises(ValueError, match="inputs must lie in"):
        self_unsupervised_retraining(TokenMLP(vocabulary=8), TASK.tokens)
    with pytest.raises(TypeError, match="encoder dict lacks"):
        self_unsupervised_retraining({}, TASK.tokens)
    frozen = TokenMLP().requires_grad_(False)
    with pytest.raises(
        ValueError, match="encoder TokenMLP has no parameter that requires a gradient; unfreeze"
    ):
        self_unsupervised_retraining(frozen, TASK.tokens)
    with pytest.raises(TypeError, match="decoder must be a torch module or None, got str"):
        self_unsupervised_retraining(TokenMLP(), TASK.tokens, decoder="linear")
    with pytest.raises(
        ValueError,
        match=(
            r"decoder must return logits \(16, 8, 32\) \(batch, length, vocabulary\), got \(16, 7\)"
        ),
    ):
        self_unsupervised_retraining(TokenMLP(), TASK.tokens, decoder=nn.Linear(32, 7))
    with pytest.raises(ValueError, match="steps must be at least 1"):
        self_unsupervised_retraining(TokenMLP(), TASK.tokens, steps=0)
