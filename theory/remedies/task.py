"""Tasks on which ways of fine-tuning are compared: an under-trained encoder, a small labelled
sample, a clean test set.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tunebound import bounds, synthetic, tuning
from tunebound._ground.arrays import Integers
from tunebound._ground.checks import choice, whole_number
from tunebound._ground.storage import read_arrays, write_arrays
from tunebound.theory.remedies.regimes import CALM, GIVEN, POPULATIONS, REGIMES
from tunebound.theory.remedies.variants import Variant, variant

if TYPE_CHECKING:
    from torch import nn

FORMAT = "tunebound-remedies"
# Small enough for thousands of runs, and hard enough that runs disagree: eight topics in 64 words,
# no margin between the classes, and a pre-training that stops early.
VOCABULARY, TOPICS, LENGTH, WIDTH, EMBEDDING = 64, 8, 8, 32, 4
CORPUS, CORPUS_SEED = 4096, 2**31  # no task has that seed
PRETRAINING = 120
TEST = 256
NOISE_DRAWS = 200


@dataclass(frozen=True, kw_only=True)
class TaskSpecification:
    """What a task is made from, and what is tried on it; the same specification gives the same
    results.

    Attributes
    ----------
    n : int
        Labelled training sequences.
    noise : float
        Share of training labels that are flipped, in [0, 0.5); the sample stays linearly separable
        in the encoder's features.
    balance : float
        Share of sequences labelled +1 before the flips, in the training and the test sample.
    shift : float
        How far the task's distribution lies from that of pre-training, in [0, 1].
    world : int
        Of the planted process, the corpus and the encoder: each world has an encoder of its own.
    seed : int
        Of the labelled sequences and the flips.
    methods : tuple of Variant
        Ways of fine-tuning; names and methods are taken too, see `theory.remedies.variants`.
    seeds : int
        Runs of each method that differ in initial head, data order, dropout and the method's own
        noise; at least 2.
    left_out : int
        Further runs, each without one training sample and otherwise like one of those above.
    regime : str
        How plain fine-tuning is done, a key of `regimes.REGIMES`.
    population : str
        What the task is for, one of `regimes.POPULATIONS`: claims about held-out worlds are judged
        on no other tasks.
    layers : int
        Of the encoder, at least 2.
    further : int
        Sequences of the task's distribution beyond those that every task has: for tuning on more
        samples, and unlabelled for further pre-training.
    """

    n: int
    noise: float
    balance: float
    shift: float
    world: int
    seed: int
    methods: tuple[Variant, ...]
    seeds: int
    left_out: int
    regime: str = CALM
    population: str = GIVEN
    layers: int = 2
    further: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "methods", tuple(variant(method) for method in self.methods))

    @property
    def values(self) -> dict[str, int | float | str]:
        """Every field as one plain value; the methods by their names."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**plain, "methods": ",".join(each.name for each in self.methods)}

    @property
    def name(self) -> str:
        """Readable and unique within a suite."""
        return (
            f"n{self.n}-noise{self.noise:g}-balance{self.balance:g}"
            f"-shift{self.shift:g}-w{self.world}-s{self.seed}"
        )

    def make(self) -> Task:
        """Pre-train the world's encoder, draw the sequences, flip labels."""
        if not 0 <= self.noise < 0.5:
            raise ValueError(
                f"noise must be in [0, 0.5), got {self.noise}; at one half labels mean nothing"
            )
        if self.seeds < 2 or not 0 <= self.left_out <= self.n:
            raise ValueError(
                f"seeds must be at least 2 and left_out in 0..n = {self.n}, got {self.seeds} and"
                f" {self.left_out}"
            )
        choice("regime", self.regime, tuple(REGIMES))
        choice("population", self.population, POPULATIONS)
        whole_number("further", self.further, low=0)
        before = pretrained(self.world, self.layers)
        positive = round(self.balance * self.n)
        if not 0 < positive < self.n:
            raise ValueError(
                f"balance={self.balance} leaves a class empty at n={self.n}; move it towards 0.5 or"
                " raise n"
            )
        drawn = _sequences(
            2 * self.n + TEST + self.further,
            self.world,
            self.seed,
            balance=self.balance,
            shift=self.shift,
        )
        # positives first, each class in the order of drawing
        order = np.argsort(-drawn.labels, kind="stable")
        train = np.sort(
            np.concatenate([order[:positive], order[len(order) - (self.n - positive) :]])
        )
        others = np.setdiff1d(np.arange(drawn.n), train)
        test, further = others[:TEST], others[TEST:]
        flipped = flip_labels(
            before.encoder, drawn.tokens[train], drawn.labels[train], self.noise, self.seed
        )
        return Task(
            encoder=before.encoder,
            decoder=before.decoder,
            tokens=drawn.tokens[train],
            labels=flipped,
            true_labels=drawn.labels[train],
            test_tokens=drawn.tokens[test],
            test_labels=drawn.labels[test],
            further_tokens=drawn.tokens[further],
            further_labels=flip_any(drawn.labels[further], self.noise, self.seed),
            specification=self,
        )


