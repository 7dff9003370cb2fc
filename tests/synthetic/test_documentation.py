"""The how-to page: its code runs, its table and its numbers are true."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.oracles.separator_program import hard_margin_direction
from tunebound.synthetic import families, family, make_separable, make_suite, registry, suite_names

PAGE = (Path(__file__).parents[2] / "docs" / "synthetic-data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_snippets_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    snippets = [block for block in BLOCKS if "@register" not in block]
    assert len(snippets) == len(BLOCKS) - 1 >= 5
    for snippet in snippets:
        exec(compile(snippet, "docs/synthetic-data.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "gaussian-n100-d20-m0.5-r4-s3" in printed
    assert "got margin=0.5; lower the margin or n, or raise the radius" in printed


def test_the_new_family_works_as_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(registry._FAMILIES)
    (source,) = [block for block in BLOCKS if "@register" in block]
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
        registry._FAMILIES.clear()
        registry._FAMILIES.update(before)


def test_the_table_lists_every_family_and_every_option() -> None:
    table = PAGE[PAGE.index("## The families") : PAGE.index("## Adding a family")]
    assert set(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)) == set(families())
    for known in families().values():
        for option in known.options:
            assert f"`{option}`" in table, (known.name, option)


def test_the_suites_have_the_sizes_that_the_page_gives() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| ([\d,]+) \|", PAGE[PAGE.index("## Suites") :], flags=re.MULTILINE
    )
    assert tuple(name for name, _ in rows) == suite_names()
    for name, size in rows:
        assert len(make_suite(name)) == int(size.replace(",", ""))
