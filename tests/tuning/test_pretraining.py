"""Masked reconstruction: it learns the planted structure, repeats itself exactly and refuses bad
input.
"""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from tunebound.synthetic.tokens import make_token_task
from tunebound.tuning.encoders.pretraining import pretrain
from tunebound.tuning.encoders.reconstruction import hidden_positions
from tunebound.tuning.encoders.tokens import TokenMLP, TokenTransformer

CORPUS = make_token_task(2000, margin=0.0, seed=1000)


@pytest.mark.parametrize("kind", [TokenMLP, TokenTransformer])
def test_it_learns_more_than_frequencies(kind):
    encoder = kind()
    before = copy.deepcopy(encoder.state_dict())
    result = pretrain(encoder, CORPUS.tokens, steps=300)
    shares = np.bincount(CORPUS.tokens.ravel(), minlength=32) / CORPUS.tokens.size
    assert result.guessing == pytest.approx(-(shares * np.log(shares)).sum(), rel=1e-12)
    assert result.losses.shape == (300,)
    assert result.losses[0] > np.log(32) - 0.2
    assert result.losses[-50:].mean() < result.guessing - 0.3
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    # On sequences it has not seen, the hidden token's topic stands out.
    fresh = torch.tensor(make_token_task(500, margin=0.0, seed=7).tokens)
    hidden = fresh.clone()
    hidden[:, 4] = encoder.mask_token
    with torch.no_grad():
        guesses = result.decoder(result.encoder.hidden(hidden))[:, 4].softmax(dim=-1).numpy()
    topics = np.stack(
        [guesses[:, CORPUS.topic_of_token == topic].sum(axis=1) for topic in range(4)], axis=1
    )
    right = (topics.argmax(axis=1) == CORPUS.topic_of_token[fresh[:, 4]]).mean()
    assert right > 0.5


def test_the_reported_loss_is_the_cross_entropy_of_the_hidden_tokens():
    encoder = TokenTransformer()
    result = pretrain(encoder, CORPUS.tokens, steps=1, batch_size=16, seed=4)
    generator = torch.Generator().manual_seed(4)
    chosen = torch.tensor(CORPUS.tokens)[torch.randint(2000, (16,), generator=generator)]
    hidden = hidden_positions(chosen.shape, 0.25, generator)
    with torch.no_grad():
        logits = encoder.decoder(seed=4)(encoder.hidden(torch.where(hidden, 32, chosen)))
    terms = [
        torch.logsumexp(logits[row, place], 0) - logits[row, place, chosen[row, place]]
        for row, place in zip(*torch.where(hidden), strict=True)
    ]
    assert result.losses[0] == pytest.approx(float(sum(terms) / len(terms)), rel=1e-5)


def test_masks_hide_the_share_and_at_least_one():
    generator = torch.Generator().manual_seed(0)
    wide = hidden_positions(torch.Size((2000, 50)), 0.3, generator)
    assert wide.double().mean().item() == pytest.approx(0.3, abs=0.01)
    assert (hidden_positions(torch.Size((500, 3)), 1e-9, generator).sum(dim=1) == 1).all()


def test_the_seed_decides_and_the_global_generator_does_not():
    results = []
    for global_seed, seed in ((1, 5), (2, 5), (1, 6)):
        torch.manual_seed(global_seed)
        results.append(pretrain(TokenMLP(), CORPUS.tokens, steps=5, seed=seed))
    first, again, other = results
    assert np.array_equal(first.losses, again.losses)
    assert torch.equal(first.encoder.table, again.encoder.table)
    assert not np.array_equal(first.losses, other.losses)


def test_training_can_go_on_with_the_same_decoder():
    first = pretrain(TokenMLP(), CORPUS.tokens, steps=200)
    onward = pretrain(
        first.encoder, CORPUS.tokens, steps=20, decoder=first.decoder, learning_rate=1e-4, seed=1
    )
    afresh = pretrain(first.encoder, CORPUS.tokens, steps=20, learning_rate=1e-4, seed=1)
    assert onward.losses.mean() < afresh.losses.mean() - 0.3
    assert abs(onward.losses.mean() - first.losses[-20:].mean()) < 0.1


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (
            dict(encoder=nn.Linear(2, 2)),
            TypeError,
            "encoder Linear lacks vocabulary, length, mask_token, hidden, decoder",
        ),
        (
            dict(tokens=CORPUS.tokens.astype(float)),
            TypeError,
            "tokens must hold integers, got dtype float64",
        ),
        (
            dict(tokens=CORPUS.tokens[:, :5]),
            ValueError,
            r"tokens must have shape \(N, 8\) for this encoder, got \(2000, 5\)",
        ),
        (dict(tokens=CORPUS.tokens[:0]), ValueError, r"tokens must have shape \(N, 8\)"),
        (
            dict(tokens=CORPUS.tokens + 1),
            ValueError,
            r"tokens must lie in \[0, 32\) for this encoder, got 1..32",
        ),
        (dict(steps=0), ValueError, "steps must be at least 1"),
        (dict(batch_size=0), ValueError, "batch_size must be at least 1"),
        (
            dict(hidden_share=1.0),
            ValueError,
            r"hidden_share must be finite and in \(0, 1\), got 1.0; some tokens must stay visible",
        ),
        (dict(hidden_share=0.0), ValueError, r"hidden_share must be finite and in \(0, 1\)"),
        (dict(learning_rate="auto"), TypeError, "learning_rate must be a real number"),
        (dict(seed=-1), ValueError, "seed must be from 0 to"),
    ],
)
def test_bad_arguments_are_refused(change, kind, message):
    with pytest.raises(kind, match=message):
        pretrain(**(dict(encoder=TokenMLP(), tokens=CORPUS.tokens, steps=1) | change))


def test_a_run_that_diverges_says_so():
    with pytest.raises(
        FloatingPointError,
        match=r"the loss is no longer finite at step \d+; lower learning_rate=1e\+30",
    ):
        pretrain(TokenTransformer(), CORPUS.tokens, steps=50, learning_rate=1e30)
