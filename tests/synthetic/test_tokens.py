"""Token tasks: the planted latent decides the label, the distributions are the stated ones."""

from __future__ import annotations

import numpy as np
import pytest

from tunebound.synthetic.tokens import make_token_task


@pytest.mark.parametrize("margin", [0.0, 0.25, 0.9, 1.0])
@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_tokens_determine_labels_with_the_margin(margin, shift):
    task = make_token_task(200, margin=margin, shift=shift, length=11, seed=3)
    # The rule from the tokens alone, counted by hand.
    for tokens, label, score, topics in zip(
        task.tokens, task.labels, task.scores, task.topics, strict=True
    ):
        values = [task.polarity[task.topic_of_token[token]] for token in tokens]
        assert sum(values) / 11 == pytest.approx(score, abs=1e-15)
        assert label * score >= max(margin - 1e-12, 1 / 11 - 1e-12)
        assert [task.topic_of_token[token] for token in tokens] == topics.tolist()
    assert task.tokens.dtype == task.labels.dtype == np.int64
    assert task.tokens.shape == (200, 11)
    assert task.tokens.min() >= 0
    assert task.tokens.max() < 32
    assert (task.n, task.length, task.vocabulary) == (200, 11, 32)


@pytest.mark.parametrize(("balance", "positive"), [(0.5, 50), (0.1, 10), (0.99, 99)])
def test_the_class_balance_is_exact(balance, positive):
    assert (make_token_task(100, balance=balance).labels == 1).sum() == positive


def test_the_planted_tables_are_distributions_within_the_topics():
    task = make_token_task(shift=0.3, vocabulary=30, topics=6, seed=5)
    assert np.allclose(task.emission.sum(axis=1), 1, rtol=0, atol=1e-14)
    assert np.allclose(task.transition.sum(axis=2), 1, rtol=0, atol=1e-14)
    assert ((task.emission > 0) == (task.topic_of_token == np.arange(6)[:, None])).all()
    assert sorted(np.bincount(task.topic_of_token)) == [5] * 6
    assert task.polarity.sum() == 0


def test_tokens_follow_the_planted_emission():
    task = make_token_task(4000, length=20, seed=2)
    for topic in range(4):
        drawn = task.tokens[task.topics == topic]
        counts = np.bincount(drawn, minlength=32)
        expected = task.emission[topic] * len(drawn)
        possible = expected > 0
        assert counts[~possible].sum() == 0
        chi = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
        # five standard deviations above the mean of chi-squared with 7 degrees of freedom
        assert chi < 7 + 5 * np.sqrt(14)


def test_topics_follow_the_planted_chain_where_no_sequence_is_drawn_again():
    # Of two tokens with margin 0 only ties are drawn again, so agreeing pairs keep their odds.
    task = make_token_task(60_000, length=2, margin=0.0, seed=1)
    pairs = task.topics[task.labels == 1]
    table = task.transition[1]
    own = np.flatnonzero(task.polarity > 0)
    for first in own:
        seen = pairs[pairs[:, 0] == first, 1]
        odds = table[first, own] / table[first, own].sum()
        share = np.array([(seen == topic).mean() for topic in own])
        assert np.abs(share - odds).max() < 5 * np.sqrt(0.25 / len(seen))


def test_shift_is_the_distance_from_pre_training():
    tables = {
        shift: make_token_task(shift=shift, seed=4).emission for shift in (0.0, 0.25, 0.5, 1.0)
    }
    corpus = make_token_task(1000, seed=99).emission
    assert np.array_equal(tables[0.0], corpus)
    far = 0.5 * np.abs(tables[1.0] - corpus).sum(axis=1).max()
    assert 0.05 < far <= 1
    for shift in (0.25, 0.5):
        distance = 0.5 * np.abs(tables[shift] - corpus).sum(axis=1).max()
        assert distance == pytest.approx(shift * far, rel=1e-12)
    walks = {shift: make_token_task(shift=shift, seed=4).transition for shift in (0.0, 0.5)}
    assert np.abs(walks[0.5] - walks[0.0]).max() > 0.01


def test_a_world_shares_its_topics_and_seeds_are_reproducible():
    first, again, other = (make_token_task(seed=seed, shift=0.5) for seed in (1, 1, 2))
    assert np.array_equal(first.tokens, again.tokens)
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.tokens, other.tokens)
    assert np.array_equal(first.topic_of_token, other.topic_of_token)
    elsewhere = make_token_task(world=1, seed=1, shift=0.5)
    assert not np.array_equal(first.topic_of_token, elsewhere.topic_of_token)
    assert first.name == "tokens-n64-l8-v32-m0.25-shift0.5-w0-s1"
    assert repr(first) == f"<TokenTask {first.name}>"


def test_masked_tokens_can_be_guessed_from_their_neighbours():
    task = make_token_task(3000, seed=8)
    neighbours = task.topic_of_token[task.tokens]
    same = (neighbours[:, 1:] == neighbours[:, :-1]).mean()
    shares = np.bincount(neighbours.ravel()) / neighbours.size
    assert same > (shares**2).sum() + 0.2


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (dict(n=1), ValueError, "n must be at least 2, got 1; a task needs both labels"),
        (dict(n=True), TypeError, "n must be an integer"),
        (dict(length=1), ValueError, "length must be at least 2"),
        (dict(topics=3), ValueError, "topics must be even, got 3; half of them"),
        (dict(topics=0), ValueError, "topics must be at least 2"),
        (
            dict(vocabulary=3),
            ValueError,
            "vocabulary must be at least 4, got 3; each topic needs a token",
        ),
        (dict(balance=1.2), ValueError, "balance must be finite and in"),
        (
            dict(balance=0.001),
            ValueError,
            "balance=0.001 leaves a class empty at n=64; move it towards 0.5 or raise n",
        ),
        (dict(balance="half"), TypeError, "balance must be a real number"),
        (dict(shift=-0.1), ValueError, r"shift must be finite and in \[0, 1\]"),
        (dict(margin=float("nan")), ValueError, r"margin must be finite and in \[0, 1\]"),
        (dict(world=-1), ValueError, "world must be at least 0"),
        (dict(seed=1.5), TypeError, "seed must be an integer"),
    ],
)
def test_bad_requests_are_refused(change, kind, message):
    with pytest.raises(kind, match=message):
        make_token_task(**change)


def test_an_unreachable_margin_is_refused(monkeypatch):
    monkeypatch.setattr("tunebound.synthetic.tokens.ROUNDS", 1)
    with pytest.raises(
        ValueError,
        match=r"margin=0.9 was not reached by \d+ of 64 sequences .* lower margin or length",
    ):
        make_token_task(margin=0.9, length=50)
