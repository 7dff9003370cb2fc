"""How the rows of each known task become texts and binary labels: one row of a table a task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Text = str | tuple[str, str]
Row = Mapping[str, Any]

FIRST = ("text", "text_a", "sentence", "sentence1", "premise", "question")
SECOND = ("text_b", "sentence2", "hypothesis")


@dataclass(frozen=True, kw_only=True)
class TaskFormat:
    """What a task's rows hold, and which labels are −1 and +1.

    Attributes
    ----------
    name : str
        Of the files, ``NAME-train.jsonl`` for example.
    negative, positive : tuple of str
        Labels as text, in small letters; rows with any other are left out. Both are empty where the
        two labels that occur are taken in alphabetical order.
    low, high : float
        For scores in place of labels: −1 up to `low`, +1 from `high` on.
    rarest : str
        Name of the label that is known to be the rarest and is left out; where another one is the
        rarest, the names were exchanged, and the rarest is left out under its name there.
    pairs_of : {"columns", "choices", "spans"}
        Where a row's texts are: in one or two columns; two choices, each of which makes a pair; or
        a text and two spans of it.
    hub : tuple of str
        Repository and configuration on the Hugging Face hub.
    note : str
        What was decided about the task.
    """

    name: str
    negative: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    rarest: str = ""
    pairs_of: str = "columns"
    hub: tuple[str, str] | None = None
    note: str = ""

    def examples(self, row: Row) -> Iterator[tuple[Text, str | float]]:
        """The texts of one row, each with its label; KeyError names what the row lacks."""
        label = row[_one_of(("label",), row)]
        if self.pairs_of == "choices":
            asked = "cause" if str(row["question"]) == "cause" else "result"
            premise = f"{row['premise']} What was the {asked}?"
            for number in (0, 1):
                right = "1" if int(label) == number else "0"
                yield (premise, str(row[f"choice{number + 1}"])), right
            return
        if self.pairs_of == "spans":
            target = row.get("target") or row
            yield (
                (str(row["text"]), f"{target['span2_text']} is {target['span1_text']}"),
                written(label),
            )
            return
        first = _one_of(FIRST, row)
        second = next((name for name in SECOND if row.get(name) is not None), None)
        if second is None and first == "question":
            second = "sentence"
        text = str(row[first]) if second is None else (str(row[first]), str(row[second]))
        yield text, float(label) if self.low is not None else written(label)


def written(label: Any) -> str:
    """A label as text: 1, 1.0, "1" and True are told by their value, words in small letters."""
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    return str(label).strip().lower()


def _one_of(names: tuple[str, ...], row: Row) -> str:
    for name in names:
        if row.get(name) is not None:
            return name
    raise KeyError(f"none of the columns {', '.join(names)}")


ENTAILMENT: dict[str, Any] = {
    "negative": ("not_entailment", "not entailment"),
    "positive": ("entailment",),
}
ANSWERS: dict[str, Any] = {"negative": ("0", "false"), "positive": ("1", "true")}

FORMATS = {
    each.name: each
    for each in (
        TaskFormat(
            name="cola",
            negative=("0", "unacceptable"),
            positive=("1", "acceptable"),
            hub=("nyu-mll/glue", "cola"),
        ),
        TaskFormat(
            name="sst",
            negative=("0", "negative"),
            positive=("1", "positive"),
            hub=("nyu-mll/glue", "sst2"),
        ),
        TaskFormat(name="rte", **ENTAILMENT, hub=("nyu-mll/glue", "rte")),
        TaskFormat(
            name="mrpc",
            negative=("0", "not_equivalent"),
            positive=("1", "equivalent"),
            hub=("nyu-mll/glue", "mrpc"),
        ),
        TaskFormat(
            name="cb",
            rarest="neutral",
            hub=("super_glue", "cb"),
            note="the two frequent labels; the rarest, neutral, is left out",
        ),
        TaskFormat(
            name="wsc",
            **ANSWERS,
            pairs_of="spans",
            hub=("super_glue", "wsc.fixed"),
            note="the text, and what its pronoun is said to be",
        ),
        TaskFormat(
            name="wnli",
            negative=("0", "not_entailment"),
            positive=("1", "entailment"),
            hub=("nyu-mll/glue", "wnli"),
        ),
        TaskFormat(
            name="copa",
            **ANSWERS,
            pairs_of="choices",
            hub=("super_glue", "copa"),
            note="two pairs a row, the right choice and the wrong one",
        ),
        TaskFormat(name="qnli", **ENTAILMENT, hub=("nyu-mll/glue", "qnli")),
        TaskFormat(
            name="stsb",
            low=2.0,
            high=3.5,
            hub=("nyu-mll/glue", "stsb"),
            note="scores up to 2 against scores from 3.5 on",
        ),
        TaskFormat(
            name="mnli_mismatched",
            negative=("contradiction",),
            positive=("entailment",),
            hub=("nyu-mll/glue", "mnli"),
            note="contradiction against entailment; neutral is left out",
        ),
    )
}


def format_of(name: str) -> TaskFormat:
    """The format of a known task; for any other, two labels and the usual columns."""
    return FORMATS.get(name) or TaskFormat(name=name)
