"""The registry of methods: their table, strengths and cost, and a method of one's own."""

import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from tests.oracles.fine_tuning import WRITTEN_OUT
from tests.tuning.ready import ready
from tunebound import synthetic, tuning
from tunebound.tuning import Method, StrengthRange, register_method
from tunebound.tuning.fine_tuning.methods import method as registry

TASK = synthetic.make_token_task(12, length=4, vocabulary=8, seed=1)


@pytest.fixture
def clean_registry(monkeypatch):
    """Take methods that a test registers out again."""
    for table in ("_entries", "_owners"):
        monkeypatch.setattr(registry._METHODS, table, dict(getattr(registry._METHODS, table)))


@pytest.mark.parametrize(
    ("method", "strength", "message"),
    [
        (
            "l2_sp",
            -1,
            (
                "strength of l2_sp must be finite and at least 0, got -1; it is the factor α of the"
                " penalty"
            ),
        ),
        ("l2_sp", float("nan"), "strength of l2_sp must be finite"),
        (
            "mixout",
            1.0,
            r"strength of mixout must be finite and in \[0, 1\), got 1.0; it is the probability",
        ),
        (
            "multi_head",
            2.5,
            "multi_head must be a whole number, got 2.5; it is the number of heads H",
        ),
        ("multi_head", 0, "strength of multi_head must be finite and at least 1"),
        ("more_iterations", 0.5, "strength of more_iterations must be finite and at least 1"),
        ("smaller_step", 0.5, "strength of smaller_step must be finite and at least 1"),
        ("weight_averaging", 1, r"strength of weight_averaging must be finite and in \[0, 1\)"),
        ("self_unsupervised", 0, "strength of self_unsupervised must be finite and at least 1"),
        ("reinitialisation", 0, "strength of reinitialisation must be finite and at least 1"),
        ("warm_up", 1, r"strength of warm_up must be finite and in \[0, 1\)"),
        ("linear_probing", 1, r"strength of linear_probing must be finite and in \[0, 1\)"),
        ("recall_adam", 1, r"strength of recall_adam must be finite and in \[0, 1\)"),
        ("layerwise_rates", 0.9, "strength of layerwise_rates must be finite and at least 1"),
        ("smaller_step_longer", 2.5, "smaller_step_longer must be a whole number, got 2.5"),
        ("adam", 0, "strength of adam must be finite and at least 1e-12, got 0"),
        ("plain", 1, "plain has no strength to set, got 1; leave it out"),
    ],
)
def test_strengths_that_mean_nothing_are_refused(method, strength, message):
    with pytest.raises(ValueError, match=message):
        replace(tuning.methods()[method], strength=strength)
    if method != "plain":
        with pytest.raises(TypeError, match=f"strength of {method} must be a real number"):
            replace(tuning.methods()[method], strength=True)


@pytest.mark.parametrize(
    ("method", "field", "message"),
    [
        ("l2_sp", {"head_decay": -1}, "head_decay must be finite and at least 0, got -1"),
        ("noise_stability", {"noise": 0}, "noise must be finite and above 0, got 0"),
        ("smoothness", {"noise": -1}, "noise must be finite and above 0, got -1"),
        ("adversarial_smoothness", {"radius": 0}, "radius must be finite and above 0, got 0"),
        ("recall_adam", {"step_size": 0}, "step_size must be finite and above 0, got 0"),
    ],
)
def test_other_fields_that_mean_nothing_are_refused(method, field, message):
    with pytest.raises(ValueError, match=message):
        replace(tuning.methods()[method], **field)


def test_five_strengths_ascend_around_the_default_and_all_are_allowed():
    for name, method in own_methods().items():
        strengths = method.strengths
        if name == "plain":
            assert strengths == ()
            continue
        # of four linear layers, as many as the studies' encoders have, no five can be drawn anew
        assert len(strengths) == (4 if name == "reinitialisation" else 5), name
        assert list(strengths) == sorted(set(strengths)), name
        assert method.strength in strengths, name
        assert [replace(method, strength=each).strength for each in strengths] == list(strengths)


