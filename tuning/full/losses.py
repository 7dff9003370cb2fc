"""A network's loss as a function of its parameters alone, for derivatives and replicas by
torch.func.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.func import functional_call

from tunebound._ground import checks, sample_checks
from tunebound.tuning import arguments
from tunebound.tuning.encoders.reconstruction import sequences
from tunebound.tuning.encoders.tokens import SequenceClassifier, TokenEncoder

Named = dict[str, Tensor]

DTYPES = {"float64": torch.float64, "float32": torch.float32}


def _squared(outputs: Tensor, labels: Tensor) -> Tensor:
    return 0.5 * (outputs - labels) ** 2


def _logistic(outputs: Tensor, labels: Tensor) -> Tensor:
    return nn.functional.softplus(-labels * outputs)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"squared": _squared, "logistic": _logistic}


class NetworkLoss:
    """f_i(w), i = 1..n, of a network with one output, as functions of its trainable parameters.

    Parameters
    ----------
    model : Module
        Maps inputs (batch, …) to outputs (batch,). It is copied, put into evaluation mode (no
        dropout) and left alone.
    inputs : (n, …)
        Array or tensor; reals are converted to `dtype`, integers (tokens) are kept.
    y : (n,)
        Labels −1 and +1.
    loss : {"squared", "logistic"}
        ½(output − y)², which a large network brings to zero, or ln(1 + exp(−y·output)), which it
        never does.

    Raises
    ------
    TypeError, ValueError
        For a model without trainable parameters or with outputs of another shape, labels other than
        ±1, inputs that are not finite or do not fit, and an unknown loss.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: ArrayLike | Tensor,
        y: ArrayLike | Tensor,
        *,
        loss: str,
        device: str = "auto",
        dtype: str = "float64",
    ) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
        checks.choice("dtype", dtype, tuple(DTYPES))
        self.criterion = LOSSES[checks.choice("loss", loss, tuple(LOSSES))]
        kind = DTYPES[dtype]
        target_device = arguments.torch_device("device", device)
        self.labels = _labels(y).to(target_device, kind)
        given = _inputs(inputs, len(self.labels))
        if isinstance(model, SequenceClassifier) and isinstance(model.encoder, TokenEncoder):
            # whose embedding takes any number for a token
            given = sequences("inputs", given, model.encoder)
        self.inputs = given.to(target_device)
        if self.inputs.is_floating_point():
            self.inputs = self.inputs.to(kind)
        self.model = copy.deepcopy(model).to(target_device, kind).eval()
        parameters = {
            name: value.detach()
            for name, value in self.model.named_parameters()
            if value.requires_grad
        }
        if not parameters:
            raise ValueError(
                "model has no trainable parameter; set requires_grad on those to be tuned"
            )
        self.shapes = {name: value.shape for name, value in parameters.items()}
        self.start = torch.cat([value.reshape(-1) for value in parameters.values()])
        if not torch.isfinite(self.start).all():
            raise ValueError(
                "model holds a parameter that is not finite; load or draw its weights again"
            )
        # Gradients flow through what the caller passes, not through the copy.
        self.model.requires_grad_(False)
        self._require_fitting()

    def _require_fitting(self) -> None:
        """Try the model on two samples, and on those with the smallest and the largest token."""
        tried = [0, 1]
        if not self.inputs.is_floating_point() and self.inputs.numel():
            flat = self.inputs.reshape(self.n, -1)
            tried += [int(flat.amin(dim=1).argmin()), int(flat.amax(dim=1).argmax())]
        try:
            with torch.no_grad():
                outputs = self.model(self.inputs[tried])
        except (TypeError, ValueError, IndexError, RuntimeError) as error:
            raise ValueError(
                f"inputs of shape {tuple(self.inputs.shape)} and {self.inputs.dtype} do not fit the"
                f" model, which says: {error}"
            ) from error
        if not isinstance(outputs, Tensor):
            raise TypeError(
                f"model must return a tensor, got {type(outputs).__name__}; wrap it in a module"
                " that takes the logit out"
            )
        if outputs.shape != (len(tried),):
            raise ValueError(
                f"model must map {len(tried)} inputs to outputs of shape ({len(tried)},), got"
                f" {tuple(outputs.shape)}; add a head with one output and squeeze it"
            )

    @property
    def n(self) -> int:
        """Number of samples."""
        return len(self.labels)

    @property
    def p(self) -> int:
        """Number of trainable parameters."""
        return len(self.start)

    def unflatten(self, weights: Tensor) -> Named:
        """Views of weights (..., p), each (..., *shape of the parameter)."""
        sizes = [shape.numel() for shape in self.shapes.values()]
        pieces = weights.split(sizes, dim=-1)
        return {
            name: piece.unflatten(-1, shape) if shape else piece[..., 0]
            for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)
        }

    def of_samples(self, parameters: Named, inputs: Tensor, labels: Tensor) -> Tensor:
        """f(w) of these samples, (batch,)."""
        outputs: Tensor = functional_call(self.model, parameters, (inputs,))
        return self.criterion(outputs, labels)

    def of_one(self, parameters: Named, sample: Tensor, label: Tensor) -> Tensor:
        """f_i(w), a scalar, for a single sample without its batch axis."""
        return self.of_samples(parameters, sample[None], label[None])[0]

    def mean(self, weights: Tensor) -> Tensor:
        """F_S(w), a scalar, for flat weights (p,)."""
        return self.of_samples(self.unflatten(weights), self.inputs, self.labels).mean()

    def flat_weights(self, weights: ArrayLike | Tensor | None) -> Tensor:
        """Check flat weights (p,); the model's own if None."""
        if weights is None:
            return self.start.clone()
        flat = torch.tensor(checks.real_array("weights", weights)).to(self.start)
        if flat.shape != self.start.shape:
            raise ValueError(
                f"weights must have shape ({self.p},), one number a trainable parameter, got"
                f" {tuple(flat.shape)}"
            )
        return flat


def _labels(y: ArrayLike | Tensor) -> Tensor:
    labels = checks.as_array("y", y)
    if labels.ndim != 1 or len(labels) < 2:
        raise ValueError(f"y must have shape (n,) with n at least 2, got {labels.shape}")
    return torch.as_tensor(sample_checks.signs(labels, labels.shape))


def _inputs(inputs: ArrayLike | Tensor, n: int) -> Tensor:
    array = checks.as_array("inputs", inputs)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"inputs must hold real numbers or tokens, got dtype {array.dtype}")
    real = array.dtype.kind == "f"
    tensor = torch.tensor(checks.real_array("inputs", array) if real else array.astype(np.int64))
    if tensor.ndim < 1 or len(tensor) != n:
        raise ValueError(
            f"inputs must hold one entry for each of the {n} labels, got shape"
            f" {tuple(tensor.shape)}"
        )
    return tensor
