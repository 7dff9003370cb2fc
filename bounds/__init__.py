"""Bounds on the instability of fine-tuning, and the calculators that turn data into their
constants.
"""

from tunebound.bounds import (
    balls,
    churn,
    constants,
    full,
    head,
    literature,
    multi_class,
    multi_head,
    regularised,
    regularised_bias,
)
from tunebound.bounds.asymptotics import Asymptote, asymptote, direction_distance
from tunebound.bounds.free_bias import (
    BiasedSeparator,
    deletion_with_bias,
    max_margin_with_bias,
)
from tunebound.bounds.removal import SmallestRemoval, smallest_removal
from tunebound.bounds.separators import (
    ClassSeparator,
    LeaveOneOut,
    LeaveOneOutClasses,
    NotSeparableError,
    Separator,
    leave_one_out_classes,
    leave_one_out_margins,
    leave_one_out_separators,
    max_margin,
    max_margin_classes,
)

__all__ = [
    "Asymptote",
    "BiasedSeparator",
    "ClassSeparator",
    "LeaveOneOut",
    "LeaveOneOutClasses",
    "NotSeparableError",
    "Separator",
    "SmallestRemoval",
    "asymptote",
    "balls",
    "churn",
    "constants",
    "deletion_with_bias",
    "direction_distance",
    "full",
    "head",
    "leave_one_out_classes",
    "leave_one_out_margins",
    "leave_one_out_separators",
    "literature",
    "max_margin",
    "max_margin_classes",
    "max_margin_with_bias",
    "multi_class",
    "multi_head",
    "regularised",
    "regularised_bias",
    "smallest_removal",
]
