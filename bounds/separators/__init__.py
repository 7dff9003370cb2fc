"""Hard-margin separators of labelled samples, whole and with each sample left out, with certified
gaps.
"""

from tunebound.bounds.separators.classes import (
    ClassSeparator,
    LeaveOneOutClasses,
    leave_one_out_classes,
    max_margin_classes,
)
from tunebound.bounds.separators.least_distance import NotSeparableError
from tunebound.bounds.separators.leave_one_out import (
    LeaveOneOut,
    leave_one_out_margins,
    leave_one_out_separators,
)
from tunebound.bounds.separators.quadratic_programs import MissingSolverError
from tunebound.bounds.separators.separator import Separator, max_margin

__all__ = [
    "ClassSeparator",
    "LeaveOneOut",
    "LeaveOneOutClasses",
    "MissingSolverError",
    "NotSeparableError",
    "Separator",
    "leave_one_out_classes",
    "leave_one_out_margins",
    "leave_one_out_separators",
    "max_margin",
    "max_margin_classes",
]
