"""What studies said of each theorem, stored with the package: pages answer with it.

`python -m tunebound.theory.engine.answers RUN …` reads finished studies, and writes what they say
and the table of the README.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from tunebound._ground.storage import write_text
from tunebound.theory.engine.generated import filled, markdown, published
from tunebound.theory.engine.loading import load
from tunebound.theory.engine.manifests import read_manifest
from tunebound.theory.engine.statement import PROOFS, Theorem, theorems
from tunebound.theory.engine.verdict import TESTS, Verdict

COMMAND = "python -m tunebound.theory.engine.answers"
STORED = "answers.json"
DATA, PAGE, BLOCK = Path("theory/engine") / STORED, Path("README.md"), "answers"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one study said of one theorem.

    Attributes
    ----------
    statement : str
        Of the theorem, as it was tested.
    test, extent : str
        As of a `Verdict`.
    median : float or None
        measured/bound, the median over environments; None where nothing was tested.
    suite : str
    seed : int
        The study's.
    version : str
        The package's.
    """

    statement: str
    test: str
    extent: str
    median: float | None
    suite: str
    seed: int
    version: str

    def __str__(self) -> str:
        tight = "" if self.median is None else f"; measured/bound {self.median:.3g} in the median"
        said = f"{self.test} {self.extent}".rstrip()
        return f"{said}{tight} (suite {self.suite}, seed {self.seed})"


def answered(verdict: Verdict, manifest: Mapping[str, object]) -> Answer:
    """A verdict as it is stored."""
    tight = verdict.tightness
    return Answer(
        statement=verdict.theorem.statement,
        test=verdict.test,
        extent=verdict.extent,
        median=None if tight is None else float(tight["median"]),
        suite=str(manifest["suite"]),
        seed=int(str(manifest["seed"])),
        version=version("tunebound"),
    )


@cache
def stored() -> dict[str, Answer]:
    """What comes with the package, by name of the theorem."""
    return _read((files(__package__) / STORED).read_text(encoding="utf-8"))


def answer(theorem: Theorem) -> Answer | None:
    """What the stored study says of this very statement; None where it has not been asked."""
    known = stored().get(theorem.name)
    return known if known is not None and known.statement == theorem.statement else None


def table(answers: Mapping[str, Answer]) -> str:
    """The theorems by what is known of their proof and what the test said, in Markdown."""
    known = theorems()
    rows = []
    for proof in PROOFS:
        for test in TESTS:
            names = [
                f"`{name}`"
                for name, each in answers.items()
                if name in known and (known[name].proof, each.test) == (proof, test)
            ]
            if names:
                rows.append((proof, test, str(len(names)), ", ".join(names)))
    return markdown(("status of proof", "test", "statements", "which"), rows)


def publish(directories: Sequence[Path], root: Path) -> list[Path]:
    """Add what finished studies say to the stored answers, and fill in the README's table."""
    # pages only read what is stored: they do not wait for what draws figures
    from tunebound.theory.engine.judging import judge_all

    answers = _read((root / DATA).read_text(encoding="utf-8"))
    for directory in directories:
        manifest = read_manifest(directory)
        for verdict in judge_all(directory, load(directory)):
            answers[verdict.theorem.name] = answered(verdict, manifest)
    answers = {name: answers[name] for name in theorems() if name in answers}
    page = (root / PAGE).read_text(encoding="utf-8")
    values = {name: asdict(each) for name, each in answers.items()}
    texts = {
        DATA: json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        PAGE: filled(page, BLOCK, table(answers), command=COMMAND),
    }
    for path, text in texts.items():
        write_text(root / path, text)
    return [root / path for path in texts]


def _read(text: str) -> dict[str, Answer]:
    return {name: Answer(**values) for name, values in json.loads(text).items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what studies say; 2 where a directory holds none."""
    return published(
        publish,
        arguments,
        command=COMMAND,
        description=f"Write {DATA} and the table of {PAGE} from finished studies.",
        study="of `tunebound run`",
        several=True,
    )


if __name__ == "__main__":
    raise SystemExit(main())
