"""Synthetic problems whose truth is planted, so that theory and measurement can be held against
it.
"""

from __future__ import annotations

from tunebound.synthetic.dataset import SeparableDataset
from tunebound.synthetic.problem_suites import (
    ProblemSpecification,
    make_problem_suite,
    problem_suite_names,
)
from tunebound.synthetic.quadratics import QuadraticProblem, make_quadratics
from tunebound.synthetic.registry import Family, Option, families
from tunebound.synthetic.separable import make_separable
from tunebound.synthetic.smooth_losses import SmoothProblem, make_smooth_losses
from tunebound.synthetic.suites import Specification, Suite, make_suite, suite_names
from tunebound.synthetic.tokens import TokenTask, make_token_task

__all__ = [
    "Family",
    "Option",
    "ProblemSpecification",
    "QuadraticProblem",
    "SeparableDataset",
    "SmoothProblem",
    "Specification",
    "Suite",
    "TokenTask",
    "families",
    "make_problem_suite",
    "make_quadratics",
    "make_separable",
    "make_smooth_losses",
    "make_suite",
    "make_token_task",
    "problem_suite_names",
    "suite_names",
]
