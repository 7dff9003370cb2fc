"""One replica of fine-tuning at a time with torch's own optimisers, the left-out sample really
removed: the slow route.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, embedding

from tunebound.tuning import TokenMLP

# The methods that `fine_tune_one` writes out; those that only move the start are plain from there.
WRITTEN_OUT = (
    "plain",
    "adam",
    "adam_uncorrected",
    "adversarial_smoothness",
    "free_adversarial",
    "further_pretraining",
    "l2_sp",
    "layerwise_rates",
    "linear_probing",
    "maximal_margin",
    "mixout",
    "more_iterations",
    "multi_head",
    "noise_stability",
    "noise_stability_published",
    "recall_adam",
    "reinitialisation",
    "self_unsupervised",
    "self_unsupervised_common",
    "smaller_step",
    "smaller_step_longer",
    "smoothness",
    "smoothness_published",
    "warm_up",
    "weight_averaging",
)
NOISE = {
    "noise_stability": 0.3,
    "noise_stability_published": 0.05,
    "smoothness": 0.3,
    "smoothness_published": 2e-4,
    "adversarial_smoothness": 0.003,
}


def fine_tune_one(
    encoder,
    start,
    tokens,
    labels,
    method,
    *,
    seed,
    left_out=None,
    steps,
    rate,
    batch,
    dropout,
    optimiser="sgd",
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
    steps *= 4 if method in ("more_iterations", "smaller_step_longer") else 1
    rate /= 4 if method in ("smaller_step", "smaller_step_longer") else 1
    if method in ("adam", "adam_uncorrected", "recall_adam"):
        optimiser, rate = method.replace("recall_", ""), 0.003
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
    averaged = copy.deepcopy((model, top))
    mover = {
        "sgd": torch.optim.SGD,
        "adam": torch.optim.Adam,
        "adam_uncorrected": UncorrectedAdam,
        "adamw": torch.optim.AdamW,
    }[optimiser]([{"params": part} for part in (list(top.parameters()), *layers(model))], lr=rate)
    inputs, targets = torch.as_tensor(tokens), (torch.as_tensor(labels) > 0).double()
    n = len(labels)
    stream = torch.cat(
        [torch.randperm(n, generator=order) for _ in range(-(-steps * batch // n))]
    ).tolist()
    iterates, losses = [], []
    for step in range(steps):
        chosen = stream[step * batch : (step + 1) * batch]
        keep = torch.rand(batch, encoder.features, generator=order, dtype=torch.float64) >= dropout
        keep = keep.double() / (1 - dropout)
        if method == "mixout":
            keep = torch.ones_like(keep)
        moves = draw(method, encoder, batch, noise)
        present = [place for place, sample in enumerate(chosen) if sample != left_out]
        rows = [chosen[place] for place in present]
        used = mixed(model, origin, moves) if method == "mixout" else model
        mover.zero_grad()
        for parameter in used.parameters():
            parameter.grad = None
        losses.append(0.0)

        def loss(features, rows=rows, keep=keep[present]):
            return binary_cross_entropy_with_logits(
                top(features * keep), targets[rows, None].expand(-1, heads)
            )

        if rows:
            features = used(inputs[rows])
            losses[-1] = loss(features).item()
            moved = None if moves is None or method == "mixout" else moves[present]
            if method == "free_adversarial":
                accumulate_adversarial_gradients(used, top, loss, inputs[rows], moved)
            else:
                terms = (used, origin, top, inputs[rows], targets[rows], features, moved)
                (loss(features) + penalty(method, *terms)).backward()
            if method == "adversarial_smoothness":  # the proximal term
                before = averaged[1](averaged[0](inputs[rows])).detach()
                divergence(top(used(inputs[rows]))[:, 0], before[:, 0]).mean().backward()
        elif method == "l2_sp":
            penalty(method, used, origin, top, None, None, None, None).backward()
        if method == "mixout":  # each parameter follows the gradient through its own mixture
            for (key, value), mixture in zip(
                model.named_parameters(), used.parameters(), strict=True
            ):
                value.grad = mixture.grad
                if key in moves and mixture.grad is not None:
                    value.grad = mixture.grad * (1 - moves[key]) / 0.5
        if optimiser != "sgd" and not rows:  # momentum goes on
            for value in (*model.parameters(), *top.parameters()):
                value.grad = torch.zeros_like(value)
        for value in top.parameters():  # of a mean over the heads: each follows its own loss
            value.grad = None if value.grad is None else heads * value.grad
        set_rates(method, mover, rate, step, steps)
        before = [value.detach().clone() for value in model.parameters()]
        mover.step()
        if method == "recall_adam":
            with torch.no_grad():
                for value, now, then in zip(
                    model.parameters(), before, origin.values(), strict=True
                ):
                    value -= 0.1 * (1 - annealed(step, steps)) * (now - then)
        iterates.append(
            [value.detach().clone() for value in (*model.parameters(), *top.parameters())]
        )
        with torch.no_grad():
            for mean, now in zip(averaged, (model, top), strict=True):
                for trail, value in zip(mean.parameters(), now.parameters(), strict=True):
                    trail.copy_(0.9 * trail + 0.1 * value)
    if method == "weight_averaging":
        with torch.no_grad():
            for place, value in enumerate((*model.parameters(), *top.parameters())):
                value.copy_(
                    torch.stack([iterate[place] for iterate in iterates[steps // 2 :]]).mean(dim=0)
                )
    return model, top.weight.detach().mean(dim=0), top.bias.detach().mean(), losses


class UncorrectedAdam(torch.optim.Optimizer):
    """Adam without bias correction, entry by entry from its two recursions."""

    def __init__(self, groups, lr):
        super().__init__(groups, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for value in group["params"]:
                if value.grad is None:
                    continue
                memory = self.state[value]
                memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * value.grad
                memory["v"] = 0.999 * memory.get("v", 0) + 0.001 * value.grad**2
                value -= group["lr"] * memory["m"] / (memory["v"] ** 0.5 + 1e-8)


def layers(model):
    """Parameters of each layer, from the top down."""
    if isinstance(model, TokenMLP):
        modules = [*reversed(model.further), model.second, model.first]
        embedded = [model.table]
    else:
        modules = [*reversed(model.layers)]
        embedded = [model.table, model.positions]
    return [*(list(module.parameters()) for module in modules), embedded]


def set_rates(method, mover, rate, step, steps):
    """Step sizes of a step: the head's group, then those of the layers from the top down."""
    for below, group in enumerate(mover.param_groups):
        group["lr"] = rate
        if method == "warm_up":
            group["lr"] *= min(1.0, (step + 1) / (0.1 * steps))
        if below == 0:
            continue
        if method == "layerwise_rates":
            group["lr"] /= 2.6**below
        if method == "recall_adam":
            group["lr"] *= annealed(step, steps)
        if method == "linear_probing" and step + 1 <= steps / 2:
            for value in group["params"]:
                value.grad = None


