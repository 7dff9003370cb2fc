"""Churn as a setting: what it counts is what it certifies against, and a wrong certificate
shows.
"""

from dataclasses import replace

import numpy as np
import pytest

from tunebound import synthetic, theory
from tunebound.theory.churn import ChurnEvidence, columns
from tunebound.theory.engine.computing import checked_options
from tunebound.theory.engine.reporting import judge_all, report
from tunebound.theory.engine.setting import find_setting

SETTING = find_setting("churn")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    target = tmp_path_factory.mktemp("churn") / "smoke"
    options = {"steps": 100, "points": 60}
    theory.run(theory.Study("churn", "smoke", 0, options), target, jobs=1)
    return target


def test_no_theorem_is_violated_and_the_report_is_written(directory):
    results = theory.load(directory)
    verdicts = {verdict.theorem.name: verdict for verdict in judge_all(directory, results)}
    assert set(verdicts) == {"C-angle", "C-ball", "C-drift", "C-count", "C-training"}
    for verdict in verdicts.values():
        assert verdict.environments == len(results.environments) == 13
        assert verdict.violations == 0
    flipped, certified = (results.environments[name] for name in (columns.FLIPPED, columns.BALL))
    assert (flipped <= 1 - certified).all()
    assert (
        results.environments[columns.SAFE_POINTS] <= results.environments[columns.UNMOVED_POINTS]
    ).all()
    page = report(directory).read_text(encoding="utf-8")
    assert "No certified prediction changed" in page
    # by hand: of all pairs of a point and a sample
    pairs = results.environments["n"].to_numpy() * 60
    shares = [100 * np.average(share, weights=pairs) for share in (flipped, certified)]
    answer = page[page.index('id="answer"') : page.index('id="verdicts"')]
    assert f"changes {shares[0]:.2f}\u202f% of the predictions" in answer
    assert f"certifies {shares[1]:.1f}\u202f% of them" in answer
    assert page.count("<figcaption>") == 3


def evidence():
    data = synthetic.make_separable("gaussian", n=12, d=4, margin=0.5, radius=4.0, seed=3)
    options = checked_options(SETTING, {"steps": 50, "points": 300})
    (made,) = SETTING.evidence([data], [data], options)
    return made


def test_a_certificate_that_lies_is_a_violation():
    made = evidence()
    assert isinstance(made, ChurnEvidence)
    honest = theory.theorems("churn")["C-ball"]
    (claim,) = honest.claims(made)
    (row,) = claim.rows()
    assert row["excess"] <= 0
    assert row["measured"] == made.flips.mean() > 0
    lying = replace(made)
    lying.__dict__["by_ball"] = np.ones_like(made.flips)
    (claim,) = honest.claims(lying)
    (row,) = claim.rows()
    assert row["excess"] == 1.0


def test_points_are_those_of_the_data_set_each_time():
    np.testing.assert_array_equal(evidence().points, evidence().points)


def test_bad_options_are_refused_before_work():
    with pytest.raises(ValueError, match="points must be at least 1"):
        theory.verify("C-angle", "smoke", points=0)
    with pytest.raises(ValueError, match="steps"):
        theory.verify("C-angle", "smoke", steps=0)