def test_every_method_says_what_its_source_claims():
    claims = {name: method.claims for name, method in own_methods().items()}
    assert {name for name, claim in claims.items() if claim == "leave-one-out"} == {
        "maximal_margin",
        "multi_head",
        "self_unsupervised",
        "self_unsupervised_common",
    }
    for name in ("mixout", "noise_stability", "smoothness", "reinitialisation", "more_iterations"):
        assert claims[name] == "scores over seeds"
    assert claims["plain"] == ""

    class Boastful(Method):
        name, claims = "boastful", "everything"

    with pytest.raises(ValueError, match="claims of boastful must be one of 'accuracy', 'scores"):
        register_method(Boastful)


def test_a_method_of_ones_own_is_one_class(clean_registry):
    class Halved(Method):
        name, summary, formula, source = "halved", "half the step", "η ← η/2", "a test"

        def learning_rate(self, rate):
            return rate / 2

    register_method(Halved)
    register_method(Halved)  # as a cell that is run twice
    assert "halved" in tuning.methods()
    encoder = tuning.TokenMLP(8, 4, width=5)
    given = {"seeds": [3], "steps": 5}
    own = tuning.fine_tune(
        encoder, TASK.tokens, TASK.labels, method="halved", learning_rate=0.2, **given
    )
    plain = tuning.fine_tune(encoder, TASK.tokens, TASK.labels, learning_rate=0.1, **given)
    np.testing.assert_array_equal(own.flat_parameters, plain.flat_parameters)
    with pytest.raises(ValueError, match="no method is named 'halve'; did you mean 'halved'"):
        tuning.fine_tune(encoder, TASK.tokens, TASK.labels, method="halve", seeds=[3])


NOTEBOOK = """
from dataclasses import dataclass

import joblib
import numpy as np

from tunebound import synthetic, tuning


@tuning.register_method
@dataclass(frozen=True)
class Shrunk(tuning.Method):
    strength: float = 0.2
    name = "shrunk"
    strength_range = tuning.StrengthRange("the factor of the penalty")

    def penalty(self, state):
        return self.strength * state.heads.square().sum()


task = synthetic.make_token_task(12, length=4, vocabulary=8, seed=1)
encoder = tuning.TokenMLP(8, 4, width=5)


def tune(method, seed):
    return tuning.fine_tune(
        encoder, task.tokens, task.labels, method=method, seeds=[seed], steps=3
    ), "shrunk" in tuning.methods()


elsewhere = joblib.Parallel(n_jobs=2)(joblib.delayed(tune)(Shrunk(0.5), seed) for seed in (1, 2))
for seed, (tuned, known_there) in zip((1, 2), elsewhere, strict=True):
    here, known_here = tune(Shrunk(0.5), seed)
    assert known_here and not known_there
    assert tuned.method == Shrunk(0.5)
    np.testing.assert_array_equal(tuned.flat_parameters, here.flat_parameters)
    np.testing.assert_array_equal(tuned.head, here.head)
    assert np.abs(tuned.head - tune("plain", seed)[0].head).max() > 1e-3
print("the same in every process")
"""


def test_a_method_from_a_notebook_works_in_processes_that_do_not_know_its_name(tmp_path):
    script = tmp_path / "notebook.py"
    script.write_text(NOTEBOOK)
    ended = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.stdout == "the same in every process\n", ended.stderr


def own_methods():
    return {
        name: method
        for name, method in tuning.methods().items()
        if type(method).__module__.startswith("tunebound.tuning.fine_tuning.methods.")
    }


def cost(method):
    few, many = method.passes(1000), method.passes(2000)
    each, once = (many - few) // 1000, 2 * few - many
    return f"{'' if each == 1 else each}T{f' + {once}' if once else ''}"


