"""Regularised heads as a setting: half of its data cannot be separated, and a bound that is too
small shows.
"""

from dataclasses import replace

import numpy as np
import pytest

from tunebound import synthetic, theory
from tunebound.theory.engine.computing import checked_options
from tunebound.theory.engine.reporting import judge_all, report
from tunebound.theory.engine.setting import find_setting
from tunebound.theory.regularised_heads import RegularisedEvidence, columns

SETTING = find_setting("regularised-heads")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    target = tmp_path_factory.mktemp("regularised") / "smoke"
    theory.run(theory.Study("regularised-heads", "smoke", 0, {}), target, jobs=1)
    return target


def test_no_bound_is_violated_and_the_report_is_written(directory):
    results = theory.load(directory)
    verdicts = {verdict.theorem.name: verdict for verdict in judge_all(directory, results)}
    assert set(verdicts) == {"L-ball", "L-newton", "L-path"}
    assert all(verdict.violations == 0 for verdict in verdicts.values())
    assert verdicts["L-newton"].environments == 6
    # separable data only
    assert (verdicts["L-path"].environments, verdicts["L-path"].skipped) == (3, 3)
    environments = results.environments
    assert (~environments[columns.SEPARABLE]).sum() == 3
    assert environments[columns.PLANTED_ERROR].max() < 1e-10
    assert environments[columns.CERTIFIED].min() > 0.5
    page = report(directory).read_text(encoding="utf-8")
    assert page.count("<figcaption>") == 2
    assert "Violated: nothing." in page


def evidence():
    data = synthetic.make_mirrored(n=12, d=3, overlap=0.2, seed=1)
    options = checked_options(SETTING, {"strengths": 2, "weakest": 0.1})
    (made,) = SETTING.evidence([data], [data], options)
    return made


def test_quantities_are_what_loops_over_samples_give():
    made = evidence()
    assert isinstance(made, RegularisedEvidence)
    np.testing.assert_allclose(made.inverse_strengths, [1, 10])
    for at in made.at:
        data, w = made.data, at.heads.weights[0]
        Z = data.X * data.y[:, None]
        for i in range(data.n):
            hessian = at.strength * np.eye(data.d)
            others = [j for j in range(data.n) if j != i]
            for j in others:
                p = 1 / (1 + np.exp(Z[j] @ w))
                hessian += p * (1 - p) / data.n * np.outer(Z[j], Z[j])
            moved = w - at.heads.weights[1 + i]
            assert at.reach[i] == pytest.approx(max(abs(Z[j] @ moved) for j in others))
            norm = np.sqrt(moved @ hessian @ moved)
            assert at.hessian_norms(at.moved)[i] == pytest.approx(norm)
            assert np.linalg.eigvalsh(hessian).max() <= at.largest_curvature


def test_a_bound_that_is_too_small_is_a_violation():
    made = evidence()
    newton = theory.theorems("regularised-heads")["L-newton"]
    assert max(row["excess"] for claim in newton.claims(made) for row in claim.rows()) <= 0
    for name in ("reach", "error"):
        small = tuple(
            replace(
                at,
                approximation=replace(
                    at.approximation, **{name: 0.1 * getattr(at.approximation, name)}
                ),
            )
            for at in made.at
        )
        rows = [row for claim in newton.claims(replace(made, at=small)) for row in claim.rows()]
        assert max(row["excess"] for row in rows) > 0, name


def test_bad_options_are_refused_before_work():
    for options, message in (
        ({"weakest": 0.0}, "weakest must be"),
        ({"strongest": 1e-5}, "strongest must be.*above"),
        ({"strengths": 1}, "strengths must be at least 2"),
        ({"points": 0}, "points must be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            theory.verify("L-ball", "smoke", **options)
