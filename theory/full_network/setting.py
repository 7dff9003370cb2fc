"""Full fine-tuning of a pre-trained network, whose constants are estimates."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tunebound import synthetic, tuning
from tunebound._ground.checks import WEIGHTINGS, choice, whole_number
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting, register_setting
from tunebound.theory.full_network import columns, networks
from tunebound.theory.full_network.evidence import NetworkEvidence
from tunebound.theory.full_network.networks import NetworkSpecification, NetworkTask

if TYPE_CHECKING:
    from tunebound.theory.engine.presentation import Presentation


@dataclass(frozen=True, kw_only=True)
class NetworkOptions(Options):
    """Options of a study of full tuning of networks.

    Attributes
    ----------
    steps : int
        Gradient steps of every replica, at least 1.
    weighting : {"1/n", "1/(n-1)"}
        Weight of the other samples when one is left out.
    minimiser_steps : int
        Steps of the long training that estimates w*, at least 20.
    device : str
        "auto" (CUDA where there is one), "cpu" or "cuda".
    """

    steps: int = 500
    weighting: str = "1/n"
    minimiser_steps: int = 2000
    device: str = "auto"


class NetworkTuning(Setting[NetworkSpecification, NetworkTask, NetworkEvidence, NetworkOptions]):
    """Curvature at the start, long training, curvature at its end, then all left-out replicas."""

    name = "full-network"
    summary = (
        "full tuning of a small pre-trained network by gradient descent, each sample left out"
        " in turn; constants are estimates"
    )
    measures = "leave-one-out distance of parameters (units of the parameters)"
    factors = (columns.ENCODER, columns.N, columns.PRETRAINING, columns.SHIFT)
    stands_for: ClassVar = {"distance": "pretraining"}
    options = NetworkOptions

    def suite_names(self) -> tuple[str, ...]:
        return networks.SUITES

    def suite(self, name: str, seed: int, options: NetworkOptions) -> synthetic.Suite[NetworkTask]:
        return networks.make_suite(name, seed)

    def check(self, options: NetworkOptions) -> None:
        tuning.record_steps(options.steps)
        whole_number("minimiser_steps", options.minimiser_steps, low=20)
        choice("weighting", options.weighting, WEIGHTINGS)
        tuning.torch_device("device", options.device)

    def evidence(
        self,
        members: Sequence[NetworkTask],
        sources: Sequence[NetworkSpecification | NetworkTask],
        options: NetworkOptions,
    ) -> list[NetworkEvidence]:
        return [_examine(task, options) for task in members]

    def save(self, member: NetworkTask, path: str | os.PathLike[str]) -> None:
        networks.save(member, path)

    def load(self, path: str | os.PathLike[str]) -> NetworkTask:
        return networks.load(path)

    def presentation(self) -> Presentation:
        from tunebound.theory.full_network.story import PRESENTATION

        return PRESENTATION


def _examine(task: NetworkTask, options: NetworkOptions) -> NetworkEvidence:
    sample = (task.model, task.tokens, task.labels)
    device = options.device
    start = tuning.network_curvature(
        *sample, samples="each", iterations=20, starts=2, device=device
    )
    minimiser = tuning.estimate_minimiser(
        *sample,
        learning_rate=1 / start.largest.value,
        steps=options.minimiser_steps,
        device=device,
    )
    end = tuning.network_curvature(
        *sample,
        weights=minimiser.weights,
        samples="each",
        iterations=20,
        starts=2,
        device=device,
    )
    beta = max(start.largest.value, end.largest.value)
    run = tuning.tune_networks(
        *sample,
        steps=options.steps,
        learning_rate=1 / beta,
        weighting=options.weighting,
        device=device,
    )
    return NetworkEvidence(
        task=task,
        run=run,
        start=start,
        end=end,
        minimiser=minimiser,
        lipschitz=tuning.path_lipschitz(run.gradient_norms, learning_rate=1 / beta, beta=beta),
    )


register_setting(NetworkTuning())
