"""Synthetic problems whose truth is planted, so that theory and measurement can be held against it."""

from __future__ import annotations

from synthetic.dataset import SeparableDataset
from synthetic.registry import Family, Option, families
from synthetic.separable import make_separable
from synthetic.suites import Specification, Suite, make_suite, suite_names

__all__ = [
    "Family",
    "Option",
    "SeparableDataset",
    "Specification",
    "Suite",
    "families",
    "make_separable",
    "make_suite",
    "suite_names",
]
