"""`python -m tunebound.theory.engine`: search every theorem and store how tight its bound gets."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from tqdm import tqdm

from tunebound._ground.storage import write_text
from tunebound.theory.engine.falsification import NoMemberError, falsify
from tunebound.theory.engine.generated import filled
from tunebound.theory.engine.reached import STORED, Reached, Results, read, searched, table, written
from tunebound.theory.engine.statement import Theorem, find_theorem

COMMAND = "python -m tunebound.theory.engine"
DATA, PAGE, BLOCK = Path("theory/engine") / STORED, Path("docs/falsification.md"), "reached"
BUDGET = 1000
# semidefinite programs
DEAR = {"F-worst": 200, "F-exact": 200}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write theory/engine/reached.json and the table made of it; 2 where that cannot be done."""
    parser = argparse.ArgumentParser(
        prog=COMMAND,
        description=f"Search every theorem and write {DATA} and the table of {PAGE}.",
    )
    parser.add_argument("theorems", nargs="*", help="these only; the others stay as stored")
    parser.add_argument("--budget", type=int, default=BUDGET, help="trials of each search")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--root", type=Path, default=Path(), help="of the repository")
    chosen = parser.parse_args(arguments)
    try:
        publish(chosen.theorems, chosen.budget, chosen.seed, chosen.root)
        print(chosen.root / DATA, chosen.root / PAGE, sep="\n")
    except (ValueError, OSError, ImportError) as error:
        print(f"{COMMAND}: {error}", file=sys.stderr)
        return 2
    return 0


def publish(names: Sequence[str], budget: int, seed: int, root: Path) -> None:
    """Search the named theorems, all by default, and write data and table below the root of the
    repository after each, so that an interruption loses one search.
    """
    known = [find_theorem(name) for name in names] or searched()
    results = read((root / DATA).read_text(encoding="utf-8"))
    for theorem in tqdm(known, desc="searching", unit="theorem", disable=None):
        results[theorem.name] = search(theorem, min(budget, DEAR.get(theorem.name, budget)), seed)
        _write({each.name: results[each.name] for each in searched() if each.name in results}, root)


def _write(results: Results, root: Path) -> None:
    page = (root / PAGE).read_text(encoding="utf-8")
    texts = {
        DATA: written(results),
        PAGE: filled(page, BLOCK, table(results), command=COMMAND),
    }
    for path, text in texts.items():
        write_text(root / path, text)


def search(theorem: Theorem, budget: int, seed: int) -> Reached | None:
    """What one search reaches; None where no small data meet the theorem's assumptions."""
    options = {name: each.under[name] for each in theorem.assumptions for name in each.under}
    try:
        found = falsify(theorem, budget=budget, seed=seed, **options)
    except NoMemberError:
        return None
    return Reached(
        statement=theorem.statement,
        ratio=found.ratio,
        refuted=bool(found),
        shape=", ".join([found.shape, *(f"{name} {value}" for name, value in options.items())]),
        budget=budget,
        seed=seed,
        version=version("tunebound"),
    )


if __name__ == "__main__":
    raise SystemExit(main())
