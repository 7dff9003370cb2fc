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
)
from tunebound.bounds.asymptotics import Asymptote, asymptote, direction_distance
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
    "direction_distance",
    "full",
    "head",
    "leave_one_out_classes",
    "leave_one_out_margins",
    "leave_one_out_separators",
    "literature",
    "max_margin",
    "max_margin_classes",
    "multi_class",
    "multi_head",
    "regularised",
    "smallest_removal",
]
