"""Links among the pages of the repository lead to a file and to a place in it; so do pages that
docstrings name. Those of the built site are checked by tests/test_site.py.
"""

import re
from pathlib import Path

from tunebound import theory

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").rglob("*.md")]
ROOMS = ("_ground", "bounds", "synthetic", "theory", "tuning")


def plain(path):
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)


def places(path):
    """Anchors of a page: its own, and those of its headings as GitHub writes them."""
    text = plain(path)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    written = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)
    return {*written, *re.findall(r'<a id="([\w-]+)">', text)}


def broken(source, text):
    """Links of a text that lead nowhere."""
    found = set()
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        address, _, anchor = link.partition("#")
        target = source.parent / address if address else source
        if re.match(r"[a-z]+:", link):
            continue
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in places(target)
        ):
            found.add(link)
    return found


def test_links_of_pages_lead_somewhere():
    assert {page.name: wrong for page in PAGES if (wrong := broken(page, plain(page)))} == {}


def test_a_link_to_nowhere_is_noticed():
    page = ROOT / "docs" / "verdicts.md"
    text = "[a](churn.md#c-ball) [b](churn.md#c-bell) [c](cherry.md) [d](#hypotheses) [e](#hypo)"
    assert broken(page, text) == {"churn.md#c-bell", "cherry.md", "#hypo"}


def test_pages_that_the_code_names_are_there():
    named = {
        (str(path.relative_to(ROOT)), page, anchor)
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for page, anchor in re.findall(
            r"\b(docs/[\w-]+\.md)(?:#([\w-]+))?", path.read_text(encoding="utf-8")
        )
    }
    assert len(named) > 30
    for path, page, anchor in named:
        assert (ROOT / page).is_file(), f"{path} names {page}"
        assert not anchor or anchor in places(ROOT / page), f"{path} names {page}#{anchor}"


def test_the_row_of_a_theorem_leads_to_its_anchor():
    anchors = {
        anchor: page.name
        for page in (ROOT / "docs").glob("*.md")
        for anchor in re.findall(r'<a id="([\w-]+)">', page.read_text(encoding="utf-8"))
    }
    table = (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([\w-]+)` \| .* \| \[[\w.-]+\]\((.+)\) \|$", table, re.M))
    for name, known in theory.theorems().items():
        if known.claims.__module__.startswith("tunebound.") and name.lower() in anchors:
            assert rows[name] == f"{anchors[name.lower()]}#{name.lower()}"
