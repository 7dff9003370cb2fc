"""Theorems as objects, verdicts from evidence, studies, figures and the report."""

from theory.hypothesis import Decision, Hypothesis, decide, hypotheses, hypothesize
from theory.reporting import report
from theory.statement import Assumption, Claim, Theorem, theorem, theorems
from theory.study import Results, Study, load, run
from theory.verdict import Verdict, judge, verify

__all__ = [
    "Assumption",
    "Claim",
    "Decision",
    "Hypothesis",
    "Results",
    "Study",
    "Theorem",
    "Verdict",
    "decide",
    "hypotheses",
    "hypothesize",
    "judge",
    "load",
    "report",
    "run",
    "theorem",
    "theorems",
    "verify",
]
