"""The margin regularizer against its formula in NumPy and against numerical derivatives."""

import itertools
import logging

import numpy as np
import pytest
import torch

from tunebound.tuning import MaximalMarginRegularizer
from tunebound.tuning.fine_tuning.margin_regularizer import class_membership, margin_penalty


def formula(features, labels, weight):
    classes = np.unique(labels)
    pairs = list(itertools.combinations(classes, 2))
    apart = [
        np.linalg.norm(features[labels == a].mean(axis=0) - features[labels == b].mean(axis=0))
        for a, b in pairs
    ]
    return weight * np.mean([1 / (1 + distance) for distance in apart]) if pairs else 0.0


@pytest.mark.parametrize("labels", [[-1, 1, 1, -1, 1, 1], [0, 1, 2, 0, 2, 2], [7, 3, 5, 9, 9, 3]])
def test_value(labels):
    features = np.random.default_rng(0).normal(size=(6, 4))
    value = MaximalMarginRegularizer(0.7)(torch.tensor(features), torch.tensor(labels))
    assert value.item() == pytest.approx(formula(features, np.array(labels), 0.7), rel=1e-12)


def test_derivatives():
    labels = torch.tensor([0, 1, 2, 0, 2, 2])
    module = MaximalMarginRegularizer(1.3)
    features = torch.randn(
        6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True
    )
    assert torch.autograd.gradcheck(lambda x: module(x, labels), features)
    assert torch.autograd.gradgradcheck(lambda x: module(x, labels), features)


def test_a_step_against_the_gradient_moves_the_centres_apart():
    features = torch.randn(
        8, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True
    )
    labels = torch.tensor([1, -1] * 4)
    module = MaximalMarginRegularizer()
    module(features, labels).backward()
    moved = features.detach() - features.grad

    def apart(x):
        return torch.linalg.vector_norm(x[labels > 0].mean(dim=0) - x[labels < 0].mean(dim=0))

    assert apart(moved) > apart(features)


def test_a_batch_that_lacks_a_class_adds_nothing_and_says_so(caplog):
    features = torch.randn(4, 3, requires_grad=True)
    with caplog.at_level(logging.DEBUG, logger="tunebound.tuning.fine_tuning.margin_regularizer"):
        value = MaximalMarginRegularizer()(features, torch.ones(4))
    assert value.item() == 0
    value.backward()
    assert not features.grad.any()
    assert "holds one class" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.DEBUG, logger="tunebound.tuning.fine_tuning.margin_regularizer"):
        MaximalMarginRegularizer()(features, torch.tensor([1, -1, 1, 1]))
    assert not caplog.text


def test_centres_that_coincide():
    features = torch.ones(4, 3, dtype=torch.float64, requires_grad=True)
    value = MaximalMarginRegularizer(2.0)(features, torch.tensor([1, -1, 1, -1]))
    assert value.item() == 2
    value.backward()
    assert not features.grad.any()


def test_many_weighted_batches_at_once():
    rng = np.random.default_rng(2)
    features, membership = rng.normal(size=(3, 6, 4)), rng.uniform(size=(3, 6, 2))
    membership[1, :, 0] = 0  # this batch lacks a class
    values = torch.func.vmap(margin_penalty)(torch.tensor(features), torch.tensor(membership))
    gradients = torch.func.vmap(torch.func.grad(margin_penalty))(
        torch.tensor(features), torch.tensor(membership)
    )
    for batch in (0, 2):
        share = membership[batch] / membership[batch].sum(axis=0)
        gap = (share[:, 0] - share[:, 1]) @ features[batch]
        apart = np.linalg.norm(gap)
        assert values[batch].item() == pytest.approx(1 / (1 + apart), rel=1e-12)
        by_hand = -np.outer(share[:, 0] - share[:, 1], gap / apart) / (1 + apart) ** 2
        np.testing.assert_allclose(gradients[batch].numpy(), by_hand, rtol=0, atol=1e-14)
    assert values[1] == 0
    assert not gradients[1].any()


def test_derivatives_where_a_class_is_lacking():
    features = torch.randn(
        4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True
    )
    module = MaximalMarginRegularizer()
    assert torch.autograd.gradcheck(lambda x: module(x, torch.ones(4)), features)
    assert torch.autograd.gradgradcheck(lambda x: module(x, torch.ones(4)), features)


