"""What somebody registers reaches the processes of a study and changes nothing written out."""

import subprocess
import sys
from dataclasses import dataclass

import pytest

from tests.registries import keep
from tunebound import theory, tuning
from tunebound.theory.engine.manifests import read_manifest
from tunebound.theory.engine.setting import find_setting
from tunebound.tuning.fine_tuning.methods import method as methods

NOTEBOOK = """
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tunebound import synthetic, theory, tuning


@tuning.register_method
@dataclass(frozen=True)
class Cautious(tuning.Method):
    strength: float = 0.5
    name = "cautious"
    summary = formula = source = "a test"

    def learning_rate(self, rate):
        return self.strength * rate


@theory.theorem("N-mine", statement="s", source="t", setting="head", maximum=2)
def mine(evidence):
    return [evidence.mean_run_claim(2.0)]


@dataclass(frozen=True)
class CountEvidence:
    data: synthetic.SeparableDataset

    def columns(self):
        return {"n": self.data.n}


@dataclass(frozen=True, kw_only=True)
class CountOptions(theory.Options):
    factor: float = 1.0


class Counts(theory.Setting):
    name, summary, measures, factors = "counts", "samples are counted", "samples", ("n",)
    options = CountOptions

    def suite_names(self):
        return synthetic.suite_names()

    def suite(self, name, seed, options):
        return synthetic.make_suite(name, seed)

    def evidence(self, members, sources, options):
        return [CountEvidence(data) for data in members]

    def save(self, member, path):
        member.to_npz(path)

    def load(self, path):
        return synthetic.SeparableDataset.from_npz(path)

    def presentation(self):
        raise LookupError("it is not told")


theory.register_setting(Counts())


@theory.theorem("C-few", statement="n < 100", source="t", setting="counts")
def few(evidence):
    return [
        theory.Claim(
            measured=evidence.data.n, bound=100, steps=1, resolution=0.0, provenance="exact",
            quantity="samples",
        )
    ]


if __name__ == "__main__":
    target = Path(sys.argv[1])
    options = {"methods": ("plain", "cautious"), "steps": 4}
    theory.run(theory.Study("remedies", "smoke", 0, options), target / "remedies", jobs=2)
    theory.run(theory.Study("head", "smoke", 0, {"steps": 40}), target / "head", jobs=2)
    theory.run(theory.Study("counts", "smoke"), target / "counts", jobs=2)
"""


@pytest.mark.slow
def test_what_a_notebook_registers_reaches_the_processes_of_a_study(tmp_path):
    script = tmp_path / "notebook.py"
    script.write_text(NOTEBOOK)
    done = subprocess.run(
        [sys.executable, script, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    remedies = theory.load(tmp_path / "remedies").environments
    assert {name.partition(":")[0] for name in remedies if ":" in name} == {"plain", "cautious"}
    assert (remedies["cautious:moved"] < remedies["plain:moved"]).all(), "it takes half the steps"
    rows = theory.load(tmp_path / "head").rows
    assert rows[rows["theorem"] == "N-mine"]["member"].nunique() == 13
    counts = theory.load(tmp_path / "counts").rows
    assert set(counts["theorem"]) == {"C-few"}
    assert (counts["measured"] == counts["n"]).all()
    manifest = read_manifest(tmp_path / "remedies")
    assert manifest["parts"] == {
        "plain": "tunebound.tuning.fine_tuning.methods.plain",
        "cautious": "__main__",
    }


def test_a_new_method_changes_no_suite_and_no_hypothesis(monkeypatch):
    keep(monkeypatch, methods._METHODS)
    setting = find_setting("remedies")
    suites = {name: setting.suite(name, 0, setting.options()) for name in setting.suite_names()}
    hypotheses = theory.hypotheses("remedies")
    manifest = theory.Study("remedies", "remedies").manifest()

    @tuning.register_method
    @dataclass(frozen=True)
    class New(tuning.Method):
        name = "new"
        summary = formula = source = "a test"

    assert "new" in tuning.methods()
    for name, suite in suites.items():
        assert setting.suite(name, 0, setting.options()) == suite
    assert theory.hypotheses("remedies") == hypotheses
    assert theory.Study("remedies", "remedies").manifest() == manifest


def test_a_directory_of_other_methods_is_refused(tmp_path):
    def study(*names):
        return theory.Study("remedies", "smoke", 0, {"methods": names, "steps": 2})

    summary = study("plain", "mixout@0.2").summary(tmp_path / "run")
    assert "made of: plain, mixout@0.2" in summary
    assert "4 of 4 shards (4 members) to compute" in summary
    assert not (tmp_path / "run").exists(), "a plan writes nothing"
    theory.run(study("plain", "l2_sp"), tmp_path / "run", jobs=1)
    with pytest.raises(
        ValueError, match=r"holds another study .*options methods, .*parts l2_sp@0.2"
    ):
        theory.run(study("plain", "l2_sp@0.2"), tmp_path / "run", jobs=1)
    with pytest.raises(ValueError, match="holds another study"):
        study("plain").summary(tmp_path / "run")


@pytest.mark.parametrize("name", theory.settings())
def test_members_are_described_without_addresses(name):
    # the digest of a study is taken over what its members say of themselves
    setting = find_setting(name)
    for suite in setting.suite_names():
        described = [
            repr(each) for each in setting.suite(suite, 0, setting.options()).specifications
        ]
        assert len(set(described)) == len(described)
        assert not any(" at 0x" in text for text in described)
