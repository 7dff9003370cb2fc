"""The setting of several classes: a study of the smoke suite, its verdicts, its files and figures,
and what is refused; the page's code.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tunebound import synthetic, theory
from tunebound.theory.engine.reporting import judge_all, report
from tunebound.theory.engine.setting import find_setting

SETTING = find_setting("several-classes")
NAMES = {"K-deletion", "K-limit", "K-trajectory", "K-anytime", "K-chain"}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    target = tmp_path_factory.mktemp("classes") / "smoke"
    theory.run(theory.Study("several-classes", "smoke", 0, {"steps": 10_000}), target, jobs=1)
    return target


@pytest.fixture(scope="module")
def class_results(directory):
    return theory.load(directory)


def test_no_statement_is_violated_and_all_are_tested(directory, class_results):
    verdicts = {verdict.theorem.name: verdict for verdict in judge_all(directory, class_results)}
    assert set(verdicts) == NAMES == set(theory.theorems("several-classes"))
    for name, verdict in verdicts.items():
        assert (verdict.environments, verdict.violations) == (8, 0), name
        assert verdict.theorem.proof == "proved here"
    assert verdicts["K-deletion"].test == "not violated"
    environments = class_results.environments
    assert environments["planted_margin_error"].max() < 1e-12
    assert environments["gap"].max() < 1e-12
    assert set(environments["classes"]) == {2, 3, 4, 5}


def test_evidence_that_is_wrong_violates_them():
    """Half the drift, or a dual that belongs to other norms: the claims can fail."""
    member = synthetic.make_classes(n=12, d=4, classes=3, margin=0.4, radius=2.0)
    (evidence,) = SETTING.evidence([member], [member], SETTING.options(steps=50, exact=True))
    known = theory.theorems()

    def worst(name, evidence):
        (claim,) = known[name].claims(evidence)
        return max(row["excess"] for row in claim.rows())

    assert worst("K-trajectory", evidence) < 0
    assert worst("K-deletion", evidence) < 0
    run = evidence.run
    halved = replace(evidence, run=replace(run, certificate=run.certificate / 2))
    assert worst("K-trajectory", halved) > 0
    narrow = replace(evidence, data=replace(member, X=member.X / 3))
    with pytest.raises(ValueError, match="below margin"):
        worst("K-deletion", narrow)


def test_other_weights_and_largest_steps(class_results):
    options = {"steps": 100, "exact": True, "weighting": "1/(n-1)", "rate_fraction": 1.0}
    results = theory.study("smoke", setting="several-classes", **options)
    assert len(results.skipped) == 0
    assert (results.rows["excess"] <= 0).all()
    assert not np.allclose(
        results.environments["final_instability"], class_results.environments["final_instability"]
    )


def test_members_are_saved_and_loaded(tmp_path):
    member = SETTING.suite("smoke", 0, SETTING.options())[1]
    SETTING.save(member, tmp_path / "member.npz")
    assert np.array_equal(SETTING.load(tmp_path / "member.npz").X, member.X)
    with pytest.raises(
        ValueError, match="has format 'tunebound-separable-1', expected 'tunebound-classes-1'"
    ):
        SETTING.load(synthetic.make_separable(n=10, d=3).to_npz(tmp_path / "other.npz"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate_fraction": 1.5}, "it is a share of the largest stable step size"),
        ({"weighting": "n"}, "weighting must be one of"),
        ({"steps": 0}, "steps must be a whole number of steps"),
        ({"steps": 1e9, "exact": True}, "at most 1e.08"),
        ({"device": "tpu"}, "device must be"),
    ],
)
def test_bad_options_are_refused_before_work(options, message):
    with pytest.raises(ValueError, match=message):
        SETTING.check(SETTING.options(**options))


def test_the_report_tells_the_study(directory):
    report(directory)
    page = (directory / "report.html").read_text(encoding="utf-8")
    assert "Softmax heads for several classes" in page
    assert "8 data sets of 2 to 5 classes" in page
    for name in NAMES:
        assert name in page


@pytest.mark.parametrize("name", SETTING.presentation().illustrations)
def test_figures_show_what_they_name(class_results, name):
    figure = SETTING.presentation().draw(name, class_results)
    titles = [axis.get_title() for axis in figure.axes]
    if name == "instability-against-classes":
        assert titles == [
            "support samples held against one class",
            "support samples held against all classes",
        ]
        labels = [line.get_label() for line in figure.axes[0].get_lines()]
        assert {"K-trajectory", "K-anytime", "K-deletion", "K-limit"} < set(labels)
    else:
        assert {"K-deletion", "K-limit", "K-trajectory", "K-anytime"} <= set(titles)


def test_the_code_of_the_page_runs():
    page = Path(__file__).parents[2] / "docs/several-classes.md"
    (block,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    exec(compile(block, "docs/several-classes.md", "exec"), names)
    assert names["each"].shape == (60,)
