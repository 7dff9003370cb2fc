"""Malformed arguments to every public callable: each call ends in an answer or in a refusal that
names the argument.
"""

from __future__ import annotations

import itertools
import re
import reprlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.attack import judgement, oracles
from tests.attack.arguments import TABLE, left_out, valid
from tests.attack.conftest import BUDGET
from tests.attack.malformed_values import replacements
from tests.attack.surface import callables
from tests.registries import keep
from tunebound.synthetic import registry as families
from tunebound.theory.engine import setting, statement
from tunebound.tuning.fine_tuning.methods import method

CALLABLES = callables()
ATTACKED = [path for path in CALLABLES if path in TABLE and not left_out(path)]
# A call takes a tenth of a second and more: a share of the others' budget.
SLOW = {
    "theory.report": 40,
    "theory.run": 40,
    "theory.falsify": 40,
    "theory.Study.summary": 40,
    "theory.Certificate.to_html": 40,
    "theory.judge": 4,
    "theory.study": 20,
    "theory.verify": 20,
    "theory.stability_report": 10,
    "theory.certify": 10,
    "tuning.flow_heads": 10,
    "bounds.full.worst_case": 20,
    "tuning.estimate_minimiser": 4,
    "tuning.network_curvature": 4,
    "tuning.fine_tune": 4,
}
# Formulas: a number of steps or samples asks for no work there.
SCALED = ("bounds.head.", "bounds.multi_head.", "bounds.multi_class.", "bounds.literature.")


def test_every_public_callable_has_valid_arguments():
    missing = sorted(set(CALLABLES) - set(TABLE) - set(filter(left_out, CALLABLES)))
    assert not missing, (
        f"add valid arguments of {', '.join(missing)} to TABLE in tests/attack/arguments.py"
    )
    gone = sorted(set(TABLE) - set(CALLABLES))
    assert not gone, f"tests/attack/arguments.py: TABLE has {', '.join(gone)}, no face has"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """What a call writes or registers is gone after the test."""
    monkeypatch.chdir(tmp_path)
    for each in (
        families._FAMILIES,
        statement._THEOREMS,
        setting._SETTINGS,
        method._METHODS,
    ):
        keep(monkeypatch, each)


@pytest.mark.parametrize("path", ATTACKED)
def test_valid_arguments_are_answered(path):
    arguments = valid(path, CALLABLES[path])
    outcome = judgement.judge(CALLABLES[path], arguments, list(arguments))
    assert outcome.kind == judgement.ANSWER, outcome.said


@pytest.mark.parametrize("path", ATTACKED)
def test_malformed_arguments_are_answered_or_refused_by_name(path, figure):
    function = CALLABLES[path]
    attackable = [name for name in valid(path, function) if name != "self"]
    if not attackable:
        return
    counts, faults = Counter(), {}
    known = function(**valid(path, function))

    @settings(
        max_examples=max(2, BUDGET // SLOW.get(path, 1)),
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def attack(data):
        arguments = valid(path, function)
        chosen = data.draw(
            st.lists(st.sampled_from(attackable), min_size=1, max_size=3, unique=True)
        )
        drawn = {
            name: data.draw(replacements(arguments[name], scaled_counts=path.startswith(SCALED)))
            for name in chosen
        }
        # each alone and with the others: the first fault that is met must not hide another
        for size in range(1, len(chosen) + 1):
            for names in itertools.combinations(chosen, size):
                call({name: drawn[name] for name in names})

    def call(drawn):
        arguments = valid(path, function) | {name: value for name, (value, _) in drawn.items()}
        same = all(alike for _, alike in drawn.values())

        def right(value):
            if same:
                return oracles.differs(value, known)
            return oracles.wrong(path, value, arguments)

        outcome = judgement.judge(
            function, arguments, list(arguments), right=right, infinite=path in oracles.INFINITE
        )
        counts[outcome.kind] += 1
        if outcome.kind not in (judgement.ANSWER, judgement.REFUSAL):
            fault = (outcome.kind, re.sub(r"\d[\d.e+-]*", "#", outcome.said)[:60])
            faults.setdefault(fault, f"{outcome.said} {_shown(arguments, drawn)}")

    attack()
    figure("calls", sum(counts.values()))
    for kind, count in counts.items():
        figure(f"{kind}s" if kind != judgement.WRONG else "wrong answers", count)
    assert not faults, "\n".join(f"{kind}: {said}" for (kind, _), said in faults.items())


def _shown(arguments, names):
    with np.printoptions(threshold=20):
        return {name: reprlib.repr(arguments[name]) for name in names}
