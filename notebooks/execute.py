"""Execute lessons and store what they show, without what changes from run to run.

    python notebooks/execute.py [NOTEBOOK …]

all of them by default. The text of a diff of two executions is then what differs in the lesson.
"""

import base64
import io
import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

FOLDER = Path(__file__).parent
# What tqdm says where bars are not widgets; no lesson shows a bar.
WITHOUT_WIDGETS = "ignore:IProgress not found"
SECONDS = 600  # of a lesson's longest cell, on a busy machine
LANGUAGE = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
RICH = ("image/png", "text/html", "text/markdown")


def execute(path: Path) -> None:
    """Execute a notebook in its folder and write it, stripped, in its place."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        coalesce_streams=True,
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute(env={**os.environ, "PYTHONWARNINGS": WITHOUT_WIDGETS})
    nbformat.write(stripped(notebook), path)


def stripped(notebook: NotebookNode) -> NotebookNode:
    """A copy without the versions, names and addresses of one execution, its images small.

    What stays of metadata are the tags of cells. A picture, a table or a text that is set loses
    its plain form, which holds an address or repeats it.
    """
    kept = nbformat.from_dict({**notebook, "metadata": LANGUAGE})
    kept.cells = [_stripped_cell(cell) for cell in notebook.cells]
    return kept


def _stripped_cell(cell: NotebookNode) -> NotebookNode:
    tags = cell.metadata.get("tags")
    kept = nbformat.from_dict({**cell, "metadata": {"tags": tags} if tags else {}})
    if kept.cell_type == "code":
        kept.outputs = [_stripped_output(output) for output in cell.outputs]
    return kept


def _stripped_output(output: NotebookNode) -> NotebookNode:
    if "data" not in output:
        return output
    data: dict[str, Any] = dict(output["data"])
    if any(kind in data for kind in RICH):
        data.pop("text/plain", None)
    if "image/png" in data:
        data["image/png"] = _small(data["image/png"])
    if "text/html" in data:
        data["text/html"] = _same_names(data["text/html"])
    return nbformat.from_dict({**output, "data": data, "metadata": {}})


def _small(encoded: str) -> str:
    """A PNG with a palette of 256 colours, a third of the size, without its writer's name."""
    image = Image.open(io.BytesIO(base64.b64decode(encoded)))
    if image.mode == "P":
        return encoded
    written = io.BytesIO()
    small = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(written, format="png", optimize=True)
    return base64.b64encode(written.getvalue()).decode("ascii")


def _same_names(html: str) -> str:
    """The random names that pandas gives to styled tables, numbered."""
    for number, name in enumerate(dict.fromkeys(re.findall(r"\bT_[0-9a-f]{5}\b", html))):
        html = html.replace(name, f"T_{number}")
    return html


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(FOLDER.glob("*.ipynb")):
        execute(Path(name))
        print(name)
