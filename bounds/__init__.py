"""Bounds on the instability of fine-tuning, and the calculators that turn data into their
constants.
"""

from tunebound.bounds import constants, full, head, literature, multi_head
from tunebound.bounds.asymptote import Asymptote, asymptote
from tunebound.bounds.separators.leave_one_out import (
    LeaveOneOut,
    leave_one_out_margins,
    leave_one_out_separators,
)
from tunebound.bounds.separators.separator import NotSeparableError, Separator, max_margin

__all__ = [
    "Asymptote",
    "LeaveOneOut",
    "NotSeparableError",
    "Separator",
    "asymptote",
    "constants",
    "full",
    "head",
    "leave_one_out_margins",
    "leave_one_out_separators",
    "literature",
    "max_margin",
    "multi_head",
]
