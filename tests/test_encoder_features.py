"""The recipes of docs/encoder-features.md, run on small modules of the shapes that they name."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

PAGE = Path(__file__).parents[1] / "docs" / "encoder-features.md"


def recipe(name):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = (block for block in blocks if f"def {name}(" in block)
    names = {}
    exec(compile(block, str(PAGE), "exec"), names)
    return names[name]


class Tokens(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.dropout = torch.nn.Embedding(9, 4), torch.nn.Dropout(0.5)

    def forward(self, input_ids, attention_mask):
        return SimpleNamespace(last_hidden_state=self.dropout(self.embedding(input_ids)))


class Images(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.dropout = torch.nn.Conv2d(3, 5, 3), torch.nn.Dropout(0.5)
        self.classifier = torch.nn.Linear(5, 10)

    def forward_features(self, images):
        return self.body(images)

    def forward_head(self, features, pre_logits=False):
        pooled = self.dropout(features.mean(dim=(2, 3)))
        return pooled if pre_logits else self.classifier(pooled)


def test_tokens_are_averaged_without_the_padding():
    model = Tokens()
    texts = [[1, 2, 3], [4, 5], [6]]
    longer = {"input_ids": torch.tensor([[1, 2, 3], [4, 5, 0]]), "attention_mask": torch.ones(2, 3)}
    longer["attention_mask"][1, 2] = 0
    shorter = {"input_ids": torch.tensor([[6]]), "attention_mask": torch.ones(1, 1)}
    X = recipe("hugging_face_features")(model, [longer, shorter])
    table = model.embedding.weight.detach().double().numpy()
    np.testing.assert_allclose(X, [table[text].mean(axis=0) for text in texts], rtol=1e-6)
    assert X.dtype == np.float64


def test_images_come_as_what_their_classifier_would_see():
    model, images = Images(), torch.randn(6, 3, 8, 8)
    X = recipe("timm_features")(model, images.split(4))
    expected = model.body(images).mean(dim=(2, 3)).detach().double().numpy()
    np.testing.assert_allclose(X, expected, rtol=1e-5, atol=1e-6)
    assert X.shape == (6, 5)
