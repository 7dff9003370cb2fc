"""Whatever is cited is in the bibliography, and whatever is in it is cited."""

import re
import unicodedata
from pathlib import Path

from tunebound import theory, tuning

ROOT = Path(__file__).parents[1]
BIBLIOGRAPHY = (ROOT / "docs" / "bibliography.md").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r'^<a id="([a-z]+-\d{4})"></a>\n\n(.+)$', BIBLIOGRAPHY, re.MULTILINE))
WORD = r"[A-Z][\w’'-]+"
# Fu, So & Collier (2023 …; Soudry et al. 2018 …; Holm (1979 …
CITED = re.compile(
    rf"({WORD})(?:(?:, {WORD})*,? (?:&|and) {WORD}|,? et al\.)?,? \(?((?:19|20)\d\d)\b(?![-:])"
)
PAGES = {
    str(path.relative_to(ROOT)): path
    for path in [
        *(ROOT / "docs").glob("*.md"),
        *(
            path
            for room in ("_ground", "bounds", "synthetic", "theory", "tuning")
            for path in (ROOT / room).rglob("*.py")
        ),
    ]
    if path.name != "bibliography.md"
}
# names before a year that are no author's: conferences, titles of books and journals, months
NO_AUTHORS = {"ACL", "COLT", "ICML", "Optimization", "Problems", "November"}


def anchor(author, year):
    plain = unicodedata.normalize("NFKD", author).encode("ascii", "ignore").decode()
    return f"{plain.lower()}-{year}"


def missing(text):
    """Citations without an entry."""
    text = re.sub(r'\s*\n\s*(?:#\s*|"\s*")?', " ", text)
    authors = {
        f"{author} {year}"
        for author, year in CITED.findall(text)
        if author not in NO_AUTHORS and anchor(author, year) not in ENTRIES
    }
    papers = {
        paper
        for paper in re.findall(r"arXiv:(\d{4}\.\d{4,5})", text, re.IGNORECASE)
        if f"arXiv:{paper}" not in BIBLIOGRAPHY
    }
    return authors | papers


def test_the_sources_of_statements_and_methods_are_in_the_bibliography():
    known = {**theory.theorems(), **theory.hypotheses(), **tuning.methods()}
    sources = {name: each.source for name, each in known.items()}
    assert sum(bool(CITED.search(source)) for source in sources.values()) > 100
    assert {name: missing(source) for name, source in sources.items() if missing(source)} == {}


def test_what_pages_and_docstrings_cite_is_in_the_bibliography():
    without = {name: missing(path.read_text(encoding="utf-8")) for name, path in PAGES.items()}
    assert {name: found for name, found in without.items() if found} == {}


def test_a_source_that_is_not_there_is_noticed():
    assert missing("as Nobody & Sons (1901) say") == {"Nobody 1901"}
    assert missing("arXiv:0000.00000v3") == {"0000.00000"}
    assert missing("Hardt,\n    Recht and Singer (2016); Demšar (2006)") == set()


def test_entries_are_in_order_and_cited():
    assert len(ENTRIES) == BIBLIOGRAPHY.count('<a id="') > 45
    assert list(ENTRIES) == sorted(ENTRIES)
    everything = "\n".join(path.read_text(encoding="utf-8") for path in PAGES.values())
    for name, entry in ENTRIES.items():
        author, year = re.match(r"\*\*(\w+).* (\d{4})\.\*\* ", entry).groups()
        assert anchor(author, year) == name
        assert author in everything, f"nothing cites {author} {year}"
