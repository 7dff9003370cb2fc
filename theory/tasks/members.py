"""The suite: subsamples of tasks, in several sizes and preparations, and with shuffled labels."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tunebound import synthetic
from tunebound._ground.arrays import Floats, Integers
from tunebound._ground.sample_checks import labelled_sample
from tunebound._ground.storage import Stored
from tunebound.theory.tasks.preparations import PREPARATIONS, encoded, scaled
from tunebound.theory.texts.finding import find_task
from tunebound.theory.texts.reading import TextTask

BLOCK = 200  # texts that are encoded and kept together
PREDICTED = 300  # validation texts of each task
FOREMOST = "mean"  # the preparation of all sizes
OWN, SHUFFLED = "own", "shuffled"


@dataclass(frozen=True, eq=False, kw_only=True)
class TaskSample(Stored):
    """Features and labels of a subsample, and of the validation texts.

    Attributes
    ----------
    X : (n, d) float64
        With the constant feature.
    y : (n,) of −1 and +1
    rows : (n,) int64
        Rows of the training file.
    X_test : (m, d) float64
    y_test : (m,) of −1 and +1
    """

    FORMAT = "tunebound-task-sample-1"
    ENTRIES = ("X", "y", "rows", "X_test", "y_test")

    X: Floats
    y: Floats
    rows: Integers
    X_test: Floats
    y_test: Floats

    @classmethod
    def from_entries(cls, stored: Mapping[str, NDArray[Any]]) -> Self:
        X, y = labelled_sample(stored["X"], stored["y"])
        X_test, y_test = labelled_sample(stored["X_test"], stored["y_test"])
        rows = np.asarray(stored["rows"], dtype=np.int64)
        if X.shape[1] != X_test.shape[1] or rows.shape != y.shape:
            raise ValueError("X, X_test and rows have shapes that do not fit")
        return cls(X=X, y=y, rows=rows, X_test=X_test, y_test=y_test)

    @property
    def n(self) -> int:
        return len(self.X)

    @property
    def d(self) -> int:
        return self.X.shape[1]


@dataclass(frozen=True, kw_only=True)
class SampleSpecification:
    """One subsample of a task in one preparation.

    Attributes
    ----------
    task, preparation : str
    n, subsample : int
        Subsamples of one number are nested: the smaller one is the beginning of the larger.
    labels : {"own", "shuffled"}
    seed : int
    digest : str
        Of the task's texts and labels.
    encoder, max_length
        As in `TaskOptions`.
    folder, cache : str
        Where texts and features are; of no consequence for what is computed.
    """

    task: str
    preparation: str
    n: int
    subsample: int
    labels: str
    seed: int
    digest: str
    encoder: str
    max_length: int
    folder: str = field(repr=False)
    cache: str = field(repr=False)

    @property
    def name(self) -> str:
        shuffled = "-shuffled" if self.labels == SHUFFLED else ""
        return f"{self.task}-n{self.n}-{self.preparation}{shuffled}-s{self.subsample}"

    @property
    def draw(self) -> str:
        """Sizes, preparations and shuffled labels of one subsample share its texts."""
        return f"{self.task}-s{self.subsample}"

    def make(self) -> TaskSample:
        """Encode what is not in the cache, scale, and choose the labels."""
        task = find_task(self.folder, self.task)
        order = self._order(len(task.train))
        blocks = [order[start : start + BLOCK] for start in range(0, self.n, BLOCK)]
        train = np.vstack(
            [self._encoded([task.train.texts[number] for number in block]) for block in blocks]
        )[: self.n]
        chosen = order[: self.n]
        predicted = np.random.default_rng(self.seed).permutation(len(task.validation))[:PREDICTED]
        test = self._encoded([task.validation.texts[number] for number in predicted])
        X, X_test = scaled(train, test, PREPARATIONS[self.preparation].scaling)
        y = task.train.labels[chosen].astype(np.float64)
        if self.labels == SHUFFLED:
            y = np.random.default_rng([self.seed, self.subsample]).permutation(y)
        return TaskSample(
            X=X,
            y=y,
            rows=task.train.rows[chosen],
            X_test=X_test,
            y_test=task.validation.labels[predicted].astype(np.float64),
        )

    def require_both(self, task: TextTask) -> None:
        """Refuse a subsample that would have one class without one of its samples."""
        labels = task.train.labels[self._order(len(task.train))[: self.n]]
        rarer = min(int((labels == sign).sum()) for sign in (-1, 1))
        if rarer < 2:
            raise ValueError(
                f"sizes: subsample {self.subsample} of {self.n} of task {self.task} has {rarer} of"
                " one class, and each has to keep one when a sample is left out; choose larger"
                " sizes, or another seed"
            )

    def _order(self, count: int) -> Integers:
        entropy = [self.seed, self.subsample, zlib.crc32(self.task.encode())]
        return np.random.default_rng(entropy).permutation(count)

    def _encoded(self, texts: list[Any]) -> Floats:
        return encoded(
            tuple(texts),
            PREPARATIONS[self.preparation],
            encoder=self.encoder,
            max_length=self.max_length,
            cache=Path(self.cache),
        )


def task_suite(
    seed: int,
    *,
    folder: str,
    names: Sequence[str],
    sizes: Sequence[int],
    compared: int,
    subsamples: int,
    preparations: Sequence[str],
    encoder: str,
    max_length: int,
    cache: str,
) -> synthetic.Suite[TaskSample]:
    """All subsamples: of every size as the encoder gives them; of `compared` also in the other
    preparations and with shuffled labels.

    A size is left out where the task has fewer rows, a preparation of pairs where its texts are
    single.
    """

    def specifications() -> Iterator[SampleSpecification]:
        for name in names:
            task = find_task(folder, name)
            designs = [(FOREMOST, n, OWN) for n in sizes]
            designs += [(each, compared, OWN) for each in preparations if each != FOREMOST]
            designs.append((FOREMOST, compared, SHUFFLED))
            for subsample in range(subsamples):
                for preparation, n, labels in designs:
                    if n > len(task.train) or (PREPARATIONS[preparation].towers and not task.pairs):
                        continue
                    chosen = SampleSpecification(
                        task=name,
                        preparation=preparation,
                        n=n,
                        subsample=subsample,
                        labels=labels,
                        seed=seed,
                        digest=task.digest,
                        encoder=encoder,
                        max_length=max_length,
                        folder=os.fspath(folder),
                        cache=cache,
                    )
                    chosen.require_both(task)
                    yield chosen

    return synthetic.Suite("tasks", seed, tuple(specifications()))
