"""The page's code, run in order, in one's own loop and in the `Trainer` of transformers."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from tunebound import tuning

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
    names = run(0, TRAINER + 1)
    for remedy in BLOCKS[TRAINER + 1 : TRAINER + 4]:
        lines = remedy.strip().splitlines()
        assert len(lines) <= 5
        assert lines[-1].endswith(".train()")
        assert "Trainer(model, settings" in lines[-1]
    many, margin, retrained = (
        run(place, place + 1)["model"] for place in range(TRAINER + 1, TRAINER + 4)
    )
    fresh = tuning.MultiHeadLoss(16, 2, heads=16).weight
    assert [len(model.heads.weight) for model in (many, margin, retrained)] == [16, 1, 1]
    assert not torch.equal(many.heads.weight, fresh), "the Trainer moves the heads"
    assert margin.regularizer is not None
    encoder = retrained.encoder.module
    assert encoder is names["again"].encoder.base_model
    assert names["again"].distance > 0, "re-trained before it is tuned"


def test_the_regularizer_as_a_loss_function_of_the_trainer(run):
    pytest.importorskip("transformers", reason="the Trainer is of transformers")
    pytest.importorskip("accelerate", reason="the Trainer of transformers needs accelerate")
    regularizer = run(0, TRAINER + 1)["regularizer"]
    losses = []
    regularizer.register_forward_hook(lambda module, given, value: losses.append(value.item()))
    run(TRAINER + 4, len(BLOCKS))
    assert len(losses) == 20, "one a step"
    assert 0 < max(losses) <= regularizer.weight
