"""Where counterexamples on heads are searched: few samples in few features, exact steps."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from tunebound import synthetic
from tunebound._ground.arrays import Floats
from tunebound.theory.engine.search_space import Chart, SearchSpace
from tunebound.theory.engine.small_samples import Shape, fewer_steps, separable_member, simpler
from tunebound.theory.head.evidence import HeadEvidence
from tunebound.theory.head.precise import precise_evidence
from tunebound.theory.head.setting import HeadOptions

# Samples and features; two samples a class are needed to leave one out.
SHAPES: tuple[Shape, ...] = ((4, 2), (4, 4), (5, 5), (6, 3))
STEPS = (1, 20, 100)
MOST_EXACT = 1000  # beyond it 50 digits take minutes
ASCENT, ASCENT_STEPS, ASCENT_RATE = 60, 12, 0.05


class HeadSearch(SearchSpace[synthetic.SeparableDataset, HeadOptions]):
    """Data with margin at least 1 along the first axis, whatever the point is: separable."""

    def charts(
        self, options: HeadOptions, given: Collection[str]
    ) -> Sequence[Chart[synthetic.SeparableDataset, HeadOptions]]:
        steps = (options.steps,) if "steps" in given else STEPS
        fraction = options.rate_fraction if "rate_fraction" in given else 1.0
        return [
            Chart(
                name=f"n = {n}, d = {d}, t = {t:g}",
                options=replace(
                    options, steps=t, exact=t <= MOST_EXACT, rate_fraction=fraction, device="cpu"
                ),
                starts=partial(_starts, shape=(n, d)),
                member=partial(separable_member, shape=(n, d)),
            )
            for (n, d), t in itertools.product(SHAPES, steps)
        ]

    def smaller(
        self, member: synthetic.SeparableDataset, options: HeadOptions
    ) -> Iterator[tuple[synthetic.SeparableDataset, HeadOptions]]:
        yield from ((each, options) for each in simpler(member))
        if options.exact:
            for fewer in fewer_steps(options.steps):
                yield member, replace(options, steps=fewer)

    def precisely(self, member: synthetic.SeparableDataset, options: HeadOptions) -> HeadEvidence:
        if not options.exact or options.steps > MOST_EXACT:
            raise ValueError(
                f"50 digits follow at most {MOST_EXACT} exact steps, got {options.steps:g}; give"
                " exact=True and fewer steps"
            )
        return precise_evidence(member, options)


def _starts(rng: np.random.Generator, count: int, shape: Shape) -> Floats:
    """Normal clouds of all widths; half of them moved to where gradients through the unrolled
    descent lead.
    """
    n, d = shape
    widths = 10 ** rng.uniform(-0.5, 1.0, (count, 1, 1))
    points = rng.standard_normal((count, n, d)) * widths
    points[:, :, 0] = np.abs(rng.standard_normal((count, n))) * 0.1
    moved = rng.random(count) < 0.5
    if moved.any():
        points[moved] = _ascended(points[moved])
    return points.reshape(count, n * d)


def _ascended(points: Floats) -> Floats:
    """Adam on ln of the mean distance of the directions, over B/(γn) with γ ≥ 1 on these charts."""
    free = torch.tensor(points, requires_grad=True)
    optimiser = torch.optim.Adam([free], lr=ASCENT_RATE)
    for _ in range(ASCENT):
        optimiser.zero_grad()
        loss = -_log_ratio(free).sum()
        loss.backward()
        optimiser.step()
    return np.asarray(free.detach().numpy())


def _log_ratio(points: Tensor) -> Tensor:
    """ln(mean_i D_i(t) n/B) of a batch (c, n, d), through the steps."""
    count, n, _ = points.shape
    Z = torch.cat([1 + points[..., :1].abs(), points[..., 1:]], dim=-1)
    kept = torch.cat([torch.ones(1, n), 1 - torch.eye(n)]).to(Z)
    rate = 4 * n / Z.square().sum(dim=(1, 2)).detach()
    W = Z.new_zeros(count, n + 1, Z.shape[-1])
    for _ in range(ASCENT_STEPS):
        activity = torch.sigmoid(-W @ Z.mT) * kept
        W = W + (rate[:, None, None] / n) * (activity @ Z)
    unit = W / torch.linalg.vector_norm(W, dim=-1, keepdim=True)
    distance = torch.linalg.vector_norm(unit[:, 1:] - unit[:, :1], dim=-1).mean(dim=-1)
    radius = torch.linalg.vector_norm(Z, dim=-1).amax(dim=-1)
    return torch.log(distance * n / radius)
