"""Shards of a study on disk: tables of some members, and checksums that say whose they are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pandas as pd
from pyarrow import parquet

from tunebound._ground.storage import copy_file, replacing, write_text
from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import TABLES, Results

CHECKSUMS = "checksums"
FOLDERS = (*TABLES, CHECKSUMS)


@dataclass(frozen=True)
class Shards:
    """The shards of one study in its directory.

    A shard is one Parquet file a table and, written last, their SHA-256 in the form that `sha256sum
    --check` reads, below a line that names the study, the shard and their number.

    Attributes
    ----------
    directory : Path
    study : str
        What tells this study from others, in hexadecimal digits.
    count : int
        Number of shards.
    """

    directory: Path
    study: str
    count: int

    def store(self, number: int, results: Results) -> None:
        """Write one shard; it counts from the moment when its checksums are there."""
        for folder in FOLDERS:
            (self.directory / folder).mkdir(exist_ok=True)
        for table in TABLES:
            # an open file: Arrow takes no paths that the locale cannot spell
            with replacing(self._table(table, number)) as partial, partial.open("wb") as stream:
                getattr(results, table).to_parquet(stream, index=False)
        write_text(self._checksums(number), self._expected(number))

    def read(
        self,
        number: int,
        theorems: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> Results:
        """The tables of one shard, which is neither missing nor damaged; of what is about theorems
        the rows of those, and of its columns the number of the member and those.
        """
        return Results(*(_read(self._table(table, number), theorems, columns) for table in TABLES))

    def holding(self, numbers: Sequence[int], members: range, *, remedy: str) -> list[int]:
        """Those of some finished shards that hold one of the members; ValueError where one of the
        members is in none.
        """
        wanted = set(members)
        held = {
            number: wanted.intersection(
                parquet.read_table(
                    BytesIO(self._table("environments", number).read_bytes()),
                    columns=[tables.MEMBER],
                )[tables.MEMBER].to_pylist()
            )
            for number in numbers
        }
        absent = sorted(wanted.difference(*held.values()))
        if absent:
            raise ValueError(
                f"{self.directory}: {len(absent)} of the members {members.start}:{members.stop} are"
                f" missing, the first of them {absent[0]}; {remedy}"
            )
        return [number for number, there in held.items() if there]

    def columns(self, numbers: Sequence[int]) -> set[str]:
        """The columns of all tables of some shards; a table without rows may lack them."""
        return {
            name
            for table in TABLES
            for number in numbers
            for name in parquet.read_schema(self._table(table, number)).names
        }

    def adopt(self, number: int, source: Shards) -> None:
        """Copy one finished shard of the same study from another directory."""
        for folder in FOLDERS:
            (self.directory / folder).mkdir(exist_ok=True)
        paths = [(source._table(table, number), self._table(table, number)) for table in TABLES]
        for path, target in (*paths, (source._checksums(number), self._checksums(number))):
            copy_file(path, target)

    def missing(self) -> list[int]:
        """Numbers of the shards that were not finished."""
        return [number for number in range(self.count) if not self._checksums(number).exists()]

    def differing(self, number: int, other: Shards) -> list[str]:
        """Tables of a shard, finished and undamaged in both directories, that are not the same."""
        mine, theirs = (
            each._checksums(number).read_text(encoding="ascii").splitlines()
            for each in (self, other)
        )
        return [line.split()[1] for line in mine if line not in theirs]

    def damaged(self) -> dict[int, str]:
        """Numbers of the finished shards that are not what was written, and what of them is not."""
        found = {}
        for number in sorted(set(range(self.count)) - set(self.missing())):
            wrong = self._wrong(number)
            if wrong:
                found[number] = ", ".join(wrong)
        return found

    def _wrong(self, number: int) -> list[str]:
        """Files of a finished shard that are absent, damaged, or of another shard or study."""
        path = self._checksums(number)
        absent = [table for table in TABLES if not self._table(table, number).is_file()]
        if absent:
            return [self._named(self._table(table, number)) for table in absent]
        expected = self._expected(number).splitlines()
        stored = path.read_text(encoding="ascii", errors="replace").split("\n")
        if len(stored) != len(expected) + 1 or stored[0] != expected[0] or stored[-1]:
            return [self._named(path)]
        return [
            self._named(self._table(table, number))
            for table, line, right in zip(TABLES, stored[1:], expected[1:], strict=False)
            if line != right
        ]

    def _expected(self, number: int) -> str:
        """The checksums of a shard as its tables are now."""
        lines = [f"# study {self.study}, shard {number} of {self.count}"]
        for table in TABLES:
            path = self._table(table, number)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f"{digest}  {self._named(path)}")
        return "\n".join(lines) + "\n"

    def _table(self, table: str, number: int) -> Path:
        return self.directory / table / f"{number:05d}.parquet"

    def _checksums(self, number: int) -> Path:
        return self.directory / CHECKSUMS / f"{number:05d}.sha256"

    def _named(self, path: Path) -> str:
        return path.relative_to(self.directory).as_posix()


def _read(
    path: Path, theorems: Sequence[str] | None, columns: Sequence[str] | None
) -> pd.DataFrame:
    # its bytes, since Arrow takes no paths that the locale cannot spell
    file = parquet.ParquetFile(BytesIO(path.read_bytes()))
    known = file.schema_arrow.names
    wanted = [name for name in known if columns is None or name in (tables.MEMBER, *columns)]
    chosen = theorems is not None and tables.THEOREM in known
    read = dict.fromkeys((*wanted, tables.THEOREM)) if chosen else wanted
    found = file.read(list(read)).to_pandas()
    return found.loc[found[tables.THEOREM].isin(theorems), wanted] if chosen else found


def some(names: Sequence[str]) -> str:
    """The first three names and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
