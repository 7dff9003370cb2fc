"""The folder that the site is built from: pages, notebooks, tables, and what the package says of
itself.
"""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from citations import Bibliography
from reference import write_reference
from statements import places, write_statements

SITE = Path(__file__).parent
ROOT = SITE.parents[1]
# A link that is right in the repository, and what it is on the site.
LINKS = {
    "](../docs/": "](../",
    "](docs/": "](",
    "](../notebooks/": "](lessons/",
    "](../benchmarks/results/": "](measured/",
    "](../CONTRIBUTING.md": "](contributing.md",
}
# What no citation is looked for in: code, headings, formulas, links.
PLAIN = re.compile(
    r"(^```.*?^```|^#.*?$|`[^`\n]+`|\$[^$\n]+\$|\[[^\]\n]*\]\([^)\n]*\))",
    flags=re.MULTILINE | re.DOTALL,
)


def collect(folder: Path) -> None:
    """Write everything into the folder, which is emptied before."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SITE, folder, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    for name in ("conf.py", "citations.py", "docstrings.py", "mathematics.py"):
        shutil.copy(SITE / name, folder)
    shutil.copytree(ROOT / "docs" / "gallery", folder / "examples")
    named = places()
    bibliography = Bibliography((ROOT / "docs" / "bibliography.md").read_text(encoding="utf-8"))
    for page in sorted((ROOT / "docs").glob("*.md")):
        _bring(page, folder / page.name, named, bibliography)
    shutil.copy(ROOT / "docs" / "bound-against-measured.png", folder)
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        _bring(ROOT / name, folder / name.lower(), cited=bibliography)
    for source, pattern, target in (
        ("notebooks", "*.ipynb", "lessons"),
        ("benchmarks/results", "*.md", "measured"),
    ):
        (folder / target).mkdir()
        for path in sorted((ROOT / source).glob(pattern)):
            _bring(path, folder / target / path.name)
    write_reference(folder / "reference")
    write_statements(folder, bibliography)


def _bring(
    source: Path,
    target: Path,
    named: Mapping[str, str] | None = None,
    cited: Bibliography | None = None,
) -> None:
    text = source.read_text(encoding="utf-8")
    if cited and source.name != "bibliography.md":
        parts = PLAIN.split(text)
        parts[::2] = [
            cited.link(part, lambda words, anchor: f"[{words}](bibliography.md#{anchor})")
            for part in parts[::2]
        ]
        text = "".join(parts)
    # `H-deletion` leads to its statement; not in code, in headings or where it is a link already
    parts = re.split(r"(^```.*?^```|^#.*?$)", text, flags=re.MULTILINE | re.DOTALL)
    for name, place in (named or {}).items():
        link = f"[`{name}`]({place})"
        parts[::2] = [
            re.sub(rf"(?<!\[)`{re.escape(name)}`(?!\])", link, part) for part in parts[::2]
        ]
    text = "".join(parts)
    for there, here in LINKS.items():
        text = text.replace(there, here)
    # An anchor of the repository's pages is a target of the site.
    text = re.sub(r'^<a id="([\w-]+)"></a>$', r"(\1)=", text, flags=re.MULTILINE)
    target.write_text(text, encoding="utf-8")
