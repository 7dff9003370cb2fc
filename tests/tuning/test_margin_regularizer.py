"""The margin regularizer against its formula in NumPy and against numerical derivatives."""

import itertools
import logging

import numpy as np
import pytest
import torch

from tuning import MaximalMarginRegularizer


def formula(features, labels, weight):
    classes = np.unique(labels)
    pairs = list(itertools.combinations(classes, 2))
    apart = [np.linalg.norm(features[labels == a].mean(axis=0) - features[labels == b].mean(axis=0)) for a, b in pairs]
    return weight * np.mean([1 / (1 + distance) for distance in apart]) if pairs else 0.0


@pytest.mark.parametrize("labels", [[-1, 1, 1, -1, 1, 1], [0, 1, 2, 0, 2, 2], [7, 3, 5, 9, 9, 3]])
def test_value(labels):
    features = np.random.default_rng(0).normal(size=(6, 4))
    value = MaximalMarginRegularizer(0.7)(torch.tensor(features), torch.tensor(labels))
    assert value.item() == pytest.approx(formula(features, np.array(labels), 0.7), rel=1e-12)


def test_derivatives():
    labels = torch.tensor([0, 1, 2, 0, 2, 2])
    module = MaximalMarginRegularizer(1.3)
    features = torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: module(x, labels), features)
    assert torch.autograd.gradgradcheck(lambda x: module(x, labels), features)


def test_a_step_against_the_gradient_moves_the_centres_apart():
    features = torch.randn(8, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    labels = torch.tensor([1, -1] * 4)
    module = MaximalMarginRegularizer()
    module(features, labels).backward()
    moved = features.detach() - features.grad

    def apart(x):
        return torch.linalg.vector_norm(x[labels > 0].mean(dim=0) - x[labels < 0].mean(dim=0))

    assert apart(moved) > apart(features)


def test_a_batch_that_lacks_a_class_adds_nothing_and_says_so(caplog):
    features = torch.randn(4, 3, requires_grad=True)
    with caplog.at_level(logging.DEBUG, logger="tuning.margin_regularizer"):
        value = MaximalMarginRegularizer()(features, torch.ones(4))
    assert value.item() == 0
    value.backward()
    assert not features.grad.any()
    assert "holds one class" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.DEBUG, logger="tuning.margin_regularizer"):
        MaximalMarginRegularizer()(features, torch.tensor([1, -1, 1, 1]))
    assert not caplog.text


def test_centres_that_coincide():
    features = torch.ones(4, 3, dtype=torch.float64, requires_grad=True)
    value = MaximalMarginRegularizer(2.0)(features, torch.tensor([1, -1, 1, -1]))
    assert value.item() == 2
    value.backward()
    assert not features.grad.any()


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (torch.ones(4, 3, dtype=torch.int64), torch.ones(4), "features must be floating-point"),
        (torch.ones(4), torch.ones(4), "features must have shape"),
        (torch.ones(4, 3), torch.ones(3), "labels must have shape"),
    ],
)
def test_bad_batches_are_refused(features, labels, message):
    with pytest.raises((TypeError, ValueError), match=message):
        MaximalMarginRegularizer()(features, labels)


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), True, "1"])
def test_bad_weights_are_refused(weight):
    with pytest.raises((TypeError, ValueError), match="weight must be"):
        MaximalMarginRegularizer(weight)
