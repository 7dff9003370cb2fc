"""What became of each mutant, read from the folder that mutmut leaves."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import ndiff
from pathlib import Path

# exit codes of pytest, and of mutmut where no test calls the function; any other is a signal that
# ended a test that ran for too long
STATUS = {None: "not run", 0: "survived", 1: "killed", 3: "killed", 5: "survived", 33: "survived"}


@dataclass(frozen=True, order=True)
class Change:
    """What tells one mutant from the code, however lines are numbered.

    Attributes
    ----------
    module, function : str
        Where it is.
    before, after : str
        The lines that differ, without their indentation.
    """

    module: str
    function: str
    before: str
    after: str

    def __str__(self) -> str:
        lines = [f"{self.module}: {self.function}"]
        lines += [f"    - {line}" for line in self.before.splitlines()]
        lines += [f"    + {line}" for line in self.after.splitlines()]
        return "\n".join(lines)


@dataclass(frozen=True)
class Mutant:
    """One change and what became of it: killed, timeout, survived or not run."""

    change: Change
    status: str


def read_mutants(folder: Path, module: str) -> list[Mutant]:
    """All mutants of a module.

    Parameters
    ----------
    folder : Path
        Where mutmut ran.
    module : str
        Path of the module from the root of the repository.

    Raises
    ------
    FileNotFoundError
        If mutmut did not reach the module.
    """
    path = folder / "mutants" / "tunebound" / module
    codes = json.loads(Path(f"{path}.meta").read_text(encoding="utf-8"))["exit_code_by_key"]
    functions = dict(_functions(path.read_text(encoding="utf-8")))
    mutants = []
    for key, code in codes.items():
        name = key.rpartition(".")[2]
        stem = name.partition("__mutmut_")[0]
        before, after = _differing(functions[f"{stem}__mutmut_orig"], functions[name])
        # mutmut writes x_f for f and xǁCǁf for the method f of C
        function = stem.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
        mutants.append(Mutant(Change(module, function, before, after), STATUS.get(code, "timeout")))
    return mutants


def _functions(text: str) -> Iterator[tuple[str, list[str]]]:
    """Name and lines of every function and method, without the name."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            body = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            yield node.name, re.sub(rf"\b{node.name}\b", "", body).splitlines()


def _differing(before: list[str], after: list[str]) -> tuple[str, str]:
    differences = list(ndiff(before, after))

    def marked(sign: str) -> str:
        return "\n".join(line[2:].strip() for line in differences if line.startswith(f"{sign} "))

    return marked("-"), marked("+")
