"""Every theorem and hypothesis, a page a setting: what it says, what is known, what was found."""

import inspect
import re
import textwrap
from pathlib import Path

from citations import Bibliography

from tunebound import theory
from tunebound.theory.engine.known import facts

SPECIAL = re.compile(r"([*_\\$|^<>\[\]{}])")


def write_statements(folder: Path, bibliography: Bibliography) -> None:
    """Into `folder`/statements, with links to the anchors of the pages that lie in `folder`."""
    directory = folder / "statements"
    directory.mkdir()
    proofs = {
        anchor: f"../{page.name}#{anchor}"
        for page in sorted(folder.glob("*.md"))
        for anchor in re.findall(r"^\(([\w-]+)\)=$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    pages = {}
    for name, setting in theory.settings().items():
        known = theory.theorems(name).values()
        predicted = theory.hypotheses(name).values()
        if known or predicted:
            sentence = f"{setting.summary[:1].upper()}{setting.summary[1:]}."
            lines = [f"# {name}", "", sentence, ""]
            for each in known:
                lines += _theorem(each, proofs.get(each.name.lower()), bibliography)
            pages[name] = lines + _hypotheses(predicted, bibliography)
    for name, lines in pages.items():
        (directory / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    index = ["# Every statement", "", "What each says, what is known of it, what was found.", ""]
    index += ["```{toctree}", ":maxdepth: 2", "", *pages, "```", ""]
    (directory / "index.md").write_text("\n".join(index), encoding="utf-8")


def places() -> dict[str, str]:
    """Where each theorem is, by its name, for links from the pages."""
    return {
        name: f"statements/{known.setting}.md#{name.lower()}-statement"
        for name, known in theory.theorems().items()
    }


def _theorem(known: theory.Theorem, proof: str | None, bibliography: Bibliography) -> list[str]:
    told = {word: _said(text) for word, text in facts(known).items() if word != "setting"}
    told["source"] = _cited(known.source, bibliography)
    told["known"] += f" ([where]({proof}))" if proof else ""
    told["test it"] = f"`tunebound verify {known.name}`"
    code = textwrap.dedent(inspect.getsource(inspect.unwrap(known.claims)))
    return [
        f"({known.name.lower()}-statement)=",
        f"## {known.name}",
        "",
        *([f"$$ {known.formula} $$", ""] if known.formula else []),
        f"{_said(known.statement)}.",
        "",
        *(f"- *{word}*: {text}" for word, text in told.items()),
        "",
        ":::{dropdown} The code",
        f"`{known.claims.__module__}`",
        "```python",
        code.rstrip(),
        "```",
        ":::",
        "",
    ]


def _hypotheses(predicted: object, bibliography: Bibliography) -> list[str]:
    rows = [
        f"| {each.name} | {_said(each.statement)} | {_cited(each.source, bibliography)} |"
        for each in predicted
    ]
    head = ["| hypothesis | what it says | who says so |", "| --- | --- | --- |"]
    return [*head, *rows] if rows else []


def _cited(source: str, bibliography: Bibliography) -> str:
    """A source as text of a page, with links to the bibliography and to the project's pages."""
    text = bibliography.link(
        _said(source), lambda words, anchor: f"[{words}](../bibliography.md#{anchor})"
    )
    return re.sub(r"docs/([\w-]+\.md)", r"[\1](../\1)", text)


def _said(text: str) -> str:
    """Text of the terminal as text of a page."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))
