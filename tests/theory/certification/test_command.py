"""`tunebound certify`: the same certificate from every file, and a status for scripts."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.theory.certification.files import KINDS, needs_library, write
from tunebound import synthetic, theory
from tunebound.theory import command_line
from tunebound.theory.certification.certificate import Certificate

DATA = synthetic.make_separable("gaussian", n=24, d=3, margin=0.4, radius=3.0, seed=4)
X, Y = DATA.X, DATA.y.astype(int)
Y_TEST = [0, 1] * 20
X_TEST = np.random.default_rng(2).normal(size=(40, 3))
NOTES = [f"sample {row}" for row in range(24)]


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """A call of the command in an empty directory: its status, and what it printed."""
    monkeypatch.chdir(tmp_path)

    def calling(*arguments):
        monkeypatch.setattr(sys, "argv", ["tunebound", "certify", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            command_line.main()
        printed = capsys.readouterr()
        return stop.value.code or 0, printed.out, printed.err

    return calling


def numbers(certificate):
    """Everything that a certificate says, but for the time that it took."""
    said = certificate if isinstance(certificate, dict) else certificate.to_dict()
    return {key: value for key, value in said.items() if key != "seconds"}


@pytest.fixture
def files(tmp_path):
    write(tmp_path / "train.npz", X, Y, NOTES)
    write(tmp_path / "test.npz", X_TEST, Y_TEST)
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_certificate_of_the_arrays(kind, call, tmp_path):
    needs_library(kind)
    write(tmp_path / f"train.{kind}", X, Y)
    write(tmp_path / f"test.{kind}", X_TEST, Y_TEST)
    status, out, _ = call(f"train.{kind}", "--test", f"test.{kind}", "--json", "-")
    assert status == 0
    assert numbers(json.loads(out)) == numbers(theory.certify(X, Y, X_test=X_TEST))


@pytest.mark.usefixtures("files")
def test_the_summary_is_printed_and_files_are_written_beside_it(call, tmp_path):
    (tmp_path / "c.json").write_text("an older file that is longer than what is written" * 100)
    status, out, _ = call("train.npz", "--html", "c.html", "--json", "c.json", "--show", "text")
    certificate = theory.certify(X, Y, content=NOTES)
    assert (status, out) == (0, f"{certificate}\n")
    page = (tmp_path / "c.html").read_text()
    assert page.rstrip().endswith("</html>")
    assert f"sample {certificate.pivotal[0]}<" in page
    assert numbers(json.loads((tmp_path / "c.json").read_text())) == numbers(certificate)


@pytest.mark.usefixtures("files")
def test_a_file_that_cannot_be_written_whole_stays_as_it_was(call, monkeypatch, tmp_path):
    # JSON has no NaN: the encoder fails after the file beside the target was opened
    monkeypatch.setattr(
        Certificate, "to_dict", lambda _: {"a": 1, "b": float("nan")}, raising=False
    )
    (tmp_path / "c.json").write_text("older")
    before = sorted(path.name for path in tmp_path.iterdir())
    status, _, err = call("train.npz", "--json", "c.json")
    assert status == 2
    assert err.startswith("tunebound: ")
    assert (tmp_path / "c.json").read_text() == "older"
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.usefixtures("files")
def test_the_status_tells_whether_the_largest_reach_is_above_the_limit(call):
    certificate = theory.certify(X, Y, X_test=X_TEST)
    reach = certificate.predictions.largest_reach
    assert 0 < reach < 1
    for limit, expected in ((0, 1), (np.nextafter(reach, 0), 1), (reach, 0), (1, 0)):
        status, out, err = call("train.npz", "--test", "test.npz", "--fail-above", float(limit))
        assert (status, err) == (expected, "")
        assert out == f"{certificate}\n", "printed whatever the status"


@pytest.mark.usefixtures("files")
def test_without_test_features_the_status_tells_of_the_instability(call):
    promised = theory.certify(X, Y).instability
    for limit, expected in ((np.nextafter(promised, 0), 1), (promised, 0), (1.5, 0)):
        assert call("train.npz", "--fail-above", float(limit))[0] == expected


@pytest.mark.usefixtures("files")
def test_options_reach_the_certificate(call, monkeypatch):
    found = {}
    certificate = theory.certify(X, Y)

    def certify(X, y, **options):
        found.update(options, X=X, y=y)
        return certificate

    monkeypatch.setattr(theory, "certify", certify)
    assert call("train.npz")[0] == 0
    assert found.pop("X").shape == (24, 3)
    assert found.pop("y").tolist() == Y.tolist()
    assert found == {
        "X_test": None,
        "classes": "softmax",
        "constant": None,
        "centre": False,
        "scale": False,
        "exact": "auto",
        "group": 1,
        "measured": False,
        "lam": None,
        "content": None,
    }
    options = "--classes all-pairs --constant 2 --centre --scale --exact 5 --group 3 --measured"
    assert call("train.npz", *options.split(), "--lam", 0.5, "--test", "test.npz")[0] == 0
    np.testing.assert_array_equal(found.pop("X_test"), X_TEST)
    del found["X"], found["y"]
    assert found == {
        "classes": "all-pairs",
        "constant": 2.0,
        "centre": True,
        "scale": True,
        "exact": 5,
        "group": 3,
        "measured": True,
        "lam": 0.5,
        "content": None,
    }
    call("train.npz", "--exact", "all", "--show", "text")
    assert found["exact"] == "all"
    assert found["content"] == tuple(NOTES)


WRONG = [
    (["gone.npz"], "gone.npz: no such file"),
    (["."], "is a directory"),
    (["train.npz", "--labels", "gone"], "neither a column nor a file"),
    (["train.npz", "--test", "gone.csv"], "gone.csv: no such file"),
    (["train.npz", "--columns", "X,q"], "there is no column 'q'"),
    (["train.npz", "--show", "q"], "there is no column 'q'"),
    (["train.npz", "--classes", "pairs"], "--classes must be one of 'softmax', 'one-vs-rest'"),
    (["train.npz", "--exact", "some"], "--exact must be a number of samples, all or auto"),
    (["train.npz", "--exact", "-1"], "--exact must be a number of samples, all or auto"),
    (["train.npz", "--exact=-1"], "--exact must be a number of samples, all or auto"),
    (["train.npz", "--fail-above", "-0.1"], "--fail-above must be finite and at least 0"),
    (["train.npz", "--fail-above", "nan"], "--fail-above must be finite and at least 0"),
    (["train.npz", "--html", "."], "--html: . is a directory: name a file in it"),
    (["train.npz", "--json", "no/c.json"], "--json: there is no directory no: make it first"),
    (["train.npz", "--html", "c.html", "--json", "c.html"], "--json and --html name one file"),
    (["train.npz", "--html", "train.npz"], "--html would replace train.npz, which is read"),
    (["train.npz", "--test", "test.npz", "--json", "./test.npz"], "--json would replace test.npz"),
    (["train.npz", "--labels", "test.npz", "--json", "test.npz"], "--json would replace test.npz"),
]


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_what_is_wrong_is_one_line_before_any_work(arguments, message, call, monkeypatch, tmp_path):
    def certify(*_, **__):
        raise AssertionError("work began")

    monkeypatch.setattr(theory, "certify", certify)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    status, out, err = call(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("tunebound: ")
    assert message in err
    assert err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_the_certificate_refuses_is_one_line_too(call, tmp_path):
    np.savez(tmp_path / "one.npz", X=X, y=np.ones(24, dtype=int))
    status, out, err = call("one.npz", "--json", "-")
    assert (status, out) == (2, "")
    assert err.startswith("tunebound: ")
    assert err.count("\n") == 1


def test_help_reads_like_a_manual_page(call):
    status, out, _ = call("--help")
    words = " ".join(out.replace("│", " ").split())
    assert status == 0
    assert words.count("tunebound certify ") == 3, "the usage and two examples"
    assert "one training sample, whichever has the largest certified reach" in words
    for option in ("labels", "test", "columns", "classes", "constant", "centre", "scale", "exact"):
        assert f"--{option}" in words
    for option in ("group", "measured", "lam", "show", "html", "json", "fail-above"):
        assert f"--{option}" in words


def test_help_waits_for_nothing_that_computes():
    script = (
        "import sys; from tunebound.theory import command_line;"
        "sys.argv = ['tunebound', 'certify', '--help']\n"
        "try: command_line.main()\n"
        "except SystemExit: print(sorted({'numpy', 'torch', 'pandas', 'pyarrow'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
