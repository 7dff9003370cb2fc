"""One replica of fine-tuning at a time with torch's own optimiser, the left-out sample really
removed: the slow route.
"""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, embedding

from tunebound.tuning.fine_tuning.methods.perturbed import SCALE

# The methods that `fine_tune_one` writes out; those that only move the start are plain from there.
WRITTEN_OUT = (
    "plain",
    "l2_sp",
    "maximal_margin",
    "mixout",
    "more_iterations",
    "multi_head",
    "noise_stability",
    "reinitialisation",
    "self_unsupervised",
    "smaller_step",
    "smoothness",
    "weight_averaging",
)


def fine_tune_one(
    encoder, start, tokens, labels, method, *, seed, left_out=None, steps, rate, batch, dropout
):
    """The tuned encoder, head, bias and the losses (steps,) of one replica.

    `start` holds the encoder's parameters; everything random comes from the seed's three streams:
    the order of the samples and dropout, the method's noise, and the head. Methods are written out
    here by name, each as its paper has it.
    """
    assert method in WRITTEN_OUT, f"{method} is not written out in tests/oracles/fine_tuning.py"
    order, noise, first = (
        torch.Generator().manual_seed(3 * seed + purpose) for purpose in range(3)
    )
    steps, rate = (
        steps * (4 if method == "more_iterations" else 1),
        rate / (4 if method == "smaller_step" else 1),
    )
    heads = 16 if method == "multi_head" else 1
    model = copy.deepcopy(encoder).double()
    with torch.no_grad():
        for key, value in model.named_parameters():
            value.copy_(start[key])
    origin = {key: value.detach().clone() for key, value in model.named_parameters()}
    bound = encoder.features**-0.5
    drawn = bound * (
        2 * torch.rand(heads, encoder.features + 1, generator=first, dtype=torch.float64) - 1
    )
    top = nn.Linear(encoder.features, heads).double()
    with torch.no_grad():
        top.weight.copy_(drawn[:, :-1])
        top.bias.copy_(drawn[:, -1])
    optimiser = torch.optim.SGD(
        [{"params": model.parameters()}, {"params": top.parameters(), "lr": heads * rate}], lr=rate
    )
    inputs, targets = torch.as_tensor(tokens), (torch.as_tensor(labels) > 0).double()
    n = len(labels)
    stream = torch.cat(
        [torch.randperm(n, generator=order) for _ in range(-(-steps * batch // n))]
    ).tolist()
    iterates, losses = [], []
    for step in range(steps):
        chosen = stream[step * batch : (step + 1) * batch]
        keep = torch.rand(batch, encoder.features, generator=order, dtype=torch.float64) >= dropout
        moves = draw(method, encoder, batch, noise)
        present = [place for place, sample in enumerate(chosen) if sample != left_out]
        rows = [chosen[place] for place in present]
        used = mixed(model, origin, moves) if method == "mixout" else model
        optimiser.zero_grad()
        for parameter in used.parameters():
            parameter.grad = None
        losses.append(0.0)
        if rows:
            features = used(inputs[rows])
            logits = top(features * keep[present].double() / (1 - dropout))
            loss = binary_cross_entropy_with_logits(logits, targets[rows, None].expand(-1, heads))
            losses[-1] = loss.item()
            moved = None if moves is None or method == "mixout" else moves[present]
            (
                loss
                + penalty(method, used, origin, top, inputs[rows], targets[rows], features, moved)
            ).backward()
        elif method == "l2_sp":
            penalty(method, used, origin, top, None, None, None, None).backward()
        if method == "mixout":  # each parameter follows the gradient through its own mixture
            for (key, value), mixture in zip(
                model.named_parameters(), used.parameters(), strict=True
            ):
                value.grad = None if mixture.grad is None else mixture.grad * (1 - moves[key]) / 0.5
        optimiser.step()
        iterates.append(
            [value.detach().clone() for value in (*model.parameters(), *top.parameters())]
        )
    if method == "weight_averaging":
        with torch.no_grad():
            for place, value in enumerate((*model.parameters(), *top.parameters())):
                value.copy_(
                    torch.stack([iterate[place] for iterate in iterates[steps // 2 :]]).mean(dim=0)
                )
    return model, top.weight.detach().mean(dim=0), top.bias.detach().mean(), losses


def draw(method, encoder, batch, generator):
    if method == "mixout":
        swapped = (
            torch.rand(encoder.parameter_count, generator=generator, dtype=torch.float64) < 0.5
        )
        values = dict(encoder.named_parameters())
        pieces = swapped.double().split([value.numel() for value in values.values()])
        return {
            key: piece.view_as(value)
            for (key, value), piece in zip(values.items(), pieces, strict=True)
        }
    if method in ("noise_stability", "smoothness"):
        return SCALE * torch.randn(
            batch, encoder.length, encoder.table.shape[1], generator=generator, dtype=torch.float64
        )
    return None


def mixed(model, origin, swapped):
    """A model with the swapped parameters at their start, and what keeps the mean: p = 1/2."""
    made = copy.deepcopy(model)
    with torch.no_grad():
        for key, value in made.named_parameters():
            value.copy_(
                (torch.where(swapped[key] > 0, origin[key], value) - 0.5 * origin[key]) / 0.5
            )
    return made


def perturbed(model, tokens, noise):
    """Features of inputs whose embedded tokens are moved by the noise."""
    model.embed = lambda ids, table: embedding(ids, table) + noise
    try:
        return model(tokens)
    finally:
        del model.embed


def divergence(first, second):
    """KL(p‖q) + KL(q‖p) of two-class predictions, sample by sample, from the probabilities of both
    classes.
    """
    p, q = (
        torch.stack([torch.sigmoid(logits), torch.sigmoid(-logits)]) for logits in (first, second)
    )
    return ((p - q) * (p.log() - q.log())).sum(dim=0)


def penalty(method, model, origin, top, tokens, targets, features, noise):
    if method == "l2_sp":
        return 0.05 * sum(
            ((value - origin[key]) ** 2).sum() for key, value in model.named_parameters()
        )
    if method == "maximal_margin":
        if len(targets.unique()) < 2:
            return torch.zeros(())
        return 1 / (
            1
            + torch.linalg.vector_norm(
                features[targets > 0].mean(dim=0) - features[targets == 0].mean(dim=0)
            )
        )
    if method == "noise_stability":
        return ((perturbed(model, tokens, noise) - features) ** 2).sum(dim=1).mean()
    if method == "smoothness":
        return divergence(top(features)[:, 0], top(perturbed(model, tokens, noise))[:, 0]).mean()
    return torch.zeros(())
