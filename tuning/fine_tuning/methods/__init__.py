"""Ways of fine-tuning, one file each; a new file is found by itself."""

from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    State,
    Strength,
    find_method,
    methods,
    register,
)

__all__ = ["Method", "State", "Strength", "find_method", "methods", "register"]
