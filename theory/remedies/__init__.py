"""The study of remedies: tasks, what is measured of a method on one, how methods are compared."""

from tunebound.theory.remedies.comparison import effects, measured, paired, ranks
from tunebound.theory.remedies.measures import (
    RemedyOptions,
    class_probabilities,
    margins,
    measure_method,
    tune,
)
from tunebound.theory.remedies.task import Task, TaskSpecification
from tunebound.theory.remedies.variants import Variant, variant

__all__ = [
    "RemedyOptions",
    "Task",
    "TaskSpecification",
    "Variant",
    "class_probabilities",
    "effects",
    "margins",
    "measure_method",
    "measured",
    "paired",
    "ranks",
    "tune",
    "variant",
]
