"""Citations that lead to the bibliography."""

import re
from collections.abc import Callable

ENTRY = re.compile(r'^(?:<a id="|\()([a-z]+-\d{4})(?:"></a>|\)=)\n\n\*\*(\w+)(.*)', re.MULTILINE)
ARXIV = re.compile(r"arXiv:\d{4}\.\d{4,5}(?:v\d+)?")
OTHERS = r"(?:(?:, |,? & |,? and )[A-Z]\w+)*(?: et al\.)?"


class Bibliography:
    """Entries of docs/bibliography.md: what is cited, and the anchor that it has there."""

    def __init__(self, page: str) -> None:
        self.papers: dict[str, str] = {}
        named = []
        for anchor, author, rest in ENTRY.findall(page):
            self.papers |= dict.fromkeys(ARXIV.findall(rest), anchor)
            # the authors alone are the link, whether the year stands in brackets or not
            authors = f"{author}{OTHERS}".replace(" ", r"\s+")
            named.append(rf"(?P<{anchor.replace('-', '_')}>\b{authors}(?=,?\s+\(?{anchor[-4:]}\b))")
        self._cited = re.compile("|".join([*named, ARXIV.pattern]))

    def link(self, text: str, write: Callable[[str, str], str]) -> str:
        """The text with each citation as `write` writes it, from its words and its anchor."""

        def written(found: re.Match[str]) -> str:
            paper = re.sub(r"v\d+$", "", found[0])
            anchor = (found.lastgroup or "").replace("_", "-") or self.papers.get(paper)
            return write(found[0], anchor) if anchor else found[0]

        return self._cited.sub(written, text)