def annealed(step, steps):
    """λ of RecAdam: from 0 to 1, one half after a quarter of the steps."""
    return 0.5 * (1 + math.tanh(10 * ((step + 1) / steps - 0.25)))


def draw(method, encoder, batch, generator):
    if method == "mixout":
        linear = {
            f"{name}.weight": module.in_features
            for name, module in encoder.named_modules()
            if isinstance(module, nn.Linear)
        }
        swapped = (
            torch.rand(sum(linear.values()), generator=generator, dtype=torch.float64) < 0.5
        ).double()
        return dict(zip(linear, swapped.split(list(linear.values())), strict=True))
    if method == "free_adversarial":
        size = (batch, encoder.length, encoder.table.shape[1])
        return 0.05 * (2 * torch.rand(size, generator=generator, dtype=torch.float64) - 1)
    if method in NOISE:
        return NOISE[method] * torch.randn(
            batch, encoder.length, encoder.table.shape[1], generator=generator, dtype=torch.float64
        )
    return None


def mixed(model, origin, swapped):
    """A model with the columns of swapped inputs at their start, and what keeps the mean: p =
    1/2.
    """
    made = copy.deepcopy(model)
    with torch.no_grad():
        for name, module in made.named_modules():
            if isinstance(module, nn.Linear):
                key = f"{name}.weight"
                for column in range(module.in_features):
                    then, now = origin[key][:, column], module.weight[:, column].clone()
                    kept = then if swapped[key][column] > 0 else now
                    module.weight[:, column] = (kept - 0.5 * then) / 0.5
    return made


def accumulate_adversarial_gradients(model, top, loss, tokens, first):
    """The mean of the gradients at two places: where the adversary starts, and where it is after a
    step, projected sample by sample.
    """
    largest = 0.1 * math.sqrt(first[0].numel())
    place = first.clone().requires_grad_(True)
    (loss(perturbed(model, tokens, place)) / 2).backward()
    ahead = []
    for move, slope in zip(place.detach(), place.grad, strict=True):
        move = move + largest / 4 * slope / torch.linalg.vector_norm(slope)
        length = torch.linalg.vector_norm(move)
        ahead.append(move * (largest / length) if length > largest else move)
    (loss(perturbed(model, tokens, torch.stack(ahead))) / 2).backward()


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
        head = sum((value**2).sum() for value in top.parameters())
        return 0.005 * head + 0.05 * sum(
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
    if method.startswith("noise_stability"):
        return ((perturbed(model, tokens, noise) - features) ** 2).sum(dim=1).mean()
    if method == "adversarial_smoothness":
        place = noise.clone().requires_grad_(True)
        apart = divergence(top(features)[:, 0].detach(), top(perturbed(model, tokens, place))[:, 0])
        (slope,) = torch.autograd.grad(apart.mean(), place)
        steepest = slope.flatten(1).abs().max(dim=1).values[:, None, None]
        noise = (noise + 0.3 * slope / steepest).clamp(-0.3, 0.3)
    if method.startswith("smoothness") or method == "adversarial_smoothness":
        return divergence(top(features)[:, 0], top(perturbed(model, tokens, noise))[:, 0]).mean()
    return torch.zeros(())
