"""Tasks from a folder of files, or from the Hugging Face hub."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tunebound._ground.arrays import Integers
from tunebound._ground.hub import from_disk_or_hub
from tunebound.theory.certification.formats import read_columns
from tunebound.theory.texts.formats import Row, TaskFormat, Text, format_of

logger = logging.getLogger(__name__)

ENDINGS = (".jsonl", ".parquet", ".csv", ".tsv")
HELD_OUT = 0.25  # of the rows of a task that has one file
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, eq=False)
class Examples:
    """Texts, or pairs of texts, with labels −1 and +1, and the rows that they come from."""

    texts: tuple[Text, ...]
    labels: Integers
    rows: Integers

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, kw_only=True, eq=False)
class TextTask:
    """A binary task on texts.

    Attributes
    ----------
    name : str
    train, validation : Examples
        What heads are trained on, and what they predict.
    notes : tuple of str
        What a reader has to know about the rows.
    """

    name: str
    train: Examples
    validation: Examples
    notes: tuple[str, ...] = ()

    @property
    def pairs(self) -> bool:
        return not isinstance(self.train.texts[0], str)

    @property
    def digest(self) -> str:
        """SHA-256 of all texts and labels."""
        total = hashlib.sha256()
        for part in (self.train, self.validation):
            total.update(repr((part.texts, part.labels.tolist())).encode())
        return total.hexdigest()


def task_names(folder: Path) -> list[str]:
    """Names of the tasks that have a file ``NAME-train`` or ``NAME-val`` in the folder.

    Raises
    ------
    NotADirectoryError, ValueError
        If there is no such folder, or no task in it.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"tasks: {folder} is no folder; name one with NAME-train.jsonl")
    names = {
        path.stem.rpartition("-")[0]
        for path in folder.iterdir()
        if path.suffix in ENDINGS and path.stem.rpartition("-")[2] in SPLITS[:2]
    }
    if not names:
        raise ValueError(
            f"tasks: {folder} holds no task; write NAME-train or NAME-val, ending in one of"
            f" {', '.join(ENDINGS)}"
        )
    return sorted(names)


@lru_cache(maxsize=32)
def read_task(folder: Path, name: str) -> TextTask:
    """Read one task from ``NAME-train``, ``NAME-val`` and ``NAME-test`` with labels.

    Heads are trained on the training rows, or on the val rows where there are none; what they
    predict are the test rows, or the val rows, or a quarter of the rows of a task with one file.

    Parameters
    ----------
    folder : Path
    name : str
        Of a known task (`FORMATS`), or of any other with two labels in the column ``label`` and
        texts in ``text`` or ``sentence``, or pairs in ``text_a`` and ``text_b``, ``sentence1`` and
        ``sentence2``, or ``premise`` and ``hypothesis``.

    Raises
    ------
    FileNotFoundError
        If the task has no file.
    ValueError
        If a file cannot be read, a row lacks a column, or there are not two labels.
    """
    found = {}
    for split in SPLITS:
        paths = [folder / f"{name}-{split}{ending}" for ending in ENDINGS]
        path = next((each for each in paths if each.is_file()), None)
        if path is not None:
            found[split] = rows_of(read_columns(path))
    if not {"train", "val"} & set(found):
        known = ", ".join(task_names(folder))
        raise FileNotFoundError(f"{folder} holds no task {name!r}; it has {known}")
    return assembled(format_of(name), found)


