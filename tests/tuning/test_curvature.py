"""Curvature by Lanczos against dense Hessians; the path's Lipschitz constant; the minimiser of long
training.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tunebound.synthetic.tokens import make_token_task
from tunebound.tuning.encoders.tokens import SequenceClassifier, TokenMLP, TokenTransformer
from tunebound.tuning.full.curvature import estimate_minimiser, network_curvature, path_lipschitz
from tunebound.tuning.full.lanczos import ritz_extremes
from tunebound.tuning.full.networks import tune_networks

TASK = make_token_task(6, length=3, vocabulary=5, topics=2, seed=1)
LINEAR = nn.Sequential(nn.Linear(3, 1), nn.Flatten(0))


def small(kind):
    encoder = (
        TokenMLP(5, 3, embedding=2, width=4)
        if kind == "mlp"
        else TokenTransformer(5, 3, width=4, expansion=1)
    )
    return SequenceClassifier(encoder, seed=2)


def dense_hessians(model, tokens, labels, loss):
    """Every ∇²f_i by torch.autograd.functional.hessian, (n, p, p)."""
    model = model.double()
    names = [name for name, _ in model.named_parameters()]
    shapes = [value.shape for value in model.parameters()]
    flat = nn.utils.parameters_to_vector(model.parameters()).detach()
    inputs, targets = torch.tensor(tokens), torch.tensor(labels, dtype=torch.float64)

    def value(w, i):
        pieces = w.split([shape.numel() for shape in shapes])
        named = {
            name: piece.reshape(shape)
            for name, piece, shape in zip(names, pieces, shapes, strict=True)
        }
        output = torch.func.functional_call(model, named, (inputs[i : i + 1],))[0]
        return (
            0.5 * (output - targets[i]) ** 2
            if loss == "squared"
            else torch.log1p(torch.exp(-targets[i] * output))
        )

    return np.stack(
        [
            torch.autograd.functional.hessian(lambda w, i=i: value(w, i), flat).numpy()
            for i in range(len(labels))
        ]
    )


@pytest.mark.parametrize("kind", ["mlp", "transformer"])
@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_the_extremes_are_those_of_the_dense_hessian(kind, loss):
    model = small(kind)
    dense = dense_hessians(model, TASK.tokens, TASK.labels, loss)
    for samples, spectra in (
        ("mean", np.linalg.eigvalsh(dense.mean(axis=0))),
        ("each", np.linalg.eigvalsh(dense)),
    ):
        found = network_curvature(model, TASK.tokens, TASK.labels, loss=loss, samples=samples)
        scale = np.abs(spectra).max()
        assert abs(found.smallest.value - spectra.min()) <= found.smallest.error + 1e-12 * scale
        assert abs(found.largest.value - spectra.max()) <= found.largest.error + 1e-12 * scale
        assert found.largest.error <= 1e-6 * scale
        assert found.samples == samples
        assert found.largest.provenance == "estimated"
        assert "Hessian-vector products from each of 3 starts" in found.largest.method


def test_few_products_give_an_honest_error():
    model = small("mlp")
    exact = np.linalg.eigvalsh(
        dense_hessians(model, TASK.tokens, TASK.labels, "squared").mean(axis=0)
    )
    rough = network_curvature(model, TASK.tokens, TASK.labels, iterations=4)
    assert rough.largest.error > 1e-3
    assert abs(rough.largest.value - exact.max()) <= rough.largest.error
    assert abs(rough.smallest.value - exact.min()) <= rough.smallest.error
    assert exact.min() <= rough.smallest.value
    assert rough.largest.value <= exact.max()


def test_blocks_of_samples_do_not_change_the_result():
    model = small("mlp")
    for samples in ("mean", "each"):
        whole = network_curvature(model, TASK.tokens, TASK.labels, samples=samples, iterations=30)
        parts = network_curvature(
            model, TASK.tokens, TASK.labels, samples=samples, iterations=30, memory=140_000
        )
        assert parts.largest.value == pytest.approx(whole.largest.value, rel=1e-8)
        assert parts.smallest.value == pytest.approx(whole.smallest.value, rel=1e-8)


def test_the_curvature_can_be_asked_for_elsewhere():
    model = small("mlp")
    elsewhere = nn.utils.parameters_to_vector(model.parameters()).detach().numpy() * 1.5
    there = small("mlp")
    nn.utils.vector_to_parameters(torch.tensor(elsewhere), there.parameters())
    expected = network_curvature(there, TASK.tokens, TASK.labels)
    assert network_curvature(
        model, TASK.tokens, TASK.labels, weights=elsewhere
    ).largest.value == pytest.approx(expected.largest.value, rel=1e-6)


@pytest.mark.parametrize("iterations", [10, 30, 60])
def test_lanczos_bounds_known_spectra(iterations):
    rng = np.random.default_rng(0)
    spectra = [
        np.linspace(-1, 3, 50),
        np.concatenate([np.zeros(48), [1e-6, 5.0]]),
        np.full(50, 2.0),
        np.geomspace(1e-8, 1, 50),
    ]
    bases = [np.linalg.qr(rng.normal(size=(50, 50)))[0] for _ in spectra]
    matrices = torch.tensor(
        np.stack([(q * values) @ q.T for q, values in zip(bases, spectra, strict=True)])
    )
    calls = []

    def product(vectors):
        calls.append(vectors)
        return torch.einsum("bij,bj->bi", matrices, vectors)

    found = ritz_extremes(product, torch.tensor(rng.normal(size=(4, 50))), iterations)
    assert len(calls) == found.iterations <= min(iterations, 50)
    for i, values in enumerate(spectra):
        assert values[0] - 1e-14 <= found.smallest[i]
        assert found.largest[i] <= values[-1] + 1e-14
        assert np.abs(values - found.largest[i]).min() <= found.largest_residual[i] + 1e-13
        assert np.abs(values - found.smallest[i]).min() <= found.smallest_residual[i] + 1e-13
    # Three or one different eigenvalues are exhausted after as many products; the padding must not
    # invent others.
    assert found.largest[1] == pytest.approx(5.0, rel=1e-13)
    assert found.smallest[2] == pytest.approx(2.0, rel=1e-13)
    assert found.largest[2] == pytest.approx(2.0, rel=1e-13)
    if iterations == 60:
        assert found.iterations == 50
        assert found.smallest[0] == pytest.approx(-1, rel=1e-12)
        assert found.largest[0] == pytest.approx(3, rel=1e-12)


def test_lanczos_stops_when_all_operators_are_exhausted():
    found = ritz_extremes(
        lambda vectors: 3 * vectors, torch.tensor(np.random.default_rng(0).normal(size=(2, 20))), 15
    )
    assert found.iterations == 1
    assert found.largest == pytest.approx([3, 3], rel=1e-14)


def test_a_curvature_that_is_not_finite_is_an_error():
    with pytest.raises(FloatingPointError, match="a Hessian-vector product is not finite"):
        ritz_extremes(
            lambda vectors: vectors * float("nan"), torch.ones(1, 4, dtype=torch.float64), 3
        )


def test_path_lipschitz_covers_what_lies_between_the_steps():
    features, labels = np.random.default_rng(0).normal(size=(5, 3)), np.array([1, -1, 1, 1, -1])
    run = tune_networks(LINEAR, features, labels, steps=20, learning_rate=0.1)
    padded = np.column_stack([features, np.ones(5)])
    found = path_lipschitz(
        run.gradient_norms, learning_rate=0.1, beta=(padded**2).sum(axis=1).max()
    )
    w = np.concatenate(
        [LINEAR[0].weight.detach().numpy().ravel(), LINEAR[0].bias.detach().numpy()]
    ).astype(float)
    largest = 0.0
    for _ in range(20):
        step = -0.1 * padded.T @ (padded @ w - labels) / 5
        for share in np.linspace(0, 1, 11):
            residuals = padded @ (w + share * step) - labels
            largest = max(largest, (np.abs(residuals) * np.linalg.norm(padded, axis=1)).max())
        w = w + step
    assert found.value <= largest * (1 + 1e-9)
    assert largest <= found.value + found.error
    assert found.value == pytest.approx(run.gradient_norms.max(), rel=0)
    assert found.error == pytest.approx(
        0.05 * run.gradient_norms.mean(axis=1).max() * (padded**2).sum(axis=1).max(), rel=1e-12
    )


def test_long_training_finds_the_minimiser_nearest_to_the_start():
    features, labels = np.random.default_rng(1).normal(size=(3, 5)), np.array([1, -1, 1])
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 1), nn.Flatten(0))
    w = nn.utils.parameters_to_vector(model.parameters()).detach().double().numpy()
    padded = np.column_stack([features, np.ones(3)])
    shift = np.linalg.pinv(padded) @ (labels - padded @ w)
    found = estimate_minimiser(
        model, features, labels, learning_rate=0.2, steps=5000, tolerance=1e-10
    )
    assert found.distance.value == pytest.approx(np.linalg.norm(shift), rel=1e-8)
    assert np.allclose(found.weights, w + shift, rtol=0, atol=1e-8)
    assert found.gradient_norm <= 1e-10
    assert found.steps < 5000
    assert found.loss < 1e-18


def test_the_error_of_a_short_training_is_the_path_that_is_left():
    # One curvature only, so the gradient falls at one rate and the estimate is exact.
    features, labels = np.array([[1.0], [-1.0]]), np.array([1, -1])
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Flatten(0))
    with torch.no_grad():
        model[0].weight.fill_(0.25)
    found = estimate_minimiser(model, features, labels, learning_rate=0.01, steps=50)
    assert found.steps == 50
    assert found.weights[0] + found.distance.error == pytest.approx(1.0, rel=1e-10)
    assert found.distance.error == pytest.approx(0.75 * 0.99**50, rel=1e-10)


def test_a_gradient_that_does_not_fall_has_no_error_bar():
    features, labels = np.array([[1.0], [-1.0]]), np.array([1, -1])
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Flatten(0))
    assert estimate_minimiser(
        model, features, labels, learning_rate=2.1, steps=30
    ).distance.error == float("inf")
    with torch.no_grad():
        model[0].weight.fill_(1.0)
    there = estimate_minimiser(model, features, labels, learning_rate=0.1)
    assert (there.distance.value, there.distance.error, there.steps) == (0.0, 0.0, 0)


MODEL = small("mlp")


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (dict(weights=np.ones(3)), ValueError, "weights must have shape"),
        (dict(samples="all"), ValueError, "samples must be one of 'mean', 'each', got 'all'"),
        (dict(iterations=1), ValueError, "iterations must be at least 2"),
        (dict(starts=1), ValueError, "starts must be at least 2"),
        (dict(seed=0.5), TypeError, "seed must be an integer"),
        (
            dict(memory=100),
            ValueError,
            (
                "memory=100 bytes do not hold 60 vectors of .* numbers; raise memory or lower"
                " iterations=60"
            ),
        ),
        (
            dict(iterations=2, memory=6300),
            ValueError,
            r"bytes do not hold the work: 1 replica\(s\)",
        ),
        (dict(loss="hinge"), ValueError, "loss must be one of"),
        (dict(y=[1, 2]), ValueError, r"y\[1\] = 2.0: y must be -1 or \+1"),
    ],
)
def test_bad_curvature_arguments_are_refused(change, kind, message):
    with pytest.raises(kind, match=message):
        network_curvature(**(dict(model=MODEL, inputs=TASK.tokens, y=TASK.labels) | change))


@pytest.mark.parametrize(
    ("norms", "change", "kind", "message"),
    [
        (np.ones(3), {}, ValueError, r"gradient_norms must have shape \(T, n\), got \(3,\)"),
        (
            -np.ones((2, 2)),
            {},
            ValueError,
            r"gradient_norms\[0, 0\] = -1.0",
        ),
        ([["a"]], {}, TypeError, "gradient_norms must be made of real numbers"),
        (
            np.ones((2, 2)),
            dict(learning_rate=0.0),
            ValueError,
            "learning_rate must be finite and above 0",
        ),
        (np.ones((2, 2)), dict(beta=-1.0), ValueError, "beta must be finite and above 0"),
    ],
)
def test_bad_paths_are_refused(norms, change, kind, message):
    with pytest.raises(kind, match=message):
        path_lipschitz(norms, **(dict(learning_rate=0.1, beta=1.0) | change))


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (dict(steps=5), ValueError, "steps must be at least 20"),
        (dict(tolerance=0.0), ValueError, "tolerance must be finite and above 0"),
        (dict(learning_rate=None), TypeError, "learning_rate must be a real number"),
        (
            dict(learning_rate=1e200),
            FloatingPointError,
            r"the gradient is no longer finite at step \d+; lower learning_rate=1e\+200",
        ),
    ],
)
def test_bad_training_is_refused(change, kind, message):
    arguments = dict(model=LINEAR, inputs=np.ones((2, 3)), y=[1, -1], learning_rate=0.1)
    with pytest.raises(kind, match=message):
        estimate_minimiser(**(arguments | change))
