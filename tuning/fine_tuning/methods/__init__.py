"""Ways of fine-tuning, one file each; a new file is found by itself."""

from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    RateFactors,
    ReplicaState,
    StrengthRange,
    find_method,
    methods,
    register_method,
)

__all__ = [
    "Method",
    "RateFactors",
    "ReplicaState",
    "StrengthRange",
    "find_method",
    "methods",
    "register_method",
]
