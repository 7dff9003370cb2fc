"""One small study, computed once for all tests that read tables."""

import pytest

from tests.registries import keep
from tunebound import theory
from tunebound.theory.engine import statement

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
