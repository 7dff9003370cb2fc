"""One small study, computed once for all tests that read tables."""

import pytest

from tunebound import theory

STEPS = 500


@pytest.fixture(scope="session")
def study_directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("study") / "smoke"
    theory.run(theory.Study("head", "smoke", 0, {"steps": STEPS}), directory, jobs=1)
    return directory


@pytest.fixture(scope="session")
def results(study_directory):
    return theory.load(study_directory)
