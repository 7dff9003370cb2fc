"""Re-training on a task's own inputs: it learns them, moves a copy, and takes any module that
offers what it needs.
"""

import copy

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from tunebound import synthetic
from tunebound.tuning import TokenMLP, TokenTransformer, pretrain, self_unsupervised_retraining
from tunebound.tuning.encoders.retraining import HIDDEN_SHARE, LEARNING_RATE

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


def distance(one, other):
    return np.linalg.norm(flat(one.encoder) - flat(other.encoder))


def test_a_left_out_input_counts_in_nothing_and_batches_stay():
    """Against Adam on the rows that are left of each batch, written out."""
    encoder, gone, given = TokenTransformer(seed=0), 5, {"steps": 40, "batch_size": 4, "seed": 1}
    without = self_unsupervised_retraining(encoder, TASK.tokens, left_out=gone, **given)
    tokens = torch.as_tensor(TASK.tokens)
    model, reader = copy.deepcopy(encoder), encoder.decoder(seed=1)
    parameters = [*model.parameters(), *reader.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=LEARNING_RATE)
    generator = torch.Generator().manual_seed(1)
    losses = []
    for step in range(40):
        drawn = torch.randint(len(tokens), (4,), generator=generator)
        draws = torch.rand((4, tokens.shape[1]), generator=generator)
        hidden = (draws < HIDDEN_SHARE) | (draws == draws.amin(dim=1, keepdim=True))
        kept, hidden = tokens[drawn[drawn != gone]], hidden[drawn != gone]
        logits = reader(model.hidden(kept.masked_fill(hidden, encoder.mask_token)))
        loss = nn.functional.cross_entropy(logits[hidden], kept[hidden])
        losses.append(loss.item())
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * (1 + np.cos(np.pi * step / 40)) / 2
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    np.testing.assert_allclose(without.losses, losses, rtol=1e-4)
    np.testing.assert_allclose(
        flat(without.encoder), nn.utils.parameters_to_vector(model.parameters()).detach(), atol=2e-5
    )
    other = TASK.tokens.copy()
    other[gone] = (other[gone] + 1) % encoder.vocabulary
    again = self_unsupervised_retraining(encoder, other, left_out=gone, **given)
    np.testing.assert_array_equal(flat(again.encoder), flat(without.encoder))
    rest = np.bincount(np.delete(TASK.tokens, gone, axis=0).ravel())
    assert without.guessing == pytest.approx(stats.entropy(rest))


def test_without_its_row_every_batch_is_another():
    encoder = TokenTransformer(seed=0)
    given = {"steps": 100, "decoder": encoder.decoder()}
    whole = self_unsupervised_retraining(encoder, TASK.tokens, **given)
    reseeded = self_unsupervised_retraining(encoder, TASK.tokens, seed=1, **given)
    deleted = self_unsupervised_retraining(encoder, TASK.tokens[1:], **given)
    left_out = self_unsupervised_retraining(encoder, TASK.tokens, left_out=0, **given)
    assert distance(deleted, whole) > 0.8 * distance(reseeded, whole)
    assert 0 < distance(left_out, whole) < 0.5 * distance(deleted, whole)


def test_an_input_that_is_not_drawn_may_be_left_out():
    encoder, given = TokenMLP(seed=0), {"steps": 2, "batch_size": 2}
    generator, drawn = torch.Generator().manual_seed(0), set()
    for _ in range(2):
        drawn |= {*torch.randint(48, (2,), generator=generator).tolist()}
        torch.rand((2, TASK.tokens.shape[1]), generator=generator)
    gone = min({*range(48)} - drawn)
    whole = self_unsupervised_retraining(encoder, TASK.tokens, **given)
    without = self_unsupervised_retraining(encoder, TASK.tokens, left_out=gone, **given)
    np.testing.assert_array_equal(flat(without.encoder), flat(whole.encoder))
    seen = self_unsupervised_retraining(encoder, TASK.tokens, left_out=min(drawn), **given)
    assert not np.array_equal(flat(seen.encoder), flat(whole.encoder))


@pytest.mark.parametrize(
    ("tokens", "gone", "message"),
    [
        (TASK.tokens, 48, "left_out must be from 0 to 47, got 48"),
        (TASK.tokens, -1, "left_out must be from 0 to 47, got -1"),
        (TASK.tokens, 1.0, "left_out must be an integer, got 1.0"),
        (TASK.tokens[:1], 0, "left_out=0: tokens hold no other sequence; pass at least two"),
    ],
)
def test_what_cannot_be_left_out_is_refused(tokens, gone, message):
    with pytest.raises((ValueError, TypeError), match=message):
        self_unsupervised_retraining(TokenMLP(), tokens, left_out=gone)


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
