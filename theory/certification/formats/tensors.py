"""Tensors: .safetensors, and what torch.save wrote."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from tunebound.theory.certification.containers import is_tensor, tensor_array
from tunebound.theory.certification.formats.archives import opened


def read_safetensors(path: Path) -> dict[str, Any]:
    """All tensors by name."""
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError:
        raise ValueError(
            "reading it takes the package safetensors: pip install 'tunebound[safetensors]'"
        ) from None
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"not safetensors, or damaged ({error}): write it again") from error
    return {name: tensor_array(tensor, f"tensor {name!r}") for name, tensor in tensors.items()}


def read_torch(path: Path) -> dict[str, Any]:
    """A tensor under the file's own name, or the tensors of a dictionary."""
    import torch

    with opened(path, "a file of tensors in the present format of PyTorch", "torch.save"):
        pass
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            "holds more than tensors, which is never loaded since that may execute code: save the"
            " tensor, or a dictionary of tensors"
        ) from error
    except Exception as error:  # a damaged file fails anywhere in the unpickler
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"damaged ({reason}): write it again with torch.save") from error
    entries = loaded if isinstance(loaded, dict) else {path.stem: loaded}
    tensors = {
        str(name): tensor_array(entry, f"tensor {name!r}")
        for name, entry in entries.items()
        if is_tensor(entry)
    }
    if not tensors:
        raise ValueError(
            f"holds a {type(loaded).__name__} without tensors: save the tensor, or a dictionary of"
            " tensors"
        )
    return tensors
