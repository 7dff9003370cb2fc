"""Two small tasks on sentences that this project has written, for a first run without any file."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np

from tunebound.theory.texts.formats import Text
from tunebound.theory.texts.reading import Examples, TextTask

PRAISE, PLACED = "own-praise", "own-places"
OWN_TASKS = (PRAISE, PLACED)

THINGS = (
    "soup",
    "concert",
    "novel",
    "hotel",
    "bicycle",
    "garden",
    "lecture",
    "camera",
    "train",
    "lamp",
    "play",
    "tea",
)
GOOD = ("is a pleasure", "works better than promised", "deserves every praise", "made us happy")
BAD = ("is a nuisance", "fails whenever it rains", "deserves no praise", "made us regret it")
PEOPLE = ("Ada", "Boris", "Chen", "Dora", "Emil", "Farah", "Goran", "Hanna", "Igor", "Jana")
PLACES = ("the harbour", "a mill", "the old school", "the market hall")


@cache
def own_task(name: str) -> TextTask:
    """One of the two tasks.

    "own-praise": is a sentence friendly? "own-places": does the second sentence of a pair follow
    from the first? Every third text is for validation.
    """
    texts: list[Text] = []
    labels: list[int] = []
    if name == PRAISE:
        for thing, (number, said) in product(THINGS, enumerate(GOOD + BAD)):
            texts.append(f"The {thing} {said}.")
            labels.append(1 if number < len(GOOD) else -1)
    elif name == PLACED:
        for person, place in product(PEOPLE, PLACES):
            other = PLACES[PLACES.index(place) - 1]
            for claimed, label in ((place, 1), (other, -1)):
                texts.append((f"{person} walked from the bridge to {place}.", _at(person, claimed)))
                labels.append(label)
    else:
        raise ValueError(f"no task {name!r} without a folder; there are {', '.join(OWN_TASKS)}")
    order = np.random.default_rng(0).permutation(len(texts))
    held = order[::3], np.delete(order, np.s_[::3])
    validation, train = (
        Examples(
            tuple(texts[number] for number in numbers.tolist()),
            np.array(labels, np.int64)[numbers],
            numbers.astype(np.int64),
        )
        for numbers in held
    )
    return TextTask(name=name, train=train, validation=validation)


def _at(person: str, place: str) -> str:
    return f"{person} is at {place} now."
