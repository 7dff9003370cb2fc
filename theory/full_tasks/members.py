"""One environment: a task, a way of fine-tuning, a seed, and texts to leave out."""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from tunebound import tuning
from tunebound._ground.arrays import Integers
from tunebound._ground.storage import read_arrays, write_arrays
from tunebound.theory.full_tasks.starts import loaded
from tunebound.theory.full_tasks.variants import Variant
from tunebound.theory.texts.finding import find_task

if TYPE_CHECKING:
    from torch import Tensor

FORMAT, ENTRY = "tunebound-full-task-1", "specification"
PREDICTED = 300  # test texts of each task


@dataclass(frozen=True, kw_only=True)
class RunSpecification:
    """One way of fine-tuning on one task from one seed.

    Attributes
    ----------
    task : str
    method : str
    strength : float
        0 for plain fine-tuning.
    seed : int
        Of the run.
    left_out : int
        Runs from the same seed without one text each.
    n : int
        Training texts, or all of a task that has fewer.
    sample : int
        Seed of the choice of training and test texts, and of the texts that are left out.
    digest : str
        Of the task's texts and labels.
    encoder, max_length
        As in `FullTaskOptions`.
    folder : str
        Where the texts are; of no consequence for what is computed.
    """

    task: str
    method: str
    strength: float
    seed: int
    left_out: int
    n: int
    sample: int
    digest: str
    encoder: str
    max_length: int
    folder: str = field(repr=False)

    @property
    def variant(self) -> Variant:
        return Variant(self.method, self.strength)

    @property
    def name(self) -> str:
        without = f"-l{self.left_out}" if self.left_out else ""
        return f"{self.task}-{self.variant.name}-s{self.seed}{without}"

    @property
    def draw(self) -> str:
        """Everything on one task shares its training texts."""
        return self.task

    def make(self) -> TuningTask:
        """Choose texts and turn them into tokens."""
        tokens, labels, test_tokens, test_labels = _tokens(
            self.folder, self.task, self.n, self.sample, self.encoder, self.max_length
        )
        rng = np.random.default_rng([*self._entropy, self.seed])
        return TuningTask(
            tokens=tokens,
            labels=labels,
            test_tokens=test_tokens,
            test_labels=test_labels,
            without=rng.permutation(len(labels))[: self.left_out],
            specification=self,
        )

    @property
    def _entropy(self) -> list[int]:
        return [self.sample, zlib.crc32(self.task.encode())]


@dataclass(frozen=True, kw_only=True, eq=False)
class TuningTask:
    """Tokens and labels of one environment.

    Attributes
    ----------
    tokens, test_tokens : dict of str to (n, length) Tensor
    labels, test_labels : (n,) of −1 and +1
    without : (left_out,)
        Training texts that are left out in turn.
    specification : RunSpecification
    """

    tokens: dict[str, Tensor]
    labels: Integers
    test_tokens: dict[str, Tensor]
    test_labels: Integers
    without: Integers
    specification: RunSpecification


def save(member: TuningTask, path: str | os.PathLike[str]) -> None:
    """Write what a member is made from."""
    write_arrays(path, {"format": FORMAT, ENTRY: json.dumps(asdict(member.specification))})


def load(path: str | os.PathLike[str]) -> TuningTask:
    """Make the member that `save` wrote.

    Raises
    ------
    ValueError
        If the file holds none.
    """
    stored = read_arrays(path, format_name=FORMAT, entries=(ENTRY,))
    return RunSpecification(**json.loads(stored[ENTRY].item())).make()


@lru_cache(maxsize=16)
def _tokens(
    folder: str, name: str, n: int, sample: int, encoder: str, max_length: int
) -> tuple[dict[str, Tensor], Integers, dict[str, Tensor], Integers]:
    """Training and test texts as tokens, with labels; test texts of like length stand together."""
    task = find_task(folder, name)
    rng = np.random.default_rng([sample, zlib.crc32(name.encode())])
    chosen = rng.permutation(len(task.train))[:n]
    tested = rng.permutation(len(task.validation))[:PREDICTED]
    reader: tuning.PretrainedEncoder = loaded(encoder, max_length)
    tokens = reader.tokens([task.train.texts[place] for place in chosen])
    given = reader.tokens([task.validation.texts[place] for place in tested])
    order = given["attention_mask"].sum(dim=1).argsort(stable=True)
    return (
        tokens,
        task.train.labels[chosen],
        {key: value[order] for key, value in given.items()},
        task.validation.labels[tested][order.numpy()],
    )
