"""`python -m benchmarks`: all parts, printed and stored."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from benchmarks import (
    classes,
    flow,
    gpu,
    gram,
    growth,
    heads,
    machine,
    memory,
    minibatch,
    separators,
)
from benchmarks.clock import DisagreementError
from benchmarks.tables import Table, document

PARTS = {
    part.__name__.rpartition(".")[2]: part
    for part in (heads, classes, minibatch, gram, growth, memory, flow, separators, gpu)
}
RESULTS = Path(__file__).parent / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts that are asked for; 1 where two ways disagree."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Ratios to other ways, measured in one run."
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="small sizes, in under a minute: for tests, not for figures",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=list(PARTS),
        default=list(PARTS),
        metavar="PART",
        help=f"of {', '.join(PARTS)}",
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the stored results")
    chosen = parser.parse_args(arguments)
    described = machine.description()
    for key, value in described.items():
        print(f"{key}: {value}")
    begin = perf_counter()

    def progress(line: str) -> None:
        print(f"[{perf_counter() - begin:4.0f} s] {line}", file=sys.stderr, flush=True)

    tables: list[Table] = []
    for name in chosen.only:
        try:
            for table in PARTS[name].tables(chosen.quick, progress):
                tables.append(table)
                print(f"\n{table.text()}", flush=True)
        except DisagreementError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
    seconds = perf_counter() - begin
    chosen.output.mkdir(parents=True, exist_ok=True)
    title = (
        "quick"
        if chosen.quick
        else f"{'gpu' if described['GPU'] != 'none' else 'cpu'}-{described['cores']}-cores"
    )
    title += "" if chosen.only == list(PARTS) else "-" + "-".join(chosen.only)
    stored = {
        "machine": described,
        "seconds": seconds,
        "tables": [table.stored() for table in tables],
    }
    (chosen.output / f"{title}.json").write_text(json.dumps(stored, indent=1) + "\n")
    (chosen.output / f"{title}.md").write_text(document(described, tables, seconds))
    progress(f"stored as {title}.json and {title}.md")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
