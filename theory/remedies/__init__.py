"""The study of remedies: tasks, what is measured of a method on one, how methods are compared."""

from tunebound.theory.remedies.choice import chosen, write_choice
from tunebound.theory.remedies.comparison import effects, measured, paired, ranks
from tunebound.theory.remedies.measures import class_probabilities, measure_method
from tunebound.theory.remedies.mechanism import head_left_out, margins
from tunebound.theory.remedies.runs import RemedyOptions, tune
from tunebound.theory.remedies.task import Task, TaskSpecification
from tunebound.theory.remedies.variants import Variant, variant

__all__ = [
    "RemedyOptions",
    "Task",
    "TaskSpecification",
    "Variant",
    "chosen",
    "class_probabilities",
    "effects",
    "head_left_out",
    "margins",
    "measure_method",
    "measured",
    "paired",
    "ranks",
    "tune",
    "variant",
    "write_choice",
]
