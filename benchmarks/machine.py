"""What the figures were measured on: no host name, no path."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "jax",
    "numba",
    "cvxpy",
    "clarabel",
    "quadprog",
    "daqp",
    "triton",
)


def description() -> dict[str, Any]:
    """Processor, cores, instruction set, GPU, threads, load and versions."""
    return {
        "processor": processor(),
        "cores": cores(),
        "vector instructions": torch.backends.cpu.get_cpu_capability(),
        "GPU": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "threads of torch": torch.get_num_threads(),
        "load average at the start": (
            round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else "unknown"
        ),
        "python": platform.python_version(),
        **{name: installed(name) for name in PACKAGES},
    }


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """The processor's model, as far as the system tells it."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def installed(name: str) -> str:
    """Version of a package, or that it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
