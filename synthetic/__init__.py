"""Synthetic problems whose truth is planted, so that theory and measurement can be held against
it.
"""

from __future__ import annotations

from tunebound.synthetic import planting
from tunebound.synthetic.class_dataset import ClassDataset
from tunebound.synthetic.class_suites import (
    ClassSpecification,
    class_suite_names,
    make_class_suite,
)
from tunebound.synthetic.classes import make_classes
from tunebound.synthetic.dataset import SeparableDataset
from tunebound.synthetic.grid import Grid, make_grid
from tunebound.synthetic.lazy_suite import Suite
from tunebound.synthetic.mirrored import (
    MirroredDataset,
    MirroredSpecification,
    make_mirrored,
    make_mirrored_suite,
    mirrored_suite_names,
)
from tunebound.synthetic.problem_suites import (
    ProblemSpecification,
    make_problem_suite,
    problem_suite_names,
)
from tunebound.synthetic.quadratics import QuadraticProblem, make_quadratics
from tunebound.synthetic.registry import (
    COMMON_OPTIONS,
    Family,
    Option,
    Planted,
    Request,
    families,
    find_family,
    register_family,
)
from tunebound.synthetic.separable import make_separable
from tunebound.synthetic.smooth_losses import SmoothProblem, make_smooth_losses
from tunebound.synthetic.suites import Specification, make_suite, suite_names
from tunebound.synthetic.tokens import TokenTask, make_token_task

__all__ = [
    "COMMON_OPTIONS",
    "ClassDataset",
    "ClassSpecification",
    "Family",
    "Grid",
    "MirroredDataset",
    "MirroredSpecification",
    "Option",
    "Planted",
    "ProblemSpecification",
    "QuadraticProblem",
    "Request",
    "SeparableDataset",
    "SmoothProblem",
    "Specification",
    "Suite",
    "TokenTask",
    "class_suite_names",
    "families",
    "find_family",
    "make_class_suite",
    "make_classes",
    "make_grid",
    "make_mirrored",
    "make_mirrored_suite",
    "make_problem_suite",
    "make_quadratics",
    "make_separable",
    "make_smooth_losses",
    "make_suite",
    "make_token_task",
    "mirrored_suite_names",
    "planting",
    "problem_suite_names",
    "register_family",
    "suite_names",
]
