"""The multi-head loss against one head at a time."""

import itertools

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


OPTIONS = {
    "class_weight": (None, [0.5, 0.0, 3.0]),
    "ignore_index": (-100, 1),
    "label_smoothing": (0.0, 0.3, 1.0),
}


def labels_with_gaps():
    labels = batch(3)[1]
    labels[[2, 5]] = -100
    return labels


EACH_OPTION = [
    dict(zip(OPTIONS, values, strict=True)) for values in itertools.product(*OPTIONS.values())
]


@pytest.mark.parametrize("options", EACH_OPTION)
def test_with_one_head_it_is_the_cross_entropy_of_torch(options):
    features, labels = batch(3)[0].requires_grad_(), labels_with_gaps()
    if options["ignore_index"] != -100:
        labels[labels == -100] = options["ignore_index"]
    module = MultiHeadLoss(4, 3, heads=1, scale=1.0, **options).double()
    weight = options["class_weight"]
    expected = torch.nn.functional.cross_entropy(
        features @ module.weight[0].T,
        labels,
        weight=None if weight is None else torch.tensor(weight, dtype=torch.float64),
        ignore_index=options["ignore_index"],
        label_smoothing=options["label_smoothing"],
    )
    value = module(features, labels)
    assert value.item() == pytest.approx(expected.item(), rel=1e-13)
    for ours, theirs in zip(
        torch.autograd.grad(value, (features, module.weight)),
        torch.autograd.grad(expected, (features, module.weight)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-14)


def test_several_heads_smooth_and_weigh_by_the_written_out_formula():
    features, labels = batch(3)[0], labels_with_gaps()
    weight, smoothing = np.array([0.5, 2.0, 3.0]), 0.3
    module = MultiHeadLoss(
        4, 3, heads=3, scale=2.0, class_weight=weight, label_smoothing=smoothing
    ).double()
    expected = []
    for head in module.weight.detach().numpy():
        total, mass = 0.0, 0.0
        for x, label in zip(features.numpy(), labels.tolist(), strict=True):
            if label == -100:
                continue
            losses = -log_softmax(head @ x)
            total += (1 - smoothing) * weight[label] * losses[label]
            total += smoothing / 3 * (weight @ losses)
            mass += weight[label]
        expected.append(total / mass)
    assert module(features, labels).item() == pytest.approx(np.mean(expected), rel=1e-13)


@pytest.mark.parametrize("options", [{}, {"class_weight": [0.0, 1.0, 1.0]}])
def test_a_batch_of_which_nothing_counts_adds_nothing(options):
    module = MultiHeadLoss(4, 3, heads=2, **options)
    labels = torch.full((5,), 0 if options else -100)
    features = torch.ones(5, 4, requires_grad=True)
    value = module(features, labels)
    assert value.item() == 0
    value.backward()
    assert not features.grad.any()
    assert not module.weight.grad.any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_features_of_lower_precision_are_taken_in_that_of_the_heads(dtype):
    module = MultiHeadLoss(4, 3, heads=2, scale=1.0)
    features, labels = batch(3, torch.float32)
    features = features.to(dtype).requires_grad_()
    value = module(features, labels)
    assert value.item() == pytest.approx(module(features.detach().float(), labels).item(), rel=0)
    value.backward()
    assert features.grad.dtype == dtype
    assert module.logits(features).dtype == torch.float32
    low = MultiHeadLoss(4, 3, heads=2, scale=1.0).to(dtype)
    assert low(features, labels).dtype == torch.float32
    assert low(features, labels).item() == pytest.approx(value.item(), rel=0.02)


def test_autocast_brings_features_and_heads_together():
    features, labels = batch(3, torch.float32)
    module = MultiHeadLoss(4, 3, heads=2, scale=1.0)
    expected = module(features, labels).item()
    with torch.autocast("cpu", torch.bfloat16):
        for heads in (module, MultiHeadLoss(4, 3, heads=2, scale=1.0).bfloat16()):
            value = heads(features, labels)
            assert value.dtype == torch.float32
            assert value.item() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("options", EACH_OPTION)
def test_compiled_in_one_graph_it_is_the_same(options):
    features, labels = batch(3)[0], labels_with_gaps()
    if options["ignore_index"] != -100:
        labels[labels == -100] = options["ignore_index"]
    module = MultiHeadLoss(4, 3, heads=2, scale=1.0, **options).double()
    torch.compiler.reset()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    value, expected = compiled(features, labels), module(features, labels)
    assert value.item() == pytest.approx(expected.item(), rel=1e-14)
    slopes = [torch.autograd.grad(each, module.weight)[0] for each in (value, expected)]
    torch.testing.assert_close(*slopes, rtol=0, atol=1e-15)


def test_class_weights_are_kept_with_the_state():
    module = MultiHeadLoss(4, 3, class_weight=[1, 2, 3])
    assert list(module.state_dict()) == ["weight", "bias", "class_weight"]
    assert "class_weight" not in MultiHeadLoss(4, 3).state_dict()


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
        ({"scale": 0.0}, "scale must be finite and in"),
        ({"label_smoothing": 1.1}, r"label_smoothing must be finite and in \[0, 1\]"),
        ({"ignore_index": 0.5}, "ignore_index must be an integer"),
        ({"class_weight": [1.0]}, "class_weight must hold a weight for each of the 2 classes"),
        ({"class_weight": [0, 0]}, "class_weight must hold a weight for each of the 2 classes"),
        ({"class_weight": [1, -1]}, r"class_weight\[1\] = -1.0: class_weight must be 0 or more"),
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
        (torch.ones(3, 4), torch.ones(3, 2, dtype=torch.int64), "labels must have shape"),
        (
            torch.ones(3, 4),
            torch.tensor([0, -100, 2]),
            r"labels must lie in \[0, 2\), got 2 to 2; raise classes, or mark .* by -100",
        ),
        (torch.ones(3, 4), torch.tensor([0, -1, 1]), r"labels must lie in \[0, 2\), got -1 to -1"),
        (
            torch.ones(3, 4, dtype=torch.float64),
            torch.tensor([0, 1, 1]),
            r"features are torch.float64 and the heads torch.float32; convert one of them: loss.to",
        ),
        (torch.ones(3, 7, 4), torch.tensor([0, 1, 1]), r"got \(3, 7, 4\): pool it first"),
        ({"logits": 0}, torch.tensor([0, 1, 1]), "got dict: pool it first"),
        (
            torch.ones(3, 4),
            [0, 1, 1],
            r"labels must be a tensor of shape \(batch,\), got list; pass",
        ),
        (torch.ones(3, 4).to_sparse(), torch.tensor([0, 1, 1]), "features must be dense"),
        (torch.ones(3, 4), torch.tensor([0, 1, 1]).to_sparse(), "labels must be dense"),
        (
            torch.ones(3, 4),
            torch.tensor([0, 1, 1], device="meta"),
            r"labels are on meta, features on cpu; move one of them, as in labels.to\('cpu'\)",
        ),
        (
            torch.ones(3, 4, device="meta"),
            torch.tensor([0, 1, 1], device="meta"),
            "features are on meta, the heads on cpu; move",
        ),
    ],
)
def test_bad_batches_are_refused(features, labels, message):
    with pytest.raises((TypeError, ValueError), match=message):
        MultiHeadLoss(4)(features, labels)
