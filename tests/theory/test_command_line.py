"""The command line: every command, and what it says when something is wrong."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.registries import clear
from tunebound import synthetic, theory
from tunebound.theory import command_line
from tunebound.theory.engine import members, reporting

FIGURES_WITHOUT_SWEEPS = 5  # the small suite varies no factor by design


def call(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["tunebound", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        command_line.main()
    captured = capsys.readouterr()
    return stop.value.code or 0, captured.out, captured.err


def test_lists(monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "theorems")
    assert code == 0
    assert "H-anytime" in out
    code, out, _ = call(monkeypatch, capsys, "families")
    assert code == 0
    assert all(name in out for name in synthetic.families())
    code, out, _ = call(monkeypatch, capsys, "suites")
    assert code == 0
    assert all(name in out for name in synthetic.suite_names())
    assert "standard      324 members,    324 independent draws" in out
    assert "standard       42 members,     14 independent draws" in out


def test_help_names_every_command(monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "--help")
    assert code == 0
    for command in ("run", "verify", "plot", "report", "theorems", "families", "suites"):
        assert command in out


def test_run_report_and_plot(monkeypatch, capsys, tmp_path):
    directory = tmp_path / "run"
    code, out, _ = call(
        monkeypatch,
        capsys,
        "run",
        "--suite",
        "smoke",
        "--steps",
        400,
        "--output",
        directory,
        "--jobs",
        1,
    )
    assert code == 0
    assert f"tunebound report {directory}" in out
    code, out, _ = call(monkeypatch, capsys, "report", directory)
    assert code == 0
    page = (directory / "report.html").read_text(encoding="utf-8")
    assert page.index("<h2>Verdicts") < page.index("<h2>Figures")
    without_scripts = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert "http" not in without_scripts.replace("http://www.w3.org", ""), (
        "the page needs nothing from elsewhere"
    )
    assert page.count("data:image/png;base64") == FIGURES_WITHOUT_SWEEPS + 1, "and the first twice"
    code, out, _ = call(
        monkeypatch, capsys, "plot", directory, "--format", "svg", "--output", tmp_path / "figures"
    )
    assert code == 0
    assert len(list((tmp_path / "figures").glob("*.svg"))) == FIGURES_WITHOUT_SWEEPS


def test_verify_one_stored_set(monkeypatch, capsys, tmp_path):
    path = tmp_path / "data.npz"
    synthetic.make_separable("ball", n=10, d=3).to_npz(path)
    code, out, _ = call(monkeypatch, capsys, "verify", "H-anytime", "--data", path, "--steps", 50)
    assert code == 0
    assert "H-anytime [proved here]: not violated" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify", "H-anytme"), "did you mean 'H-anytime'"),
        (("verify", "h-anytime"), "did you mean 'H-anytime'?"),
        (("verify", "R-margn"), "did you mean 'R-margin'"),
        (("theorems", "h-free"), "did you mean 'H-free'"),
        (("verify", "H-free", "--exact"), "name fewer beside exact, steps=10_000"),
        (("verify", "H-anytime", "--data", "nowhere.npz"), "'nowhere.npz' does not exist"),
        (("verify", "H-anytime", "--data", "."), "'.' is a directory; name a file"),
        (("run", "--setting", "head", "--suite", "margin"), "'margin' belongs to remedies"),
        (("run", "--suite", "smoke", "--output", "/proc/x"), "'/proc/x' does not exist and"),
        (("run", "--suite", "huge"), "huge"),
        (
            ("run", "--suite", "smoke", "--steps", "0"),
            "steps must be a whole number of steps, at least 1",
        ),
        (("report", "nowhere"), "holds no study"),
        (
            ("plot", "nowhere", "--format", "gif"),
            "--format must be one of 'png', 'pdf', 'svg', got 'gif'",
        ),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_status_2(
    monkeypatch, capsys, tmp_path, arguments, message
):
    monkeypatch.chdir(tmp_path)
    code, _, err = call(monkeypatch, capsys, *arguments)
    assert code == 2
    assert message in err
    assert err.startswith("tunebound: ")
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir()), "nothing is half-written"


def test_one_theorem_is_told_in_full(monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "theorems", "H-deletion")
    assert code == 0
    known = theory.theorems()["H-deletion"]
    for part in (known.statement, known.source, known.proof, known.formula):
        assert part in out
    assert all(each.statement in out for each in known.assumptions)
    assert out.rstrip().endswith("tunebound verify H-deletion")
    _, alone, _ = call(monkeypatch, capsys, "theorems", "--setting", "churn")
    assert "C-ball [churn]" in alone
    assert "[head]" not in alone


def test_a_violated_theorem_exits_with_1(monkeypatch, capsys, tmp_path):
    theory.theorem("false", statement="s", source="t", setting="head", maximum=2)(
        lambda evidence: [
            theory.Claim(
                measured=1.0, bound=0.5, steps=1, resolution=0.0, provenance="exact", quantity="q"
            )
        ]
    )
    path = tmp_path / "data.npz"
    synthetic.make_separable("ball", n=10, d=3).to_npz(path)
    code, out, _ = call(monkeypatch, capsys, "verify", "false", "--data", path, "--steps", 5)
    assert code == 1
    assert "false [conjecture]: violated" in out


def test_an_interruption_says_how_to_go_on(monkeypatch, capsys, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(theory, "compute", interrupted)
    code, _, err = call(monkeypatch, capsys, "run", "--output", tmp_path / "run")
    assert code == 130
    assert "the same command continues" in err


def test_bars_of_the_computations_do_not_run_through_the_study_s_own(monkeypatch, capsys, tmp_path):
    from tunebound.theory.engine import computing

    seen = []
    monkeypatch.setattr(
        computing,
        "examine",
        lambda *_, **__: seen.append(sys.stderr.isatty()) or print("a warning", file=sys.stderr),
    )
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with pytest.raises(AttributeError):  # the tables are missing here
        theory.verify("H-anytime", "smoke", jobs=1)
    assert seen == [False]
    assert "a warning" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("suite", "arguments", "setting"),
    [
        # several settings have it: head tuning is what is meant where nothing is said
        ("standard", (), "head"),
        ("smoke", ("--setting", "full-quadratics"), "full-quadratics"),
        ("large", (), "head"),
    ],
)
def test_the_suite_says_which_setting_is_meant(
    monkeypatch, capsys, tmp_path, suite, arguments, setting
):
    asked = []

    def computed(study, target, **_):
        asked.append((study.setting, study.suite))
        raise ValueError("enough")

    monkeypatch.setattr(theory, "compute", computed)
    code, _, err = call(
        monkeypatch, capsys, "run", "--suite", suite, *arguments, "--output", tmp_path / "run"
    )
    assert (code, asked) == (2, [(setting, suite)]), err


def test_a_suite_of_several_settings_without_a_default_has_to_be_told_apart(monkeypatch, capsys):
    twins = {name: found for name, found in theory.settings().items() if name != "head"}
    for found in twins.values():
        monkeypatch.setattr(type(found), "suite_names", lambda self: ("twin",))
    monkeypatch.setattr(members, "settings", lambda: twins)
    code, _, err = call(monkeypatch, capsys, "run", "--suite", "twin")
    assert code == 2
    assert all(name in err for name in twins)
    assert "--setting" in err


def test_hypotheses_are_listed_judged_and_verified(monkeypatch, capsys, tmp_path):
    from tunebound.theory.engine import hypothesis as module

    clear(monkeypatch, module._HYPOTHESES)

    @theory.hypothesize(
        "counts",
        statement="all is counted",
        source="a test",
        setting="head",
        predicted=1,
        scale="difference",
    )
    def counts(results):
        return results.environments.set_index("environment")["n"]

    @theory.hypothesize(
        "shrinks",
        statement="all shrinks",
        source="a test",
        setting="head",
        predicted=-1,
        scale="difference",
    )
    def shrinks(results):
        return results.environments.set_index("environment")["n"]

    only = {"counts": counts, "shrinks": shrinks}
    for place in (module, theory, reporting):
        monkeypatch.setattr(place, "hypotheses", lambda setting=None: only)
    code, out, _ = call(monkeypatch, capsys, "theorems")
    assert "counts [head]\n    all is counted\n    a test" in out
    code, out, _ = call(
        monkeypatch,
        capsys,
        "run",
        "--suite",
        "smoke",
        "--steps",
        20,
        "--output",
        tmp_path / "run",
        "--jobs",
        1,
    )
    assert code == 0
    assert re.search(r"confirmed +hypothesis  counts", out)
    assert re.search(r"refuted +hypothesis  shrinks", out)
    code, out, _ = call(monkeypatch, capsys, "report", tmp_path / "run")
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert page.index('id="counts"') < page.index("<h2>What it means")
    assert 'class="status confirmed"' in page
    code, out, _ = call(monkeypatch, capsys, "verify", "shrinks", "--steps", 20, "--jobs", 1)
    assert code == 1
    assert "shrinks: refuted" in out
    code, out, _ = call(monkeypatch, capsys, "verify", "counts", "--steps", 20, "--jobs", 1)
    assert code == 0
    code, _, err = call(monkeypatch, capsys, "verify", "counts", "--data", "some.npz")
    assert code == 2
    assert "leave out --data" in err


@pytest.mark.parametrize("package", [None, "pytest"])
def test_the_shell_completes_names_however_python_was_started(package, monkeypatch, capsys):
    monkeypatch.setattr(sys.modules["__main__"], "__package__", package)
    monkeypatch.setenv("_TUNEBOUND_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "tunebound verify H-any")
    monkeypatch.setenv("COMP_CWORD", "2")
    _, out, _ = call(monkeypatch, capsys)
    assert out.split() == ["H-anytime", "H-anytime-flow", "H-anytime-plain"]


def test_any_option_of_a_setting_is_set_and_a_plan_writes_nothing(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    words = ("run", "--setting", "remedies", "--suite", "smoke", "--dry-run")
    changes = ("--set", "batch-size=8", "--set", "dropout=0.25", "--steps", "7")
    code, out, _ = call(monkeypatch, capsys, *words, *changes)
    assert code == 0
    assert "steps=7, batch_size=8, dropout=0.25" in out
    assert "4 of 4 shards (4 members) to compute" in out
    for assignment, message in (
        ("speed=3", "options ['speed'] are unknown to the setting 'remedies'. Known: steps,"),
        ("batch_size", "--set takes name=value, got 'batch_size'"),
        ("batch_size=few", "batch_size must be a number, got 'few'"),
        ("batch_size=2.5", "batch_size must be an integer, got 2.5"),
        ("dropout=1", "dropout must be finite and in [0, 1)"),
        ("methods=plane", "did you mean 'plain'"),
    ):
        code, _, err = call(monkeypatch, capsys, *words, "--set", assignment)
        assert code == 2
        assert message in err
    assert not list(tmp_path.iterdir())


def test_every_option_is_listed_with_its_default_and_meaning(monkeypatch, capsys):
    _, out, _ = call(monkeypatch, capsys, "options")
    assert "    rate_fraction = 0.5: Step size as a share of the limit" in out
    for setting in theory.settings().values():
        for name, default, meaning in setting.options.described():
            assert meaning, f"{setting.name}: say what {name} is in the options' docstring"
            assert f"    {name} = {default}: {meaning}" in out


@pytest.mark.parametrize(
    "command",
    [("run",), ("verify", "H-limit"), ("falsify", "H-limit"), ("plot", "."), ("report", ".")],
)
def test_an_output_without_a_name_is_refused(monkeypatch, capsys, command):
    code, _, err = call(monkeypatch, capsys, *command, "--output", "")
    assert code == 2
    assert "it is empty text" in err


PROGRAM = "from tunebound.theory.command_line import program; program()"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("theorems | head -1; exit ${PIPESTATUS[0]}", 1),
        ("theorems > /dev/full", 2),
        ("--help > /dev/full", 2),
        ("theorems > /dev/full 2> /dev/full", 2),
        ("theorems >&-", 0),
        ("run --suite nope 2> /dev/full", 2),
        ("run --suite nope 2>&-", 2),
    ],
)
def test_what_nobody_reads_changes_the_status_and_leaves_no_traceback(words, status):
    shell = f'tunebound() {{ "{sys.executable}" -c "{PROGRAM}" "$@"; }}; tunebound {words}'
    ended = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
    assert ended.returncode == status
    assert "Traceback" not in ended.stderr


def test_an_interruption_while_the_command_is_looked_up_is_one_too(monkeypatch, capsys):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line.application, "app", interrupted)
    assert call(monkeypatch, capsys, "theorems") == (130, "", "")


WITH_A_HELPER = """
import time
from tunebound.theory.command_line import application
from tunebound.theory.engine import processes

def work(prog_name):
    processes.elsewhere(int)
    print("ready", flush=True)
    time.sleep(600)

application.app = work
application.program()
"""


def test_a_program_that_is_terminated_takes_its_helpers_with_it():
    with subprocess.Popen(
        [sys.executable, "-c", WITH_A_HELPER], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        # the pipe is at its end once the last of them has closed it
        assert process.communicate(timeout=60)[0] == ""
    assert process.returncode == 143
