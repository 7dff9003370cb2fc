"""The encoders: shapes, smoothness, the attention against torch's own, seeds and errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tunebound.synthetic.tokens import make_token_task
from tunebound.tuning.encoders.tokens import SequenceClassifier, TokenMLP, TokenTransformer, seeded

KINDS = [TokenMLP, TokenTransformer]
TOKENS = torch.tensor(make_token_task(6).tokens)


@pytest.mark.parametrize("kind", KINDS)
def test_shapes(kind):
    encoder = kind()
    assert encoder(TOKENS).shape == (6, encoder.features)
    assert encoder.decoder()(encoder.hidden(TOKENS)).shape == (6, 8, 32)
    assert SequenceClassifier(encoder)(TOKENS).shape == (6,)
    assert encoder.parameter_count == sum(value.numel() for value in encoder.state_dict().values())
    assert 1000 < encoder.parameter_count < 5000
    assert encoder.mask_token == 32
    masked = TOKENS.clone()
    masked[:, 0] = encoder.mask_token
    assert not torch.equal(encoder(masked), encoder(TOKENS))


@pytest.mark.parametrize("kind", KINDS)
def test_samples_do_not_see_each_other_and_modes_agree(kind):
    encoder = kind().double()
    together = encoder.train()(TOKENS)
    alone = torch.cat([encoder.eval()(TOKENS[i : i + 1]) for i in range(6)])
    assert torch.allclose(together, alone, rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_tokens_matters(kind):
    encoder = kind().double()
    assert (encoder(TOKENS) - encoder(TOKENS.flip(1))).abs().max() > 1e-3


def test_embedding_is_a_row_of_the_table():
    encoder = TokenMLP()
    assert torch.equal(encoder.embed(TOKENS, encoder.table), encoder.table[TOKENS])


@pytest.mark.parametrize("heads", [1, 2])
def test_the_transformer_agrees_with_torch(heads):
    encoder = TokenTransformer(width=16, heads=heads, layers=2, expansion=3).double()
    stream = encoder.table[TOKENS] + encoder.positions
    for layer in encoder.layers:
        reference = nn.TransformerEncoderLayer(
            16,
            heads,
            dim_feedforward=48,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
            dtype=torch.float64,
        )
        reference.self_attn.in_proj_weight.data = layer.queries_keys_values.weight.data
        reference.self_attn.in_proj_bias.data = layer.queries_keys_values.bias.data
        reference.self_attn.out_proj.load_state_dict(layer.mix.state_dict())
        reference.linear1.load_state_dict(layer.widen.state_dict())
        reference.linear2.load_state_dict(layer.narrow.state_dict())
        stream = reference.train()(stream)
    expected = nn.functional.layer_norm(stream, (16,)).mean(dim=1)
    assert torch.allclose(encoder(TOKENS), expected, rtol=0, atol=1e-12)


def test_the_mlp_by_hand():
    encoder = TokenMLP(seed=3).double()
    embedded = encoder.table.detach().numpy()[TOKENS.numpy()].reshape(6, -1)
    first = np.tanh(
        embedded @ encoder.first.weight.detach().numpy().T + encoder.first.bias.detach().numpy()
    )
    second = np.tanh(
        first @ encoder.second.weight.detach().numpy().T + encoder.second.bias.detach().numpy()
    )
    assert np.allclose(encoder(TOKENS).detach().numpy(), second, rtol=0, atol=1e-14)
    deeper = TokenMLP(layers=4, seed=3).double()
    for key, value in encoder.named_parameters():
        assert torch.equal(deeper.get_parameter(key), value), "further layers are drawn last"
    for layer in deeper.further:
        second = np.tanh(second @ layer.weight.detach().numpy().T + layer.bias.detach().numpy())
    assert len(deeper.further) == 2
    assert np.allclose(deeper(TOKENS).detach().numpy(), second, rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_second_derivatives_exist_and_are_right(kind):
    options = dict(width=4, embedding=2) if kind is TokenMLP else dict(width=4, expansion=1)
    classifier = SequenceClassifier(kind(5, 3, **options)).double()
    tokens = torch.tensor([[0, 1, 4], [3, 3, 2]])

    def output(*values):
        names = [name for name, _ in classifier.named_parameters()]
        return torch.func.functional_call(
            classifier, dict(zip(names, values, strict=True)), (tokens,)
        )

    values = [value.detach().clone().requires_grad_(True) for value in classifier.parameters()]
    assert torch.autograd.gradcheck(output, values, fast_mode=True)
    assert torch.autograd.gradgradcheck(output, values, fast_mode=True)


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_decide_and_the_global_generator_is_left_alone(kind):
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    first, again, other = kind(seed=1), kind(seed=1), kind(seed=2)
    heads = [SequenceClassifier(first, seed=seed).head.weight for seed in (1, 1, 2)]
    decoders = [next(first.decoder(seed=seed).parameters()) for seed in (1, 1, 2)]
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first(TOKENS), again(TOKENS))
    assert not torch.equal(first(TOKENS), other(TOKENS))
    for drawn in (heads, decoders):
        assert torch.equal(drawn[0], drawn[1])
        assert not torch.equal(drawn[0], drawn[2])


def test_the_generator_comes_back_after_an_error():
    state = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), seeded(5):
        raise ZeroDivisionError(torch.rand(1))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: TokenMLP(1), ValueError, "vocabulary must be at least 2"),
        (lambda: TokenMLP(8, 0), ValueError, "length must be at least 1"),
        (lambda: TokenMLP(width=0), ValueError, "width must be at least 1"),
        (lambda: TokenMLP(embedding=True), TypeError, "embedding must be an integer"),
        (lambda: TokenMLP(layers=1), ValueError, "layers must be at least 2, got 1"),
        (lambda: TokenMLP(seed=-1), ValueError, "seed must be from 0 to"),
        (
            lambda: TokenTransformer(width=6, heads=4),
            ValueError,
            "width must be a multiple of heads, got width=6 and heads=4",
        ),
        (lambda: TokenTransformer(heads=0), ValueError, "heads must be at least 1"),
        (lambda: TokenTransformer(layers=1.0), TypeError, "layers must be an integer"),
        (lambda: TokenTransformer(expansion=0), ValueError, "expansion must be at least 1"),
        (
            lambda: SequenceClassifier(nn.Linear(2, 2)),
            TypeError,
            "encoder must state the size of its output as encoder.features, got None",
        ),
    ],
)
def test_bad_arguments_are_refused(make, kind, message):
    with pytest.raises(kind, match=message):
        make()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("tokens", "error", "message"),
    [
        (
            [[1] * 8],
            TypeError,
            "tokens must be a dense tensor of token ids, got list; pass torch.a",
        ),
        (
            TOKENS.to_sparse(),
            TypeError,
            "dense tensor of token ids, got a tensor of torch.int64, t",
        ),
        (TOKENS.double(), TypeError, "tokens must be integers, got torch.float64; pass token ids"),
        (TOKENS > 1, TypeError, "tokens must be integers, got torch.bool"),
        (TOKENS[:, :5], ValueError, r"tokens must have shape \(batch, 8\), got \(6, 5\); pad or"),
        (TOKENS.to("meta"), ValueError, "tokens are on meta, the encoder's table is on cpu; move"),
    ],
)
def test_what_are_no_tokens_is_refused(kind, tokens, error, message):
    for call in (kind(), kind().hidden, SequenceClassifier(kind())):
        with pytest.raises(error, match=message):
            call(tokens)


def test_what_is_no_table_is_refused():
    encoder = TokenMLP()
    with pytest.raises(TypeError, match="table must be a floating-point tensor, got ndarray"):
        encoder.embed(TOKENS, np.ones((33, 4)))
    with pytest.raises(ValueError, match=r"table must have shape \(33, size\), .* \(32, 4\)"):
        encoder.embed(TOKENS, torch.ones(32, 4))


@pytest.mark.parametrize("kind", KINDS)
def test_encoders_compile_in_one_graph(kind):
    encoder = kind()
    compiled = torch.compile(encoder, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(TOKENS), encoder(TOKENS))