def test_the_table_of_methods_is_that_of_the_registry():
    text = (Path(__file__).parents[2] / "docs" / "remedies.md").read_text(encoding="utf-8")
    rows = [re.split(r" \| ", line.strip("| ")) for line in re.findall(r"\| `.*", text)]
    table = {row[0].strip("`"): row for row in rows}
    missing = own_methods().keys() - table.keys()
    assert not missing, f"write {sorted(missing)} into the table of methods in docs/remedies.md"
    unknown = table.keys() - own_methods().keys()
    assert not unknown, f"docs/remedies.md has {sorted(unknown)}, which no method is named"
    for name, method in own_methods().items():
        _, summary, formula, source, claims, strength, tried, passes = table[name]
        assert (summary, source) == (method.summary, method.source), name
        if name != "plain":  # whose absolute values no table takes
            assert formula == method.formula.replace(" | ", " given "), name
        assert claims == (method.claims or "–"), name
        assert tried == (", ".join(f"{each:g}" for each in method.strengths) or "–"), name
        assert (strength, passes) == (f"{method.strength:g}", cost(method)), name


def test_every_method_is_written_out_one_by_one():
    missing = own_methods().keys() - set(WRITTEN_OUT)
    assert not missing, f"write {sorted(missing)} out in tests/oracles/fine_tuning.py"
    unknown = set(WRITTEN_OUT) - own_methods().keys()
    assert not unknown, f"tests/oracles/fine_tuning.py has {sorted(unknown)}, which no method is"


@pytest.mark.parametrize("method", tuning.methods())
def test_the_cost_is_how_often_the_encoder_is_passed(method, monkeypatch):
    calls = []
    hidden = tuning.TokenMLP.hidden
    monkeypatch.setattr(
        tuning.TokenMLP,
        "hidden",
        lambda self, tokens: (calls.append(tokens), hidden(self, tokens))[1],
    )
    # One call of the encoder serves all replicas.
    tuning.fine_tune(
        tuning.TokenMLP(8, 4, width=5),
        TASK.tokens,
        TASK.labels,
        method=ready(method, length=4, vocabulary=8),
        seeds=[3, 4],
        steps=6,
    )
    assert tuning.methods()[method].passes(6) == len(calls)
    assert tuning.methods()["plain"].passes(6) == 6


def test_what_cannot_be_registered_is_refused():
    with pytest.raises(TypeError, match="kind must be a subclass of Method"):
        register_method(int)

    class Nameless(Method):
        pass

    with pytest.raises(ValueError, match="Nameless has no name; set the class variable name"):
        register_method(Nameless)

    class Taken(Method):
        name = "plain"

    with pytest.raises(
        ValueError,
        match=r"method 'plain' is registered by \S+\.plain\.Plain already; choose another name",
    ):
        register_method(Taken)
    assert type(tuning.methods()["plain"]).__name__ == "Plain"


@dataclass(frozen=True)
class Shrunk(Method):
    """A method with a penalty and a strength of its own."""

    strength: float = 0.2
    name = "shrunk"
    strength_range = StrengthRange("the factor of the penalty", below=1)

    def penalty(self, state):
        return self.strength * state.heads.square().sum()


def test_a_penalty_of_ones_own_needs_no_registration():
    encoder = tuning.TokenMLP(8, 4, width=5, seed=0)
    options = {"seeds": [3], "steps": 1, "learning_rate": 0.1}
    tuned = [
        tuning.fine_tune(encoder, TASK.tokens, TASK.labels, method=method, **options)
        for method in ("plain", Shrunk())
    ]
    start = tuning.fine_tune(
        encoder, TASK.tokens, TASK.labels, **{**options, "learning_rate": 1e-300}
    ).head
    np.testing.assert_allclose(tuned[1].head - tuned[0].head, -0.1 * 2 * 0.2 * start, rtol=1e-9)
    with pytest.raises(ValueError, match=r"strength of shrunk must be finite and in \[0, 1\)"):
        Shrunk(strength=1)
