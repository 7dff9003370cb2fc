"""Pre-trained networks and the labelled tasks that they are tuned on; the suites of them."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tunebound import synthetic, tuning
from tunebound._ground.checks import choice, whole_number
from tunebound._ground.storage import read_arrays, write_arrays

if TYPE_CHECKING:
    from torch import nn

FORMAT = "tunebound-network"
CORPUS = 4096  # unlabelled sequences of the world, for pre-training
CORPUS_SEED = 2**31  # no task has that seed or a later one
BLOCK = 1000  # seeds of one suite; suites of other names or seeds have others
SUITES = ("smoke", "standard")
SHIFT = 0.3  # how far every task lies from its world
ENCODERS = ("mlp", "transformer")


@dataclass(frozen=True, kw_only=True)
class NetworkSpecification:
    """A pre-trained encoder with a fresh head, and a labelled task from the world that it was
    pre-trained in.

    Attributes
    ----------
    encoder : {"mlp", "transformer"}
    n : int
        Labelled sequences, balanced.
    pretraining : int
        Steps of masked reconstruction on the world's unlabelled sequences; 0 leaves the encoder as
        it was drawn.
    shift : float
        How far the task's distribution lies from the world's, in [0, 1].
    seed : int
        Of task, encoder and head.
    """

    encoder: str
    n: int
    pretraining: int
    shift: float
    seed: int

    @property
    def name(self) -> str:
        """Readable and unique within a suite."""
        return (
            f"{self.encoder}-n{self.n}-pretrained{self.pretraining}"
            f"-shift{self.shift:g}-s{self.seed}"
        )

    def make(self) -> NetworkTask:
        """Pre-train and draw the task."""
        choice("encoder", self.encoder, ENCODERS)
        model = tuning.SequenceClassifier(
            _encoder(self.encoder, self.pretraining, self.seed), seed=self.seed
        )
        task = synthetic.make_token_task(self.n, shift=self.shift, seed=self.seed)
        return NetworkTask(model, task.tokens, task.labels, self)


@dataclass(frozen=True)
class NetworkTask:
    """A network at its initial weights w_0, and the sample it is tuned on."""

    model: nn.Module
    tokens: NDArray[np.int64]
    labels: NDArray[np.int64]
    specification: NetworkSpecification


@lru_cache(maxsize=16)
def _encoder(kind: str, steps: int, seed: int) -> tuning.TokenEncoder:
    drawn = (tuning.TokenMLP if kind == "mlp" else tuning.TokenTransformer)(seed=seed)
    if steps == 0:
        return drawn
    corpus = synthetic.make_token_task(CORPUS, seed=CORPUS_SEED + seed)
    return tuning.pretrain(drawn, corpus.tokens, steps=steps, seed=seed).encoder


def make_suite(name: str, seed: int) -> synthetic.Suite[NetworkTask]:
    """Networks over n and pre-training: the distance from the start to the minimiser is what
    pre-training changes. Task, corpus, encoder and head of each are drawn anew, in one world.
    """
    choice("suite", name, SUITES)
    whole_number("seed", seed, low=0)
    if name == "smoke":
        designed = [("mlp", n, steps) for n in (6, 12) for steps in (0, 100)]
    else:
        designed = 2 * [("mlp", n, steps) for n in (8, 16, 32, 64) for steps in (0, 100, 600)]
        designed += [("transformer", n, steps) for n in (8, 16) for steps in (0, 600)]
    first = BLOCK * (len(SUITES) * seed + SUITES.index(name))
    return synthetic.Suite(
        name,
        seed,
        tuple(
            NetworkSpecification(
                encoder=kind, n=n, pretraining=steps, shift=SHIFT, seed=first + number
            )
            for number, (kind, n, steps) in enumerate(designed)
        ),
    )


def save(task: NetworkTask, path: str | os.PathLike[str]) -> None:
    """Write what a task is made from; pre-training is deterministic, so that is all it takes."""
    write_arrays(path, {"format": FORMAT, **asdict(task.specification)})


def load(path: str | os.PathLike[str]) -> NetworkTask:
    """Make the task that `save` wrote."""
    fields = tuple(NetworkSpecification.__dataclass_fields__)
    try:
        stored = read_arrays(path, format_name=FORMAT, entries=fields)
    except ValueError as error:
        raise ValueError(
            f"{path} holds no network task ({error}); name a file that a counterexample was"
            " stored in"
        ) from error
    return NetworkSpecification(**{name: stored[name].item() for name in fields}).make()
