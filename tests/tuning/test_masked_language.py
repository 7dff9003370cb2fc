"""Encoders of transformers in masked reconstruction: padding and special tokens, the checkpoint's
own head, and a decoder that learns first.
"""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from tests.tuning.test_retraining import Bag
from tunebound.tuning import (
    MaskedLanguageEncoder,
    TokenMLP,
    pretrain,
    self_unsupervised_retraining,
)
from tunebound.tuning.encoders.reconstruction import hidden_positions, reconstruction_loss

transformers = pytest.importorskip("transformers", reason="the encoders are of transformers")

PAD, UNKNOWN, CLS, SEP, MASK = range(5)
VOCABULARY = 20
TOKENIZER = SimpleNamespace(
    mask_token_id=MASK,
    pad_token_id=PAD,
    all_special_ids=[PAD, UNKNOWN, CLS, SEP, MASK],
    model_max_length=12,
)


def bert(kind):
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BertConfig(
        vocab_size=VOCABULARY,
        intermediate_size=16,
        max_position_embeddings=16,
        initializer_range=0.5,
        **sizes,
    )
    return kind(config).eval()


def masked_model():
    return bert(transformers.BertForMaskedLM)


def bare_model():
    return bert(transformers.BertModel)


def sentences(n=24, length=10):
    """[CLS] words [SEP] and padding; each word is the one before it plus one."""
    rng = np.random.default_rng(0)
    tokens = np.full((n, length), PAD)
    for row in tokens:
        words = int(rng.integers(2, length - 2))
        row[0], row[words + 1] = CLS, SEP
        row[1 : words + 1] = 5 + (rng.integers(15) + np.arange(words)) % 15
    return tokens


class Spy(MaskedLanguageEncoder):
    """Keeps what the encoder reads."""

    def hidden(self, tokens):
        self.seen.append(tokens.clone())
        return super().hidden(tokens)


def test_padding_and_special_tokens_are_never_hidden():
    spy, tokens = Spy(masked_model(), TOKENIZER), sentences()
    spy.seen = []
    again = self_unsupervised_retraining(spy, tokens, steps=20, batch_size=4, hidden_share=0.9)
    known = {tuple(row[row != PAD]) for row in tokens}
    assert len(again.encoder.seen) == 20
    for batch in again.encoder.seen:
        lengths = (batch != PAD).sum(dim=1)
        assert batch.shape[1] == lengths.max(), "cut to the longest"
        assert (batch == MASK).any(dim=1).all(), "something is hidden in every sequence"
        for row in batch.numpy():
            kept = row[row != PAD]
            assert kept[0] == CLS
            assert kept[-1] == SEP
            assert any(
                len(kept) == len(full) and all((kept == full) | (kept == MASK)) for full in known
            )


def test_the_loss_of_the_head_is_that_of_transformers():
    model, tokens = masked_model(), torch.tensor(sentences())
    encoder = MaskedLanguageEncoder(model, TOKENIZER)
    assert encoder.has_head
    hidden = hidden_positions(
        tokens.shape, 0.3, torch.Generator().manual_seed(0), encoder.maskable(tokens)
    )
    theirs = model(
        input_ids=tokens.masked_fill(hidden, MASK),
        attention_mask=(tokens != PAD).long(),
        labels=tokens.masked_fill(~hidden, -100),
    ).loss
    ours = reconstruction_loss(
        lambda visible: encoder.decoder()(encoder.hidden(visible)), tokens, hidden, encoder
    )
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)


def test_states_do_not_depend_on_padding():
    encoder = MaskedLanguageEncoder(bare_model(), TOKENIZER)
    tokens = torch.tensor(sentences())
    wider = nn.functional.pad(tokens, (0, 2), value=PAD)
    kept = tokens != PAD
    torch.testing.assert_close(encoder.hidden(tokens)[kept], encoder.hidden(wider)[:, :10][kept])


@pytest.mark.parametrize("made", [masked_model, bare_model])
def test_it_learns_the_inputs_and_leaves_the_original_alone(made):
    model = made()
    before = copy.deepcopy(model.state_dict())
    encoder = MaskedLanguageEncoder(model, TOKENIZER)
    again = self_unsupervised_retraining(
        encoder, sentences(), steps=300, learning_rate=1e-2, decoder_steps=0
    )
    assert again.losses[-30:].mean() < 0.8 * again.losses[:10].mean()
    assert again.losses[-30:].mean() < again.guessing
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    moved = again.encoder.base_model
    assert type(moved) is transformers.BertModel
    start = dict(model.base_model.named_parameters())
    assert any(not torch.equal(start[key], value) for key, value in moved.named_parameters())