@dataclass(frozen=True, kw_only=True)
class Task:
    """A pre-trained encoder, the sample it is tuned on, and the sample it is tested on.

    Attributes
    ----------
    encoder : TokenEncoder
        At w_0.
    decoder : Module
        The map to tokens that was pre-trained with it, for re-training.
    tokens : (n, length) int64
    labels : (n,) int64
        Labels −1 and +1 for training, some of them flipped.
    true_labels : (n,) int64
        Before the flips.
    test_tokens, test_labels : (m, length) and (m,) int64
        Without noise.
    further_tokens, further_labels : (k, length) and (k,) int64
        More of the same distribution, with the same share of flipped labels: n sequences and those
        that the specification asks for.
    specification : TaskSpecification
    """

    encoder: tuning.TokenEncoder
    decoder: nn.Module
    tokens: Integers
    labels: Integers
    true_labels: Integers
    test_tokens: Integers
    test_labels: Integers
    further_tokens: Integers
    further_labels: Integers
    specification: TaskSpecification

    @property
    def flips(self) -> int:
        """Number of training labels that were flipped."""
        return int((self.labels != self.true_labels).sum())

    def sample(self, share: float = 1.0) -> tuple[Integers, Integers]:
        """Tokens and labels of the training sample and of further ones behind it: `share` times as
        many in all.
        """
        n = len(self.labels)
        more = round((share - 1) * n)
        if more > len(self.further_labels):
            raise ValueError(
                f"a sample {share:g} times as large needs {more} further sequences, but the task"
                f" has {len(self.further_labels)}; raise further in its specification"
            )
        return (
            np.concatenate([self.tokens, self.further_tokens[:more]]),
            np.concatenate([self.labels, self.further_labels[:more]]),
        )


@lru_cache(maxsize=4)
def pretrained(world: int, layers: int = 2) -> tuning.Pretraining:
    """The encoder of a world, with its decoder: masked reconstruction on unlabelled sequences,
    stopped early; deterministic.

    Parameters
    ----------
    world : int
    layers : int
    """
    corpus = _sequences(CORPUS, world, CORPUS_SEED)
    drawn = tuning.TokenMLP(
        VOCABULARY, LENGTH, embedding=EMBEDDING, width=WIDTH, layers=layers, seed=world
    )
    return tuning.pretrain(drawn, corpus.tokens, steps=PRETRAINING, seed=world)


def flip_labels(
    encoder: tuning.TokenEncoder, tokens: Integers, labels: Integers, share: float, seed: int
) -> Integers:
    """Flip a share of the labels so that the encoder's features of the sample stay linearly
    separable.

    Sets of labels are drawn uniformly, and drawn again until `bounds.max_margin` finds a separator
    of the features (with a constant for the intercept) and each class keeps two samples.

    Parameters
    ----------
    encoder : TokenEncoder
    tokens : (n, length)
    labels : (n,)
        −1 or +1.
    share : float
        round(share · n) labels are flipped.
    seed : int

    Returns
    -------
    (n,) int64

    Raises
    ------
    ValueError
        If no set that was drawn keeps the sample separable.
    """
    count = round(share * len(labels))
    features = with_constant(encode(encoder, tokens))
    rng = np.random.default_rng([seed, 7])
    for _ in range(NOISE_DRAWS if count else 1):
        flipped = labels.copy()
        flipped[rng.choice(len(labels), size=count, replace=False)] *= -1
        if min((flipped > 0).sum(), (flipped < 0).sum()) < 2:
            continue
        try:
            bounds.max_margin(features, flipped)
        except bounds.NotSeparableError:
            continue
        return flipped
    raise ValueError(
        f"no {count} of {len(labels)} labels can be flipped so that the features stay separable"
        f" ({NOISE_DRAWS} draws); lower noise or n"
    )


def flip_any(labels: Integers, share: float, seed: int) -> Integers:
    """Flip round(share · m) of m labels, whichever; far more samples than features cannot be kept
    separable.
    """
    flipped = labels.copy()
    rng = np.random.default_rng([seed, 8])
    flipped[rng.choice(len(labels), size=round(share * len(labels)), replace=False)] *= -1
    return flipped


def encode(encoder: tuning.TokenEncoder, tokens: Integers) -> NDArray[np.float64]:
    """Features (n, width) of an encoder, float64."""
    import torch  # what reads tables alone does not wait for it

    with torch.no_grad():
        return encoder(torch.as_tensor(tokens)).numpy().astype(np.float64)


def with_constant(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Features with a last column of ones, which makes the intercept part of the separator."""
    return np.concatenate([features, np.ones((*features.shape[:-1], 1))], axis=-1)


def save(task: Task, path: str | os.PathLike[str]) -> None:
    """Write what a task is made from; all of it is deterministic.

    Parameters
    ----------
    task : Task
    path : path
    """
    write_arrays(path, {"format": FORMAT, **task.specification.values})


def load(path: str | os.PathLike[str]) -> Task:
    """Make the task that `save` wrote.

    Parameters
    ----------
    path : path

    Raises
    ------
    ValueError
        If the file holds no task.
    """
    fields = tuple(TaskSpecification.__dataclass_fields__)
    try:
        stored = read_arrays(path, format_name=FORMAT, entries=fields)
    except ValueError as error:
        raise ValueError(
            f"{path} holds no task of the remedies ({error}); name a file that `save` wrote"
        ) from error
    values: dict[str, Any] = {name: stored[name].item() for name in fields}
    return TaskSpecification(**{**values, "methods": tuple(values["methods"].split(","))}).make()


def _sequences(
    count: int, world: int, seed: int, *, balance: float = 0.5, shift: float = 0.0
) -> synthetic.TokenTask:
    return synthetic.make_token_task(
        count,
        length=LENGTH,
        vocabulary=VOCABULARY,
        topics=TOPICS,
        margin=0.0,
        balance=balance,
        shift=shift,
        world=world,
        seed=seed,
    )
