"""The how-to page: its code runs, its table and its numbers are true."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.oracles.separator_program import hard_margin_direction
from tunebound.synthetic import (
    Option,
    Planted,
    Request,
    families,
    family,
    make_separable,
    make_suite,
    register_family,
    suite_names,
)

PAGE = (Path(__file__).parents[2] / "docs" / "synthetic-data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_snippets_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    snippets = [block for block in BLOCKS if "@register_family" not in block]
    assert len(snippets) == len(BLOCKS) - 1 >= 5
    for snippet in snippets:
        exec(compile(snippet, "docs/synthetic-data.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "gaussian-n100-d20-m0.5-r4-s3" in printed
    assert "got margin=0.5; lower the margin or n, or raise the radius" in printed


def test_the_new_family_works_as_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clean_register: None
) -> None:
    (source,) = [block for block in BLOCKS if "@register_family" in block]
    (tmp_path / "hypercube.py").write_text(source, encoding="utf-8")
    monkeypatch.setattr(family, "__path__", [*family.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    try:
        data = make_separable("hypercube", n=30, d=6, dropout=0.2, seed=1)
        direction, margin = hard_margin_direction(data.X, data.y)
        assert np.linalg.norm(direction - data.separator) < 1e-8
        assert abs(margin - 0.5) < 1e-8
        with pytest.raises(ValueError, match=r"dropout must be finite and in \[0, 0.9\]"):
            make_separable("hypercube", dropout=1.0)
    finally:
        sys.modules.pop("tunebound.synthetic.family.hypercube", None)


def missing_in_the_table() -> list[str]:
    """What the page's table of families lacks, each with the remedy."""
    section = PAGE[PAGE.index("## The families") : PAGE.index("## A family of one's own")]
    rows = set(re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE))
    page = 'the section "The families" of docs/synthetic-data.md'
    lacking = [
        f"the family {name!r} has no row: write `| `{name}` | {known.summary} |` into the table in"
        f" {page}"
        for name, known in families().items()
        if name not in rows
    ]
    lacking += [
        f"the option {option!r} of the family {name!r} is not named: write `{option}` into the"
        f" family's row in {page}"
        for name, known in families().items()
        for option in known.options
        if f"`{option}`" not in section
    ]
    lacking += [
        f"the row of {name!r} belongs to no family: delete it from {page}"
        for name in sorted(rows - set(families()))
    ]
    return lacking


def test_the_table_lists_every_family_and_every_option() -> None:
    assert not missing_in_the_table(), "\n".join(missing_in_the_table())


def test_what_the_table_lacks_is_said_with_its_place(clean_register: None) -> None:
    @register_family(
        "unlisted",
        summary="Not on the page.",
        options={"colour": Option(default=1, meaning="colour", kind=int)},
    )
    def draw(request: Request, rng: np.random.Generator) -> Planted:
        raise AssertionError

    row, option = missing_in_the_table()
    assert row == (
        "the family 'unlisted' has no row: write `| `unlisted` | Not on the page. |` into the table"
        ' in the section "The families" of docs/synthetic-data.md'
    )
    assert option.startswith("the option 'colour' of the family 'unlisted' is not named")


def test_the_suites_have_the_sizes_that_the_page_gives() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| ([\d,]+) \|", PAGE[PAGE.index("## Suites") :], flags=re.MULTILINE
    )
    assert tuple(name for name, _ in rows) == suite_names()
    for name, size in rows:
        assert len(make_suite(name)) == int(size.replace(",", ""))