@lru_cache(maxsize=32)
def read_hub_task(name: str) -> TextTask:
    """Read one of the known tasks from this disk, where the package datasets keeps what it once
    loaded, or else from the Hugging Face hub.

    Parameters
    ----------
    name : str
        Of a task of `FORMATS`.

    Raises
    ------
    ImportError
        If datasets is not installed.
    ConnectionError
        If the task is not in the cache on this disk and the hub does not answer.
    ValueError
        If the task is not known.
    """
    form = format_of(name)
    if form.hub is None:
        raise ValueError(f"no task {name!r} is known on the hub; read it from a folder")
    try:
        import datasets
    except ImportError:
        raise ImportError(
            "tasks from the hub take the package datasets: pip install 'tunebound[encoders]', or"
            " read them from a folder"
        ) from None
    repository, configuration = form.hub

    def load(local: bool) -> Any:
        with _without_network(datasets.config) if local else nullcontext():
            return datasets.load_dataset(repository, configuration)

    try:
        stored = from_disk_or_hub(load, repository, "README.md", kind="dataset")
    except (OSError, ConnectionError, datasets.exceptions.DatasetsError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ConnectionError(
            f"the hub gives no task {name!r} here ({reason}): with a network it is loaded once and"
            " kept; without one, pass a folder of files"
        ) from error
    found: dict[str, list[Row]] = {}
    tail = "_mismatched" if name.endswith("_mismatched") else ""
    for split, called in (("train", "train"), ("test", f"validation{tail}")):
        part = stored[called]
        named = getattr(part.features.get("label"), "int2str", None)
        found[split] = [
            {**row, "label": named(row["label"])} if named else dict(row) for row in part
        ]
    return assembled(form, found)


@contextmanager
def _without_network(config: Any) -> Iterator[None]:
    """The package datasets as with HF_HUB_OFFLINE=1, which it reads only when it is imported."""
    before, config.HF_HUB_OFFLINE = config.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        config.HF_HUB_OFFLINE = before


def rows_of(columns: dict[str, Sequence[object]]) -> list[Row]:
    """The rows of a table of columns."""
    names = list(columns)
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def assembled(form: TaskFormat, splits: dict[str, list[Row]]) -> TextTask:
    """A task of the rows of its splits, in the form that they have."""
    read = {split: _examples(form, split, rows) for split, rows in splits.items()}
    counts = Counter(label for part in read.values() for _, label, _ in part)
    negative, positive, notes = _sides(form, counts)
    parts = {split: _binary(part, form, negative, positive) for split, part in read.items()}
    training = "train" if "train" in parts else "val"
    predicted = next((each for each in ("test", "val") if each in parts and each != training), None)
    train = parts[training]
    if predicted is None:
        order = np.random.default_rng(0).permutation(len(train))
        count = int(HELD_OUT * len(train))
        validation, train = _some(train, order[:count]), _some(train, order[count:])
    else:
        validation = parts[predicted]
    for called, part in (("training", train), ("validation", validation)):
        if len(set(part.labels.tolist())) < 2:
            raise ValueError(f"task {form.name}: its {called} rows have one label; two are needed")
    for note in notes:
        logger.warning("task %s: %s", form.name, note)
    return TextTask(name=form.name, train=train, validation=validation, notes=tuple(notes))


Read = list[tuple[Text, str | float, int]]


def _examples(form: TaskFormat, split: str, rows: list[Row]) -> Read:
    read: Read = []
    for number, row in enumerate(rows):
        try:
            read += [(text, label, number) for text, label in form.examples(row)]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"task {form.name}, {split}, row {number}: {error}; the row has the columns"
                f" {', '.join(row)}"
            ) from None
    return read


def _sides(
    form: TaskFormat, counts: Counter[str | float]
) -> tuple[set[str | float], set[str | float], list[str]]:
    """Labels that are −1 and +1, and what is to be said about them."""
    if form.low is not None and form.high is not None:
        low, high = form.low, form.high
        return (
            {score for score in counts if float(score) <= low},
            {score for score in counts if float(score) >= high},
            [],
        )
    if form.positive:
        return set(form.negative), set(form.positive), []
    notes = []
    kept = sorted(counts, key=str)
    if form.rarest:
        rarest = min(kept, key=lambda label: counts[label])
        if rarest != form.rarest:
            told = ", ".join(f"{label} {count}" for label, count in counts.most_common())
            notes.append(
                f"its label names are exchanged: {form.rarest} is known to be the rarest and"
                f" {rarest} is here ({told}); {rarest} is left out in its place"
            )
        kept.remove(rarest)
    if len(kept) != 2:
        raise ValueError(
            f"task {form.name}: its rows have the labels {', '.join(map(str, kept[:9]))}, two are"
            " needed; leave rows out"
        )
    return {kept[0]}, {kept[1]}, notes


def _binary(
    read: Read, form: TaskFormat, negative: Iterable[object], positive: Iterable[object]
) -> Examples:
    sides = {**dict.fromkeys(negative, -1), **dict.fromkeys(positive, 1)}
    kept = [(text, sides[label], row) for text, label, row in read if label in sides]
    if not kept:
        found = ", ".join(sorted({str(label) for _, label, _ in read})[:9])
        raise ValueError(f"task {form.name}: no row has a known label; there are {found}")
    texts, labels, rows = zip(*kept, strict=True)
    return Examples(tuple(texts), np.array(labels, np.int64), np.array(rows, np.int64))


def _some(examples: Examples, numbers: Integers) -> Examples:
    chosen = numbers.tolist()
    return Examples(
        tuple(examples.texts[number] for number in chosen),
        examples.labels[numbers],
        examples.rows[numbers],
    )
