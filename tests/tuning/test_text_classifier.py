"""The classifier for the Trainer of transformers against loops and formulas written out."""

import copy

import numpy as np
import pytest
import torch

from tunebound.tuning import (
    MaximalMarginRegularizer,
    MultiHeadLoss,
    TextClassifier,
    pretrained,
)

BATCH, LENGTH, WORDS, SIZE, CLASSES, HEADS = 8, 5, 12, 6, 3, 4
TOKENS = torch.randint(1, WORDS, (BATCH, LENGTH), generator=torch.Generator().manual_seed(0))
MASK = (torch.arange(LENGTH) < torch.tensor([[5], [3], [4], [5], [2], [5], [3], [4]])).long()
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
WEIGHT = 0.7


class Words(torch.nn.Module):
    """Mean of the embeddings of the words that count; takes what it is given and says so."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table = torch.nn.Embedding(WORDS, SIZE)
        self.given = []

    def forward(self, inputs):
        self.given.append(sorted(inputs))
        mask = inputs.get("attention_mask", torch.ones_like(inputs["input_ids"]))
        states = self.table(inputs["input_ids"]) * mask[..., None]
        return states.sum(dim=1) / mask.sum(dim=1, keepdim=True)


def by_hand(features, heads, labels, weight):
    """Loss of the batch, sample by sample, head by head, pair by pair."""
    losses = []
    for head, bias in zip(heads.weight, heads.bias, strict=True):
        for feature, label in zip(features, labels, strict=True):
            scores = head @ feature + bias
            losses.append(scores.exp().sum().log() - scores[label])
    centres = [features[labels == label].mean(dim=0) for label in labels.unique()]
    pairs = [(a, b) for i, a in enumerate(centres) for b in centres[i + 1 :]]
    penalty = sum(1 / (1 + (a - b).norm()) for a, b in pairs) / len(pairs)
    return sum(losses) / len(losses) + weight * penalty


@pytest.mark.parametrize("weight", [0.0, WEIGHT])
def test_loss_and_logits_are_those_written_out(weight):
    heads = MultiHeadLoss(SIZE, CLASSES, heads=HEADS)
    model = TextClassifier(Words(), heads, MaximalMarginRegularizer(weight) if weight else None)
    out = model(TOKENS, MASK, labels=LABELS)
    features = torch.stack(
        [
            model.encoder.table(row[kept.bool()]).mean(dim=0)
            for row, kept in zip(TOKENS, MASK, strict=True)
        ]
    )
    expected = by_hand(features, heads, LABELS, weight)
    torch.testing.assert_close(out["loss"], expected, rtol=1e-5, atol=1e-6)
    logits = sum(features @ w.T + b for w, b in zip(heads.weight, heads.bias, strict=True)) / HEADS
    torch.testing.assert_close(out["logits"], logits, rtol=1e-5, atol=1e-6)


def test_the_encoder_gets_what_is_given_and_nothing_else():
    model = TextClassifier(Words(), MultiHeadLoss(SIZE, CLASSES))
    out = model(TOKENS)
    assert set(out) == {"logits"}, "no loss without labels"
    model(TOKENS, MASK, torch.zeros_like(TOKENS), LABELS)
    assert model.encoder.given == [
        ["input_ids"],
        ["attention_mask", "input_ids", "token_type_ids"],
    ]


@pytest.fixture(scope="module")
def bert():
    transformers = pytest.importorskip("transformers", reason="the Trainer is of transformers")
    pytest.importorskip("accelerate", reason="the Trainer of transformers needs accelerate")
    config = transformers.BertConfig(
        vocab_size=WORDS,
        hidden_size=SIZE,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=LENGTH,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    torch.manual_seed(1)
    return transformers.BertModel(config, add_pooling_layer=False).double()


def rows(tokens, mask, **labels):
    names = ("input_ids", "attention_mask", *labels)
    columns = (tokens, mask, *labels.values())
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def trainer(bert, train, folder, **settings):
    """A Trainer after three steps on a copy of the encoder."""
    import transformers

    heads = MultiHeadLoss(SIZE, CLASSES, heads=HEADS).double()
    encoder = pretrained(copy.deepcopy(bert))
    model = TextClassifier(encoder, heads, MaximalMarginRegularizer(WEIGHT))
    given = transformers.TrainingArguments(
        str(folder),
        max_steps=3,
        lr_scheduler_type="constant",
        max_grad_norm=0,
        use_cpu=True,
        dataloader_pin_memory=False,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        **settings,
    )
    made = transformers.Trainer(model, given, train_dataset=train)
    made.train()
    return made


def test_the_trainer_makes_the_steps_of_a_plain_loop(bert, tmp_path):
    made = trainer(
        bert,
        rows(TOKENS, MASK, labels=LABELS),
        tmp_path,
        learning_rate=0.01,
        per_device_train_batch_size=BATCH,
    )
    plain, heads = copy.deepcopy(bert), MultiHeadLoss(SIZE, CLASSES, heads=HEADS).double()
    start = heads.weight.detach().clone()
    weights = [*plain.parameters(), heads.weight, heads.bias]
    optimiser = torch.optim.AdamW(weights, lr=0.01, weight_decay=0.0)

    def features():
        states = plain(input_ids=TOKENS, attention_mask=MASK).last_hidden_state
        return (states * MASK[..., None]).sum(dim=1) / MASK.sum(dim=1, keepdim=True)

    for _ in range(3):
        optimiser.zero_grad()
        by_hand(features(), heads, LABELS, WEIGHT).backward()
        optimiser.step()
    assert (heads.weight - start).abs().max() > 0.02
    for got, expected in zip(made.model.parameters(), weights, strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-7)
    logits = features() @ heads.weight.mean(dim=0).T + heads.bias.mean(dim=0)
    predicted = made.predict(rows(TOKENS, MASK)).predictions
    np.testing.assert_allclose(predicted, logits.detach().numpy(), rtol=0, atol=1e-6)


def test_accumulated_gradients_are_those_of_the_mean_over_parts(bert, tmp_path):
    """Of equal parts, four make the steps of one; by plain descent, which sees the scale."""
    part = rows(TOKENS[:2], MASK[:2], labels=LABELS[:2])
    given = {"optim": "sgd", "learning_rate": 0.5}
    one = trainer(bert, part, tmp_path, **given, per_device_train_batch_size=2)
    four = trainer(
        bert,
        4 * part,
        tmp_path,
        **given,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=4,
        train_sampling_strategy="sequential",
    )
    start = MultiHeadLoss(SIZE, CLASSES, heads=HEADS).weight
    assert (one.model.heads.weight - start).abs().max() > 0.02
    for got, expected in zip(four.model.parameters(), one.model.parameters(), strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            ("bert", MultiHeadLoss(2)),
            "encoder must be a torch module .* got str; tuning.pretrained",
        ),
        ((Words(), torch.nn.Linear(2, 2)), "heads must be a MultiHeadLoss, got Linear; pass"),
        ((Words(), MultiHeadLoss(2), 0.5), "regularizer must be .* got float; pass Maximal"),
    ],
)
def test_parts_of_another_kind_are_refused(parts, message):
    with pytest.raises(TypeError, match=message):
        TextClassifier(*parts)
