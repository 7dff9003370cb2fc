"""One small study, computed once for all tests that read tables."""

import pytest

from tests.registries import keep
from tunebound import theory
from tunebound.theory.engine import hypothesis, statement

STEPS = 500


@pytest.fixture(autouse=True)
def theorems_as_they_were(monkeypatch):
    """A theorem that a test makes up is not tested by the next."""
    keep(monkeypatch, statement._THEOREMS)


@pytest.fixture(scope="session")
def study_directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("study") / "smoke"
    theory.run(theory.Study("head", "smoke", 0, {"steps": STEPS}), directory, jobs=1)
    return directory


@pytest.fixture(scope="session")
def results(study_directory):
    return theory.load(study_directory)


@pytest.fixture(scope="session")
def report_page(study_directory, tmp_path_factory):
    """Its report, with a hypothesis beside the theorems."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        keep(monkeypatch, hypothesis._HYPOTHESES)

        @theory.hypothesize(
            "grows",
            statement="n grows",
            source="a test",
            setting="head",
            predicted=1,
            scale="difference",
        )
        def grows(results):
            return results.environments.set_index("environment")["n"]

        return theory.report(
            study_directory, output=tmp_path_factory.mktemp("page") / "report.html"
        )
