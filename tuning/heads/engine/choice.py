"""Which way of iterating head tuning takes: by size, precision and device."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tunebound.tuning.heads.engine import fused as fused_kernel
from tunebound.tuning.heads.engine import graphs
from tunebound.tuning.heads.engine.features import (
    DTYPES,
    Descent,
    FeatureDescent,
    MixedDescent,
    Problem,
    Repeat,
    eager,
)
from tunebound.tuning.heads.engine.gram import GramDescent
from tunebound.tuning.heads.engine.minibatch import MinibatchDescent

logger = logging.getLogger(__name__)

# Features a sample from which the Gram space is taken; it always iterates in float64, so float32
# products pay for longer.
GRAM_FROM = {"float64": 1.0, "mixed": 2.0, "float32": 2.0}
# bytes of activities below which launching a GPU's operations one by one costs more than they do
LAUNCH_BOUND = 2**25


@dataclass(frozen=True)
class Choice:
    """How to iterate, in words for the log, and what builds it from a problem and a workspace."""

    words: str
    build: Callable[[Problem, Tensor], Descent]


def in_gram_space(n: int, d: int, dtype: str) -> bool:
    """Whether iterating over the n samples is cheaper than over the d features."""
    return d >= GRAM_FROM[dtype] * n


def choose(
    device: torch.device, n: int, d: int, dtype: str, *, heads: int, growth: float
) -> Choice:
    """The fastest way to iterate that works here; says so, and what stood against a faster one, in
    the log.
    """
    reasons = []
    chosen: Choice | None = None
    build: Callable[[Problem, Tensor, Repeat], Descent]
    if in_gram_space(n, d, dtype):
        words, build = f"Gram space ({d} features, {n} samples), float64", _gram
    else:
        words, build = f"feature space, {dtype}", _mixed if dtype == "mixed" else _feature(dtype)
        if device.type == "cuda":
            refused = _kernel_refused(device, n, d, dtype, heads, growth)
            if refused is None:
                chosen = Choice(f"fused kernel, {dtype}", _fused(dtype))
            else:
                reasons.append(f"no fused kernel: {refused}")
    if chosen is None:
        chosen = Choice(
            words, lambda problem, workspace: build(problem, workspace, _repeat(problem))
        )
    logger.info(
        "head tuning on %s: %s%s",
        device,
        chosen.words,
        "".join(f" ({reason})" for reason in reasons),
    )
    return chosen


def scheduled(device: torch.device) -> Choice:
    """Steps on batches or by an optimiser, which have one way."""
    chosen = Choice("feature space, float64, steps of a schedule", MinibatchDescent)
    logger.info("head tuning on %s: %s", device, chosen.words)
    return chosen


def _kernel_refused(
    device: torch.device, n: int, d: int, dtype: str, heads: int, growth: float
) -> str | None:
    if heads > 1:
        return "it holds one head a sample"
    if growth != 1.0:
        return "it has 1/n weights only"
    return fused_kernel.refusal(device, n, d, DTYPES[dtype])


def _repeat(problem: Problem) -> Repeat:
    on_device = problem.Z.device.type == "cuda"
    small = 8 * torch.Size(problem.shape).numel() <= LAUNCH_BOUND
    return graphs.captured if on_device and small else eager


def _gram(problem: Problem, workspace: Tensor, repeat: Repeat) -> Descent:
    return GramDescent(problem, workspace, repeat=repeat)


def _mixed(problem: Problem, workspace: Tensor, repeat: Repeat) -> Descent:
    return MixedDescent(problem, workspace, repeat=repeat)


def _feature(dtype: str) -> Callable[[Problem, Tensor, Repeat], Descent]:
    return lambda problem, workspace, repeat: FeatureDescent(
        problem, DTYPES[dtype], workspace, repeat=repeat
    )


def _fused(dtype: str) -> Callable[[Problem, Tensor], Descent]:
    return lambda problem, workspace: fused_kernel.FusedDescent(problem, dtype)
