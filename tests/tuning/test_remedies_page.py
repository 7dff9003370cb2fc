"""The page's code, run in order, in one's own loop and in the `Trainer` of transformers."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

PAGE = (Path(__file__).parents[2] / "docs" / "remedies.md").read_text(encoding="utf-8")
BLOCKS = re.findall(
    r"```python\n(.*?)```", PAGE[: PAGE.index("## Fine-tuning methods")], flags=re.DOTALL
)
TRANSFORMERS = next(place for place, block in enumerate(BLOCKS) if "import transformers" in block)
TRAINER = next(place for place, block in enumerate(BLOCKS) if "TrainingArguments" in block)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}

    def blocks(first, last):
        for block in BLOCKS[first:last]:
            exec(compile(block, "docs/remedies.md", "exec"), names)
        return names

    return blocks


def test_a_loop_of_ones_own(run):
    names = run(0, TRANSFORMERS)
    assert names["loss"].item() < 1
    assert names["retrained"].losses[-10:].mean() < names["retrained"].losses[:10].mean()


def test_encoders_of_transformers(run):
    pytest.importorskip("transformers", reason="the page's encoder is of transformers")
    names = run(0, TRAINER)
    assert names["again"].distance > 0
    assert names["tuned"].losses.shape == (3, 20)
    assert np.isfinite(names["tuned"].losses).all()


def test_the_trainer_of_transformers(run):
    pytest.importorskip("transformers", reason="the Trainer is of transformers")
    pytest.importorskip("accelerate", reason="the Trainer of transformers needs accelerate")
    names = run(0, TRAINER)
    losses = []
    regularizer = names["regularizer"]
    regularizer.register_forward_hook(lambda module, given, value: losses.append(value.item()))
    names = run(TRAINER, len(BLOCKS))
    assert len(losses) == 20, "one a step"
    assert 0 < max(losses) <= regularizer.weight
    model = names["model"]
    fresh = type(model.heads)(16, 2)
    assert not torch.equal(model.heads.weight, fresh.weight), "the Trainer moves the heads"
    assert not torch.equal(
        model.bert.embeddings.word_embeddings.weight,
        names["masked"].module.base_model.embeddings.word_embeddings.weight,
    ), "and the encoder"
