"""Softmax heads that have descended, followed on along their flow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tunebound.tuning.heads.flow.problem import FlowProblem
from tunebound.tuning.heads.run import HeadRun, record_margins
from tunebound.tuning.heads.softmax.descent import SoftmaxProblem
from tunebound.tuning.heads.softmax.flow import SoftmaxFlow
from tunebound.tuning.heads.softmax.tune import coordinates_of


@dataclass(frozen=True, kw_only=True)
class ClassFlowProblem(FlowProblem):
    """As `FlowProblem`, for K classes: Z holds the samples without signs, `outside` is (D, K, d),
    and the descent's matrices are vectors of K d numbers.
    """

    labels: Tensor  # (D, n)
    classes: int

    @classmethod
    def of_classes(
        cls,
        X: NDArray,
        labels: NDArray,
        start: NDArray,
        descent: HeadRun,
        device: torch.device,
        *,
        classes: int,
    ) -> Self:
        basis, coordinates = coordinates_of(X)
        outside = start if basis is None else start - start @ basis @ basis.transpose(0, 2, 1)
        return cls(
            Z=torch.as_tensor(X, device=device),
            coordinates=torch.as_tensor(coordinates, device=device),
            basis=None if basis is None else torch.as_tensor(basis, device=device),
            outside=torch.as_tensor(outside, device=device),
            rates=torch.as_tensor(descent.learning_rate, device=device),
            descent=replace(
                descent,
                path=descent.path.reshape(*descent.path.shape[:2], -1),
                weights=descent.weights.reshape(*descent.weights.shape[:2], -1),
            ),
            labels=torch.as_tensor(labels, device=device),
            classes=classes,
        )

    def subset(self, chosen: NDArray[np.intp]) -> Self:
        index = torch.as_tensor(chosen, device=self.Z.device)
        return replace(super().subset(chosen), labels=self.labels[index])

    @property
    def numbers(self) -> int:
        return self.classes * self.coordinates.shape[-1]

    @property
    def alone(self) -> bool:
        return False

    def field(self, sets: slice, heads: slice) -> SoftmaxFlow:
        return SoftmaxFlow(
            self.coordinates[sets],
            self.labels[sets],
            self.classes,
            self.rates[sets],
            heads,
            self.growth,
        )

    def heads(self, sets: slice, heads: slice) -> Tensor:
        W = torch.as_tensor(self.descent.weights[sets], device=self.Z.device)
        W = torch.cat([W[:, :1], W[:, 1:][:, heads]], dim=1)
        if self.basis is None:
            return W
        return (W.unflatten(-1, (self.classes, -1)) @ self.basis[sets][:, None]).flatten(-2)

    def features(self, W: Tensor, sets: slice) -> Tensor:
        if self.basis is None:
            return W
        inside = W.unflatten(-1, (self.classes, -1)) @ self.basis[sets].mT[:, None]
        return (inside + self.outside[sets][:, None]).flatten(-2)

    def drift_scale(self, sets: slice) -> Tensor:
        return torch.full_like(self.Z[sets][..., 0], self.growth)

    def record(
        self,
        run: HeadRun,
        k: int,
        *,
        sets: slice,
        heads: slice,
        W: Tensor,
        certificate: Tensor,
        reference: NDArray | None,
    ) -> None:
        problem = SoftmaxProblem(
            X=self.Z[sets],
            labels=self.labels[sets],
            rates=self.rates[sets],
            start=W[:, 0].unflatten(-1, (self.classes, -1)),
            left_out=heads,
            growth=self.growth,
        )
        margin = problem.margins(W.unflatten(-1, (self.classes, -1)))
        record_margins(
            run,
            k,
            sets=sets,
            heads=heads,
            W=W,
            margin=margin / torch.linalg.vector_norm(W, dim=-1),
            certificate=certificate,
            reference=reference,
        )
