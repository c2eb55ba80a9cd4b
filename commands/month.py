"""Which month somebody means: `2026-11`, `november`, `nov 2025`, `last`, or this one. Pure; months of UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

NAMES = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_NUMBERS = re.compile(r"(\d{4})-(\d{1,2})", re.ASCII)
_NAME = re.compile(r"([a-z]{3,})(?: (\d{4}))?", re.ASCII)


@dataclass(frozen=True)
class Month:
    """A calendar month, `number` from 1."""

    year: int
    number: int

    @property
    def title(self) -> str:
        """`November 2026`."""
        return f"{NAMES[self.number - 1]} {self.year}"

    @property
    def begin(self) -> float:
        """Its first moment, in seconds since the epoch."""
        return datetime(self.year, self.number, 1, tzinfo=UTC).timestamp()

    @property
    def end(self) -> float:
        """The first moment after it."""
        return _of(self.year, self.number + 1).begin


def meant(text: str, today: date) -> Month | None:
    """The month that `text` names; a name without its year is the latest such month. None when it is none."""
    text = text.casefold()
    if text in ("", "this", "this month"):
        return Month(today.year, today.month)
    if text in ("last", "last month"):
        return _of(today.year, today.month - 1)
    numbers = _NUMBERS.fullmatch(text)
    if numbers:
        return _checked(int(numbers[1]), int(numbers[2]))
    name = _NAME.fullmatch(text)
    number = next((at for at, each in enumerate(NAMES, 1) if name and each.casefold().startswith(name[1])), None)
    if name is None or number is None:
        return None
    return _checked(int(name[2]) if name[2] else today.year - (number > today.month), number)


def _of(year: int, number: int) -> Month:
    """The month with that number, which may be one before or after the year's own."""
    return Month(year + (number - 1) // 12, (number - 1) % 12 + 1)


def _checked(year: int, number: int) -> Month | None:
    """None for a month that no clock of ours can show."""
    return Month(year, number) if 1970 <= year <= 9000 and 1 <= number <= 12 else None  # noqa: PLR2004 - see above
