"""Theorems as objects, verdicts from evidence, studies, figures and the report.

Names are loaded when they are first used: the command line answers a question about itself without
waiting for what computes.
"""

from typing import TYPE_CHECKING

from tunebound._ground.importing import when_used

if TYPE_CHECKING:
    from tunebound.theory.certification.certificate import Certificate
    from tunebound.theory.certification.certify import certify
    from tunebound.theory.certification.linear import stability_report
    from tunebound.theory.engine.claim import Claim
    from tunebound.theory.engine.computing import Results
    from tunebound.theory.engine.decision import Decision, decide
    from tunebound.theory.engine.falsification import Falsification, falsify
    from tunebound.theory.engine.hypothesis import Hypothesis, hypotheses, hypothesize
    from tunebound.theory.engine.loading import load
    from tunebound.theory.engine.merging import merge
    from tunebound.theory.engine.options import Options
    from tunebound.theory.engine.presentation import Illustration, Presentation, Table
    from tunebound.theory.engine.reporting import report
    from tunebound.theory.engine.search_space import Chart, SearchSpace
    from tunebound.theory.engine.setting import Setting, find_setting, register_setting, settings
    from tunebound.theory.engine.statement import Assumption, Theorem, theorem, theorems
    from tunebound.theory.engine.studies import Study, compute, run, study
    from tunebound.theory.engine.tightness import judged_rows, tightness
    from tunebound.theory.engine.verdict import Verdict, judge
    from tunebound.theory.engine.verification import verify

_MODULES = {
    "Assumption": "engine.statement",
    "Certificate": "certification.certificate",
    "Chart": "engine.search_space",
    "Claim": "engine.claim",
    "Decision": "engine.decision",
    "Falsification": "engine.falsification",
    "Hypothesis": "engine.hypothesis",
    "Illustration": "engine.presentation",
    "Options": "engine.options",
    "Presentation": "engine.presentation",
    "Results": "engine.computing",
    "SearchSpace": "engine.search_space",
    "Setting": "engine.setting",
    "Study": "engine.studies",
    "Table": "engine.presentation",
    "Theorem": "engine.statement",
    "Verdict": "engine.verdict",
    "certify": "certification.certify",
    "compute": "engine.studies",
    "decide": "engine.decision",
    "falsify": "engine.falsification",
    "find_setting": "engine.setting",
    "hypotheses": "engine.hypothesis",
    "hypothesize": "engine.hypothesis",
    "judge": "engine.verdict",
    "judged_rows": "engine.tightness",
    "load": "engine.loading",
    "merge": "engine.merging",
    "register_setting": "engine.setting",
    "report": "engine.reporting",
    "run": "engine.studies",
    "settings": "engine.setting",
    "stability_report": "certification.linear",
    "study": "engine.studies",
    "theorem": "engine.statement",
    "theorems": "engine.statement",
    "tightness": "engine.tightness",
    "verify": "engine.verification",
}

__all__ = [
    "Assumption",
    "Certificate",
    "Chart",
    "Claim",
    "Decision",
    "Falsification",
    "Hypothesis",
    "Illustration",
    "Options",
    "Presentation",
    "Results",
    "SearchSpace",
    "Setting",
    "Study",
    "Table",
    "Theorem",
    "Verdict",
    "certify",
    "compute",
    "decide",
    "falsify",
    "find_setting",
    "hypotheses",
    "hypothesize",
    "judge",
    "judged_rows",
    "load",
    "merge",
    "register_setting",
    "report",
    "run",
    "settings",
    "stability_report",
    "study",
    "theorem",
    "theorems",
    "tightness",
    "verify",
]

__getattr__, __dir__ = when_used(__name__, _MODULES)
