"""How tight each bound gets: the committed results are complete, shown as they are, and made by the
command that says so.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from tunebound import bounds, theory
from tunebound.theory.engine import __main__ as command
from tunebound.theory.engine import reached
from tunebound.theory.engine.generated import filled
from tunebound.theory.engine.statement import PROVED, find_theorem

ROOT = Path(__file__).parents[2]
STORED = reached.stored()


def test_every_theorem_that_can_be_searched_was_searched_as_it_stands():
    assert set(STORED) == {each.name for each in reached.searched()}, f"run `{command.COMMAND}`"
    for name, each in STORED.items():
        if each is not None:
            assert each.statement == find_theorem(name).statement, f"run `{command.COMMAND} {name}`"
            assert each.budget >= 100


def test_each_was_searched_under_the_options_that_its_assumptions_need():
    for name, each in STORED.items():
        known = find_theorem(name)
        needed = {key: each.under[key] for each in known.assumptions for key in each.under}
        theory.find_setting(known.setting).options.of(needed, setting=known.setting)
        for option, value in needed.items():
            assert each is not None
            assert f"{option} {value}" in each.shape, f"run `{command.COMMAND} {name}`"


def test_nothing_that_is_proved_was_violated_and_what_is_known_to_be_false_was_found():
    for name, each in STORED.items():
        if each is None:
            continue
        assert each.ratio >= 0
        assert (each.ratio > 1 + 1e-11) == each.refuted, name
        if find_theorem(name).proof == PROVED:
            assert not each.refuted, name
    refuted = {name for name, each in STORED.items() if each is not None and each.refuted}
    assert {"P-Full", "F-decay", "H-constant-1", "H-deletion-early", "S-adam"} <= refuted


def test_the_simplex_of_four_is_the_largest_that_anytime_reached():
    rho = np.geomspace(1.01, 50, 20000)
    simplex = 2 * np.sin(0.5 * np.arctan(np.sqrt(rho**2 - 1) / 3))
    best = (simplex / bounds.head.anytime(n=4, margin=1.0, radius=rho)).max()
    assert 0.99 * best < STORED["H-anytime"].ratio < 1.0001 * best
    assert STORED["H-anytime"].shape.startswith("n = 4, d = 4")


def test_the_committed_table_is_that_of_the_committed_results():
    page = (ROOT / command.PAGE).read_text(encoding="utf-8")
    made = filled(page, command.BLOCK, reached.table(STORED), command=command.COMMAND)
    assert made == page, f"run `{command.COMMAND}`: {command.PAGE} is older"
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    for name, each in STORED.items():
        mine = [line for line in lines if line.startswith(f"| `{name}` ") and each is not None]
        shown = [line for line in mine if f"| {each.ratio:.4f}" in line and each.shape in line]
        assert bool(shown) == (each is not None), name


def test_results_come_back():
    assert reached.read(reached.written(STORED)) == STORED


def test_the_command_replaces_what_it_searches_and_keeps_the_rest(tmp_path, capsys):
    for path in (command.DATA, command.PAGE):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    arguments = ["F-steps", "F-apart", "--budget", "150", "--seed", "4", "--root", str(tmp_path)]
    assert command.main(arguments) == 0
    results = reached.read((tmp_path / command.DATA).read_text(encoding="utf-8"))
    assert (results["F-steps"].budget, results["F-steps"].seed) == (150, 4)
    found = theory.falsify("F-steps", budget=150, seed=4)
    assert results["F-steps"].ratio == found.ratio
    assert results["F-steps"].shape == found.shape
    assert results["F-apart"] is None
    assert {n: v for n, v in results.items() if n != "F-steps"} == {
        n: v for n, v in STORED.items() if n != "F-steps"
    }
    page = (tmp_path / command.PAGE).read_text(encoding="utf-8")
    assert reached.table(results) in page
    assert command.main(["no-such-theorem", "--root", str(tmp_path)]) == 2
    assert "no theorem is named" in capsys.readouterr().err


def test_a_statement_of_ones_own_under_a_known_name_has_no_result():
    known = find_theorem("H-anytime")
    assert reached.reached(known) == STORED["H-anytime"]
    assert reached.reached(replace(known, statement="something else")) is None
    assert reached.reached(find_theorem("P-Full-network")) is None


def test_words_say_what_was_reached_and_on_what():
    each = reached.Reached(
        statement="s", ratio=0.85312, refuted=False, shape="n = 4, d = 4, t = 1", budget=1, seed=0,
        version="1",
    )  # fmt: skip
    assert str(each) == "largest a search reached: 0.8531 (n = 4, d = 4, t = 1)"
    assert str(replace(each, refuted=True)).startswith("refuted by a search: 0.8531 (")