def test_a_head_keeps_its_tie_to_the_embeddings():
    encoder = MaskedLanguageEncoder(masked_model(), TOKENIZER)
    again = self_unsupervised_retraining(encoder, sentences(), steps=3)
    model = again.encoder.module
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert not list(again.decoder.parameters())


def test_a_fresh_decoder_learns_before_the_encoder_moves():
    encoder = MaskedLanguageEncoder(bare_model(), TOKENIZER)
    given = {"steps": 1, "learning_rate": 1e-30, "batch_size": 64}
    ahead = self_unsupervised_retraining(encoder, sentences(), decoder_steps=300, **given)
    at_once = self_unsupervised_retraining(encoder, sentences(), decoder_steps=0, **given)
    assert ahead.distance < 1e-28
    assert ahead.losses[0] < 0.9 * at_once.losses[0]
    assert all(value.requires_grad for value in ahead.encoder.parameters())
    embeddings = encoder.module.get_input_embeddings().weight
    torch.testing.assert_close(ahead.decoder.embeddings, embeddings, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("encoder", "rate"), [(TokenMLP(seed=0), 3e-3), (Bag(), 5e-5), (masked_model, 5e-5)]
)
def test_encoders_from_elsewhere_start_with_a_small_step(encoder, rate):
    tokens = np.random.default_rng(0).integers(5, 20, size=(16, 8))
    if encoder is masked_model:
        encoder = MaskedLanguageEncoder(masked_model(), TOKENIZER)
    again = self_unsupervised_retraining(encoder, tokens, steps=1)
    largest = max(
        (now - then).abs().max().item()
        for now, then in zip(again.encoder.parameters(), encoder.parameters(), strict=True)
    )
    assert largest == pytest.approx(rate, rel=5e-3)  # Adam's first, in float32


def test_guessing_is_by_the_tokens_that_may_be_hidden():
    tokens = sentences()
    encoder = MaskedLanguageEncoder(masked_model(), TOKENIZER)
    found = pretrain(encoder, tokens, steps=1, batch_size=2).guessing
    words = tokens[tokens >= 5]
    shares = np.unique(words, return_counts=True)[1] / len(words)
    assert found == pytest.approx(-(shares * np.log(shares)).sum(), rel=1e-12)


def test_hidden_positions_are_among_those_allowed():
    generator = torch.Generator().manual_seed(0)
    allowed = torch.rand((2000, 7), generator=generator) < 0.5
    allowed[0] = False
    hidden = hidden_positions(allowed.shape, 0.3, generator, allowed)
    assert not (hidden & ~allowed).any()
    assert torch.equal(hidden.any(dim=1), allowed.any(dim=1))
    count, share = allowed.sum(dim=1), 0.3
    expected = count * share + (1 - share) ** count * (count > 0)  # or the smallest draw alone
    assert hidden.sum().item() == pytest.approx(expected.sum().item(), rel=0.03)


def without(name):
    return SimpleNamespace(**{key: v for key, v in vars(TOKENIZER).items() if key != name})


@pytest.mark.parametrize(
    ("module", "tokenizer", "message"),
    [
        (nn.Linear(2, 2), TOKENIZER, "module must be an encoder of transformers .* got Linear"),
        (None, TOKENIZER, "module must be an encoder of transformers .* got NoneType"),
        (bare_model(), without("mask_token_id"), "SimpleNamespace has no mask_token_id"),
        (bare_model(), without("pad_token_id"), "SimpleNamespace has no pad_token_id"),
    ],
)
def test_what_is_no_masked_language_encoder_is_refused(module, tokenizer, message):
    with pytest.raises(TypeError, match=message):
        MaskedLanguageEncoder(module, tokenizer)


@pytest.mark.parametrize("method", ["hidden", "maskable"])
def test_what_are_no_tokens_is_refused(method):
    call = getattr(MaskedLanguageEncoder(bare_model(), TOKENIZER), method)
    with pytest.raises(TypeError, match="tokens must be a dense tensor of token ids, got list"):
        call([[1, 2]])
    with pytest.raises(TypeError, match=r"tokens must be integers, got torch.float32"):
        call(torch.ones(2, 3))


def test_sequences_that_do_not_fit_are_refused():
    encoder, tokens = MaskedLanguageEncoder(masked_model(), TOKENIZER), sentences()
    assert encoder.length == 12
    with pytest.raises(ValueError, match=r"inputs must have shape \(N, at most 12\)"):
        self_unsupervised_retraining(encoder, np.ones((3, 13), dtype=int))
    tokens[5, 1:] = PAD
    with pytest.raises(ValueError, match="sequence 5 holds nothing but padding and special"):
        self_unsupervised_retraining(encoder, tokens)
