"""Re-initialisation of the top layer."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from tuning.encoders import TokenEncoder
from tuning.methods.method import Method, register


@register
class Reinitialisation(Method):
    """The encoder's last linear layer is drawn anew from the default of torch: uniform within 1/√fan-in (Zhang et al., 2021)."""

    name: ClassVar[str] = "reinitialisation"
    summary: ClassVar[str] = "draws the encoder's last linear layer anew before tuning"
    formula: ClassVar[str] = "w_0^{top} ~ U(−1/√fan-in, 1/√fan-in)"
    source: ClassVar[str] = "Zhang, Wu, Katiyar, Weinberger & Artzi (2021, arXiv:2006.05987)"

    def start(self, encoder: TokenEncoder, inputs: Tensor, seen: Tensor, generators: list[torch.Generator]) -> dict[str, Tensor] | None:
        names = [name for name, module in encoder.named_modules() if isinstance(module, nn.Linear)]
        top = encoder.get_submodule(names[-1])
        assert isinstance(top, nn.Linear)
        limit = 1 / math.sqrt(top.in_features)
        started = {key: value.detach().expand(len(generators), *value.shape).clone() for key, value in encoder.named_parameters()}
        for key in (name for name in started if name.startswith(f"{names[-1]}.")):
            shape = started[key].shape[1:]
            started[key] = torch.stack([limit * (2 * torch.rand(shape, generator=each, dtype=torch.float64) - 1) for each in generators])
        return started