def test_features_that_are_nan_are_not_hidden():
    features = torch.ones(4, 3)
    features[2, 1] = float("nan")
    assert MaximalMarginRegularizer()(features, torch.tensor([1, -1, 1, -1])).isnan()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_low_precision_does_not_overflow(dtype):
    features = torch.tensor([[30000.0, 0.0], [-30000.0, 0.0]], dtype=dtype, requires_grad=True)
    value = MaximalMarginRegularizer()(features, torch.tensor([1, -1]))
    assert value.item() == pytest.approx(1 / 60001, rel=1e-2)
    value.backward()
    assert features.grad.dtype == dtype
    assert features.grad.isfinite().all()


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (torch.ones(2, 3), torch.tensor([1, float("nan")]), "labels must be finite"),
        (torch.ones(0, 3), torch.ones(0), "features must hold at least one sample"),
        (torch.ones(4, 5, 3), torch.ones(4), r"got \(4, 5, 3\): pool it first .*last_hidden_state"),
        ({"last_hidden_state": 0}, torch.ones(4), "got dict: pool it first to one vector a sample"),
        ((torch.ones(4, 3),), torch.ones(4), "got tuple: pool it first"),
        (torch.ones(4, 3, dtype=torch.int64), torch.ones(4), "features must be floating-point"),
        (torch.ones(4), torch.ones(4), "features must have shape"),
        (torch.ones(4, 3), torch.ones(3), "labels must have shape"),
        (torch.ones(4, 3), None, r"labels must be a tensor of shape \(batch,\), got NoneType"),
        (torch.ones(4, 3), torch.ones(4, device="meta"), "labels are on meta, features on cpu"),
    ],
)
def test_bad_batches_are_refused(features, labels, message):
    with pytest.raises((TypeError, ValueError), match=message):
        MaximalMarginRegularizer()(features, labels)


def random_batches():
    rng = np.random.default_rng(5)
    for _ in range(40):
        size = int(rng.integers(1, 12))
        labels = rng.choice([-100, -1, 0, 1, 4, 7], size=size)
        yield rng.normal(size=(size, 3)), labels


@pytest.mark.parametrize("ignored", [-100, 4])
def test_ignored_samples_count_in_nothing(ignored):
    module = MaximalMarginRegularizer(0.7, ignore_index=ignored)
    for features, labels in random_batches():
        given = torch.tensor(features, requires_grad=True)
        value = module(given, torch.tensor(labels))
        kept = labels != ignored
        assert value.item() == pytest.approx(
            formula(features[kept], labels[kept], 0.7), rel=1e-12, abs=0
        )
        value.backward()
        assert not given.grad[torch.tensor(~kept)].any()


def test_compiled_in_one_graph_it_is_the_same():
    module = MaximalMarginRegularizer(0.7)
    torch.compiler.reset()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager", dynamic=True)
    for features, labels in random_batches():
        given = torch.tensor(features, requires_grad=True)
        again = torch.tensor(features, requires_grad=True)
        value, expected = compiled(given, torch.tensor(labels)), module(again, torch.tensor(labels))
        assert value.item() == pytest.approx(expected.item(), rel=1e-14)
        value.backward()
        expected.backward()
        np.testing.assert_allclose(given.grad, again.grad, rtol=0, atol=1e-15)


def test_membership_has_one_column_for_each_class_of_the_batch():
    labels = torch.tensor([5, 2, 5, -100, 2, 9])
    membership = class_membership(labels, labels != -100)
    expected = np.zeros((6, 6), dtype=bool)
    expected[[0, 2], 0] = expected[[1, 4], 1] = expected[5, 5] = True
    np.testing.assert_array_equal(membership, expected)


@pytest.mark.parametrize("ignored", [1.0, True, None])
def test_an_ignored_label_that_is_no_integer_is_refused(ignored):
    with pytest.raises(TypeError, match="ignore_index must be an integer"):
        MaximalMarginRegularizer(ignore_index=ignored)


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), True, "1"])
def test_bad_weights_are_refused(weight):
    with pytest.raises((TypeError, ValueError), match="weight must be"):
        MaximalMarginRegularizer(weight)
