"""What is printed, word for word; `pytest --snapshot-update` after a change that is meant."""

import re

import pytest
from rich.cells import cell_len
from typer.main import get_command

from tests.theory.test_command_line import call
from tunebound import synthetic, theory
from tunebound.theory import command_line
from tunebound.theory.command_line import printing

ESCAPE = re.compile(r"\x1b\[([\d;]*)m")
COLOURED = re.compile(r"(^|;)3\d(;|$)")


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch):
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """A folder with what a user may point at by mistake."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "afile").write_text("text", encoding="utf-8")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes").write_text("text", encoding="utf-8")
    synthetic.make_separable("ball", n=10, d=3).to_npz(tmp_path / "head.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "head.npz").read_bytes()[:200])
    return tmp_path


def test_the_words_of_every_help_page(snapshot):
    application = get_command(command_line.app)
    pages = [
        "\n".join(
            [
                f"{name}: {' '.join(command.help.split())}",
                *(
                    f"    {' '.join(each.opts)}: {getattr(each, 'help', None) or ''}"
                    for each in command.params
                ),
            ]
        )
        for name, command in {"tunebound": application, **application.commands}.items()
    ]
    assert "\n".join(pages) == snapshot


@pytest.mark.parametrize(
    "arguments",
    [
        ("theorems", "H-anytime"),
        ("theorems", "R-margin"),
        ("theorems", "--setting", "churn"),
        ("suites",),
        ("methods",),
    ],
    ids=" ".join,
)
def test_what_is_listed(monkeypatch, capsys, snapshot, arguments):
    code, out, _ = call(monkeypatch, capsys, *arguments)
    assert code == 0
    assert out == snapshot


@pytest.mark.parametrize(
    "arguments",
    [
        "verify H-free --exact",
        "verify h-anytime",
        "verify H-anytme",
        "verify R-margn",
        "theorems H-deletoin",
        "run --setting heads",
        "run --setting head --suite margin",
        "run --suite huge",
        "run --suite smoke --shard 9/8",
        "run --suite smoke --set speed=3",
        "run --suite smoke --output afile/x",
        "run --suite smoke --output other",
        "run --grid afile",
        "verify H-anytime --data nofile.npz",
        "verify H-anytime --data .",
        "verify H-anytime --data afile",
        "verify H-anytime --data cut.npz",
        "verify P-Full --data head.npz",
        "report other",
        "plot nowhere",
        "merge nowhere --output united",
        "certify nofile.npz",
    ],
)
def test_what_is_refused_says_what_to_do(monkeypatch, capsys, snapshot, folder, arguments):
    code, _, err = call(monkeypatch, capsys, *arguments.split())
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "pickle" not in err
    assert err.replace(str(folder), "FOLDER") == snapshot


@pytest.mark.parametrize(
    "arguments",
    [
        "run --suite smoke --steps 500 --jobs 1 --output STUDY",
        "run --suite smoke --steps 500 --jobs 1 --seed 1 --output STUDY",
        "run --suite smoke --steps 500 --jobs 1 --dry-run --output STUDY",
        "plot STUDY --only tightness-by-family --format svg --output figures",
        "plot STUDY --only tightnes",
        "merge STUDY --output united",
    ],
)
def test_what_is_said_of_a_study(
    monkeypatch, capsys, snapshot, study_directory, tmp_path, arguments
):
    monkeypatch.chdir(tmp_path)
    words = [word.replace("STUDY", str(study_directory)) for word in arguments.split()]
    _, out, err = call(monkeypatch, capsys, *words)
    said = "\n".join(line for line in (out + err).splitlines() if "%|" not in line)
    # in the order in which their modules were imported, which other tests may have changed
    said = re.sub(r"(?<=theorems: ).*", lambda names: _sorted(names[0]), said)
    assert said.replace(str(study_directory), "STUDY") == snapshot


def _sorted(names):
    return ", ".join(sorted(names.split(", ")))


def test_an_unfinished_study_says_how_it_goes_on(monkeypatch, capsys, snapshot, tmp_path):
    monkeypatch.chdir(tmp_path)
    words = "run --suite smoke --steps 20 --jobs 1 --shard 1/3 --output part"
    _, begun, _ = call(monkeypatch, capsys, *words.split())
    code, _, refused = call(monkeypatch, capsys, "report", "part")
    assert code == 2
    assert f"{begun}{refused}" == snapshot


def on_a_terminal(monkeypatch, capsys, *arguments, **variables):
    for name, value in {"FORCE_COLOR": "1", "COLUMNS": "80", **variables}.items():
        monkeypatch.setenv(name, value)
    _, out, err = call(monkeypatch, capsys, *arguments)
    return out + err


def words(text):
    return re.sub(r"\s+", " ", ESCAPE.sub("", text)).strip()


@pytest.mark.parametrize(
    "arguments",
    [("theorems",), ("theorems", "H-anytime"), ("suites",), ("options",), ("run", "--suite", "x")],
    ids=" ".join,
)
def test_a_terminal_shows_the_same_words_in_its_width(monkeypatch, capsys, arguments):
    _, out, err = call(monkeypatch, capsys, *arguments)
    shown = on_a_terminal(monkeypatch, capsys, *arguments)
    assert ESCAPE.search(shown)
    assert words(shown) == words(out + err)
    assert max(map(cell_len, ESCAPE.sub("", shown).splitlines())) <= 80


def test_verdicts_stand_in_a_table_in_colour_unless_none_is_wanted(monkeypatch, capsys):
    rows = [
        ("not violated", "proved here", "H-anytime", "on 13 independent draws of this design"),
        ("violated", "published, a posteriori", "S-momentum-batches", "on 2 environments"),
    ]

    def shown(**variables):
        monkeypatch.setenv("COLUMNS", "60")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        printing.table(("test:", "known", "statement:", "on what"), rows, "{} {} {} {}".format)
        return capsys.readouterr().out

    assert shown() == (
        "not violated proved here H-anytime on 13 independent draws of this design\n"
        "violated published, a posteriori S-momentum-batches on 2 environments\n"
    )
    coloured = shown(FORCE_COLOR="1")
    assert "\x1b[32mnot violated" in coloured
    assert "\x1b[1;31mviolated" in coloured
    lines = ESCAPE.sub("", coloured).splitlines()
    assert max(map(cell_len, lines)) <= 60
    assert all(any(row[column] in line for line in lines) for row in rows for column in (0, 2))
    plain = shown(NO_COLOR="1")
    assert not any(COLOURED.search(code) for code in ESCAPE.findall(plain))
    assert ESCAPE.sub("", plain) == ESCAPE.sub("", coloured)


def test_a_verdict_on_a_terminal_is_the_verdict(monkeypatch, capsys, results):
    verdict = theory.judge("H-anytime", results)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    printing.verdict(str(verdict), verdict.test)
    shown = capsys.readouterr().out
    assert words(shown) == words(str(verdict))
    assert "\x1b[32mnot violated" in shown.replace("\x1b[0m\x1b[1m", "").replace("1;32", "32")
