"""Theorems as objects, verdicts from evidence, studies, figures and the report."""

from tunebound.theory.engine.hypothesis import Decision, Hypothesis, decide, hypotheses, hypothesize
from tunebound.theory.engine.reporting import report
from tunebound.theory.engine.statement import Assumption, Claim, Theorem, theorem, theorems
from tunebound.theory.engine.study import Results, Study, load, run
from tunebound.theory.engine.verdict import Verdict, judge, verify

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
