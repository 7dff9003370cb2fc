"""Suites of separable data of 2 to 10 classes: a designed experiment over classes, n, d and
scales.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from tunebound.synthetic.class_dataset import ClassDataset
from tunebound.synthetic.classes import RIVALS, make_classes
from tunebound.synthetic.lazy_suite import Suite, named_suite


@dataclass(frozen=True, kw_only=True)
class ClassSpecification:
    """The arguments of one `make_classes` call.

    Attributes
    ----------
    classes, n, d, margin, radius, rivals, seed
        As in `make_classes`.
    """

    classes: int
    n: int
    d: int
    margin: float
    radius: float
    rivals: str
    seed: int

    @property
    def name(self) -> str:
        """The name that the data set will have."""
        return (
            f"classes{self.classes}-{self.rivals}-n{self.n}-d{self.d}-m{self.margin:.6g}"
            f"-r{self.radius:.6g}-s{self.seed}"
        )

    def make(self) -> ClassDataset:
        """Generate the data set."""
        return make_classes(
            n=self.n,
            d=self.d,
            classes=self.classes,
            margin=self.margin,
            radius=self.radius,
            rivals=self.rivals,
            seed=self.seed,
        )


def _smoke(seed: int) -> Iterator[ClassSpecification]:
    """Small sets of 2 to 5 classes."""
    for rivals in RIVALS:
        for classes, n, d in ((2, 12, 4), (3, 18, 5), (4, 24, 6), (5, 30, 12)):
            yield ClassSpecification(
                classes=classes, n=n, d=d, margin=0.5, radius=4.0, rivals=rivals, seed=seed
            )


def _standard(seed: int) -> Iterator[ClassSpecification]:
    """Sweeps of the number of classes, of d, and at 3 and 6 classes of n, the margin and the
    radius, in each of which nothing else varies.
    """
    for rivals in RIVALS:
        one = partial(ClassSpecification, rivals=rivals, seed=seed)
        for classes in (2, 3, 4, 6, 8, 10):
            yield one(classes=classes, n=96, d=16, margin=0.1, radius=4.0)
        for d in (8, 32, 64):
            yield one(classes=3, n=96, d=d, margin=0.1, radius=4.0)
        for classes in (3, 6):
            for n in (48, 144):
                yield one(classes=classes, n=n, d=16, margin=0.1, radius=4.0)
            for margin in (0.05, 0.2, 0.4):
                yield one(classes=classes, n=96, d=16, margin=margin, radius=4.0)
            for radius in (2.0, 8.0):
                yield one(classes=classes, n=96, d=16, margin=0.1, radius=radius)


_SUITES: Mapping[str, Callable[[int], Iterator[ClassSpecification]]] = {
    "smoke": _smoke,
    "standard": _standard,
}


def class_suite_names() -> tuple[str, ...]:
    """Names of the suites of several classes, smallest first."""
    return tuple(_SUITES)


def make_class_suite(name: str = "standard", seed: int = 0) -> Suite[ClassDataset]:
    """A suite of separable data of several classes.

    Parameters
    ----------
    name : {"smoke", "standard"}
        smoke: eight small sets of 2 to 5 classes. standard: a designed experiment over 2 to 10
        classes × n × d × margin × radius, support samples held against one rival or all (46 sets).
    seed : int
        At least 0.

    Returns
    -------
    Suite
        Member i depends on (name, seed, i) only.

    Raises
    ------
    TypeError, ValueError
        If the name is unknown (the closest one is suggested) or the seed is no integer of at least
        0.
    """
    return named_suite(name, seed, _SUITES)
