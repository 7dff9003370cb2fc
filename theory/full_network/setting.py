"""Full fine-tuning of a pre-trained network: every left-out replica, and estimates of the constants
that theory asks for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from tunebound import synthetic, tuning
from tunebound._ground.storage import read_arrays, write_arrays
from tunebound.theory.engine.setting import Setting, register
from tunebound.tuning.recording import record_steps

FORMAT = "tunebound-network"
CORPUS = 4096  # unlabelled sequences of the world, for pre-training
MEAN = "mean distance of the parameters at step t"
OPTIONS = {"steps": 500, "weighting": "1/n", "minimiser_steps": 2000, "device": "auto"}
# mean loss at w* below which the network fits every sample; at the start it is about one half
INTERPOLATED = 1e-3


@dataclass(frozen=True)
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
        if self.encoder not in ENCODERS:
            raise ValueError(f"encoder must be one of {', '.join(ENCODERS)}, got {self.encoder!r}")
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


@dataclass(frozen=True)
class NetworkEvidence:
    """All that was measured and estimated on one network.

    Attributes
    ----------
    task : NetworkTask
    run : tuning.FullRun
        All n + 1 replicas, full-batch descent with step 1/β.
    start, end : tuning.Curvature
        Extreme eigenvalues over all ∇²f_i, at w_0 and at the estimate of w*.
    minimiser : tuning.Minimiser
    lipschitz : tuning.Estimate
        Along the run on S.
    """

    task: NetworkTask
    run: tuning.FullRun
    start: tuning.Curvature
    end: tuning.Curvature
    minimiser: tuning.Minimiser
    lipschitz: tuning.Estimate

    @property
    def n(self) -> int:
        return len(self.task.labels)

    @property
    def beta(self) -> float:
        """Estimate of β: the largest curvature of a sample's loss at both ends of the run."""
        return max(self.start.largest.value, self.end.largest.value)

    @property
    def interpolates(self) -> bool:
        return self.minimiser.loss < INTERPOLATED

    @property
    def strongly_convex(self) -> bool:
        """Whether the smallest curvature of a sample's loss at w* is above zero by more than its
        error.
        """
        return self.end.smallest.value - self.end.smallest.error > 0

    @property
    def resolution(self) -> NDArray[np.float64]:
        """Rounding of t steps, shape (K,), relative to the parameters' norm."""
        return (
            8
            * np.finfo(float).eps
            * (self.run.steps + 4.0)
            * float(np.linalg.norm(self.run.weights[0]))
        )

    def columns(self) -> dict[str, Any]:
        return {
            **asdict(self.task.specification),
            "parameters": self.run.weights.shape[1],
            "distance": self.minimiser.distance.value,
            "distance_error": self.minimiser.distance.error,
            "weighting": self.run.weighting,
            "beta": self.beta,
            "beta_error": max(self.start.largest.error, self.end.largest.error),
            "mu": self.end.smallest.value,
            "mu_error": self.end.smallest.error,
            "curvature_at_start": self.start.smallest.value,
            "lipschitz": self.lipschitz.value,
            "lipschitz_error": self.lipschitz.error,
            "final_loss": float(self.run.loss[-1]),
            "loss_at_minimiser": self.minimiser.loss,
            "final_instability": float(self.run.distance[-1].mean()),
        }


ENCODERS = {"mlp": tuning.TokenMLP, "transformer": tuning.TokenTransformer}


@lru_cache(maxsize=16)
def _encoder(kind: str, steps: int, seed: int) -> tuning.TokenEncoder:
    drawn = ENCODERS[kind](seed=seed)
    if steps == 0:
        return drawn
    corpus = synthetic.make_token_task(CORPUS, seed=10_000 + seed)
    return tuning.pretrain(drawn, corpus.tokens, steps=steps, seed=seed).encoder


def network_evidence(
    members: Sequence[NetworkTask], specifications: Sequence[Any], options: Mapping[str, Any]
) -> list[NetworkEvidence]:
    """Curvature at the start, long training, curvature at its end, then all left-out replicas."""
    return [_examine(task, options) for task in members]


def _examine(task: NetworkTask, options: Mapping[str, Any]) -> NetworkEvidence:
    sample = (task.model, task.tokens, task.labels)
    place = {"device": options["device"]}
    start = tuning.network_curvature(*sample, samples="each", iterations=20, starts=2, **place)
    minimiser = tuning.estimate_minimiser(
        *sample, learning_rate=1 / start.largest.value, steps=options["minimiser_steps"], **place
    )
    end = tuning.network_curvature(
        *sample, weights=minimiser.weights, samples="each", iterations=20, starts=2, **place
    )
    beta = max(start.largest.value, end.largest.value)
    run = tuning.tune_networks(
        *sample,
        steps=options["steps"],
        learning_rate=1 / beta,
        weighting=options["weighting"],
        **place,
    )
    lipschitz = tuning.path_lipschitz(run.gradient_norms, learning_rate=1 / beta, beta=beta)
    return NetworkEvidence(task, run, start, end, minimiser, lipschitz)


def suite_names() -> tuple[str, ...]:
    """Names of the suites of networks."""
    return ("smoke", "standard")


def make_suite(name: str, seed: int) -> synthetic.Suite[NetworkTask]:
    """Networks over n and pre-training: the distance from the start to the minimiser is what
    pre-training changes.
    """
    if name not in suite_names():
        raise ValueError(
            f"no suite of networks is named {name!r}. Known: {', '.join(suite_names())}"
        )
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be an integer of at least 0, got {seed!r}")
    if name == "smoke":
        return synthetic.Suite(
            name,
            seed,
            tuple(
                NetworkSpecification("mlp", n, steps, 0.3, seed)
                for n in (6, 12)
                for steps in (0, 100)
            ),
        )
    designed = [
        ("mlp", n, steps, draw)
        for draw in range(2)
        for n in (8, 16, 32, 64)
        for steps in (0, 100, 600)
    ]
    designed += [("transformer", n, steps, 0) for n in (8, 16) for steps in (0, 600)]
    return synthetic.Suite(
        name,
        seed,
        tuple(
            NetworkSpecification(kind, n, steps, 0.3, 2 * seed + draw)
            for kind, n, steps, draw in designed
        ),
    )


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse options out of range before any network is trained."""
    record_steps(options["steps"])
    if (
        isinstance(options["minimiser_steps"], bool)
        or not isinstance(options["minimiser_steps"], int)
        or options["minimiser_steps"] < 20
    ):
        raise ValueError(
            f"minimiser_steps must be an integer of at least 20, got {options['minimiser_steps']!r}"
        )
    tuning.arguments.choice("weighting", options["weighting"], tuning.arguments.WEIGHTINGS)
    tuning.arguments.device("device", options["device"])


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


register(
    Setting(
        name="full-network",
        summary=(
            "full tuning of a small pre-trained network by gradient descent, each sample left out"
            " in turn; constants are estimates"
        ),
        measures="leave-one-out distance of parameters (units of the parameters)",
        factors=("encoder", "n", "pretraining", "shift", "seed"),
        stands_for={"distance": "pretraining"},
        options=OPTIONS,
        check=check_options,
        judged_at="last",
        suite_names=suite_names,
        suite=make_suite,
        cost=lambda specification, options: 1e12,  # a shard each: seconds to a minute
        batch_key=lambda specification: getattr(specification, "name", id(specification)),
        evidence=network_evidence,
        save=save,
        load=load,
    )
)
