"""Numbers as text, rounded so that what is said stays true: bounds up, promised shares down."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import Literal

Direction = Literal["up", "down", "near"]
MODES = {"up": ROUND_CEILING, "down": ROUND_FLOOR, "near": ROUND_HALF_EVEN}


def number(value: float, direction: Direction, digits: int = 3) -> str:
    """A finite number to some significant digits.

    ``"up"`` gives text whose value is at least the number, ``"down"`` at most.
    """
    return _text(_context(direction, digits).plus(Decimal(value)))


def ratio(numerator: float, denominator: float, direction: Direction, digits: int = 3) -> str:
    """A quotient of finite numbers, divided exactly and rounded once."""
    context = _context(direction, digits)
    return _text(context.divide(Decimal(numerator), Decimal(denominator)))


def percent(count: int, total: int, direction: Direction, digits: int = 2) -> str:
    """A share of a count, as in ``3.2 %``."""
    context = _context(direction, digits)
    return f"{_text(context.divide(Decimal(100 * int(count)), Decimal(int(total))))} %"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A count and its noun, as in ``1 sample`` and ``1,000 samples``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _context(direction: Direction, digits: int) -> Context:
    return Context(prec=digits, rounding=MODES[direction])


def _text(value: Decimal) -> str:
    value = value.normalize()
    if value and not -4 <= value.adjusted() <= 5:
        return f"{value:e}"
    return f"{value:,f}"
