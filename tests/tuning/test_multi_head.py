"""The multi-head loss against one head at a time."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from tunebound.tuning import MultiHeadLoss


def batch(classes, dtype=torch.float64):
    rng = np.random.default_rng(0)
    return torch.tensor(rng.normal(size=(10, 4)), dtype=dtype), torch.tensor(
        rng.integers(classes, size=10)
    )


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("classes", [2, 5])
def test_value_is_the_mean_of_the_cross_entropies(classes, bias):
    module = MultiHeadLoss(4, classes, heads=3, scale=2.0, bias=bias, seed=1).double()
    if bias:
        torch.nn.init.normal_(module.bias, generator=torch.Generator().manual_seed(0))
    features, labels = batch(classes)
    expected = []
    for head in range(3):
        logits = features.numpy() @ module.weight[head].detach().numpy().T + (
            module.bias[head].detach().numpy() if bias else 0
        )
        expected.append(-log_softmax(logits, axis=1)[np.arange(10), labels.numpy()].mean())
    assert module(features, labels).item() == pytest.approx(np.mean(expected), rel=1e-12)


def test_derivatives():
    module = MultiHeadLoss(4, 3, heads=2, scale=1.0, seed=0).double()
    features, labels = batch(3)

    def loss(x, weight, bias):
        return torch.func.functional_call(module, {"weight": weight, "bias": bias}, (x, labels))

    inputs = (
        features.requires_grad_(),
        module.weight.detach().clone().requires_grad_(),
        module.bias.detach().clone().requires_grad_(),
    )
    assert torch.autograd.gradcheck(loss, inputs)
    assert torch.autograd.gradgradcheck(loss, inputs)


def test_each_head_follows_its_own_descent_at_h_times_the_step():
    features, labels = batch(3)
    together = MultiHeadLoss(4, 3, heads=4, scale=1.0, seed=2).double()
    start = together.weight.detach().clone()
    optimiser = torch.optim.SGD(together.parameters(), lr=4 * 0.3)
    for _ in range(50):
        optimiser.zero_grad()
        together(features, labels).backward()
        optimiser.step()
    for head in range(4):
        alone = torch.nn.Linear(4, 3).double()
        with torch.no_grad():
            alone.weight.copy_(start[head])
            alone.bias.zero_()
        optimiser = torch.optim.SGD(alone.parameters(), lr=0.3)
        for _ in range(50):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(alone(features), labels).backward()
            optimiser.step()
        torch.testing.assert_close(together.weight[head], alone.weight, rtol=0, atol=1e-12)
        torch.testing.assert_close(together.bias[head], alone.bias, rtol=0, atol=1e-12)


def test_prediction_is_by_the_mean_head():
    module = MultiHeadLoss(4, 3, heads=5, scale=1.0, seed=2).double()
    features, _ = batch(3)
    by_head = torch.stack(
        [
            features @ weight.T + bias
            for weight, bias in zip(module.weight, module.bias, strict=True)
        ]
    )
    torch.testing.assert_close(module.logits(features), by_head.mean(dim=0))
    torch.testing.assert_close(module.mean_head()(features), by_head.mean(dim=0))
    assert MultiHeadLoss(4, bias=False).mean_head().bias is None


def test_seeds_leave_the_global_generator_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    first = MultiHeadLoss(4, seed=5)
    assert torch.equal(torch.rand(2), expected)
    assert torch.equal(first.weight, MultiHeadLoss(4, seed=5).weight)
    assert not torch.equal(first.weight, MultiHeadLoss(4, seed=6).weight)
    assert MultiHeadLoss(100, heads=100, scale=0.5).weight.std().item() == pytest.approx(
        0.5, rel=0.02
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": 0}, "features must be at least 1"),
        ({"classes": 1}, "classes must be at least 2"),
        ({"heads": 0}, "heads must be at least 1"),
        ({"heads": 2.0}, "heads must be an integer"),
        ({"scale": 0.0}, "scale must be finite and above 0"),
    ],
)
def test_bad_sizes_are_refused(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        MultiHeadLoss(**{"features": 4, **arguments})


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (
            torch.ones(3, 5),
            torch.zeros(3, dtype=torch.int64),
            r"features must have shape \(batch, 4\)",
        ),
        (
            torch.ones(0, 4),
            torch.zeros(0, dtype=torch.int64),
            "features must hold at least one sample, got none; skip empty batches",
        ),
        (
            torch.ones(3, 4, dtype=torch.int32),
            torch.zeros(3, dtype=torch.int64),
            "features must be floating-point, got torch.int32",
        ),
        (torch.ones(3, 4), torch.zeros(3), "labels must be int64"),
        (torch.ones(3, 4), torch.zeros(2, dtype=torch.int64), "labels must have shape"),
        (torch.ones(3, 4), torch.tensor([0, 1, 2]), r"labels must lie in \[0, 2\)"),
    ],
)
def test_bad_batches_are_refused(features, labels, message):
    with pytest.raises((TypeError, ValueError), match=message):
        MultiHeadLoss(4)(features, labels)
