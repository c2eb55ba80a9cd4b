"""How many runs one person may have: at once, and in any 24 hours. Of all projects together, whoever asked for them.

Counted are starts of machines, by when they were, and what may still start one: a run that waits counts from the moment
that it was accepted, however long it waits. So no 24 hours have more starts than are allowed, and what never turned a
machine on (refused, cancelled in line, no capacity, only a release to make) takes nothing from anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.errors import UserError

DAY = 86_400.0
OF_PERSON = """
    SELECT id, phase, ended_at, json_extract(times, '$.starting') AS started FROM runs
    WHERE user = :user AND id <> :besides AND (
        (ended_at IS NULL AND phase NOT IN ('releasing', 'held-back'))
        OR (json_extract(times, '$.starting') > :since
            AND (json_extract(times, '$.preparing') IS NOT NULL OR json_extract(progress, '$.power_asked'))))
    ORDER BY id
"""
"""Runs that have or want a machine, and those that are past that, but had one turned on or in use since `:since`."""


class LimitReached(UserError):  # noqa: N818 - the rules hold, nothing went wrong
    """The sentence says which limit, and when or by whom the next run may start."""


@dataclass(frozen=True)
class Used:
    """What somebody has of their allowance now.

    `open` are the numbers of their runs that have or wait for a machine, `starts` when machines were turned on for
    them within a day (seconds since the epoch, ascending), and `to_come` counts runs that may still start one.
    """

    open: tuple[int, ...] = ()
    starts: tuple[float, ...] = ()
    to_come: int = 0

    @property
    def in_a_day(self) -> int:
        """How many runs count against the day."""
        return len(self.starts) + self.to_come


@dataclass(frozen=True)
class Allowance:
    """The limits, None for none, and who may raise them, as a part of a sentence."""

    runs_per_day: int | None = None
    runs_at_once: int | None = None
    raised_by: str = "whoever runs Stationmaster here"

    def refusal(self, used: Used, now: float) -> str | None:
        """Why one more run may not start now; None when it may."""
        if self.runs_at_once is not None and len(used.open) >= self.runs_at_once:
            return self._too_many_at_once(used)
        if self.runs_per_day is not None and used.in_a_day >= self.runs_per_day:
            return self._too_many_in_a_day(used, now, self.runs_per_day)
        return None

    def _too_many_at_once(self, used: Used) -> str:
        numbers = ", ".join(str(number) for number in used.open)
        which = f"run {numbers} is" if len(used.open) == 1 else f"runs {numbers} are"
        return (
            f"{which} open, of {self.runs_at_once} that one person may have at once, waiting ones included. The next "
            f"one may start when one of them has ended. {self._ask('RUNS_AT_ONCE')}"
        )

    def _too_many_in_a_day(self, used: Used, now: float, most: int) -> str:
        over = used.in_a_day - most  # more than are allowed, after somebody lowered the limit
        if over < len(used.starts):
            when = f"in {_hours(used.starts[over] + DAY - now)}"
        else:
            when = "a day after one of those that wait began, or when one of them is cancelled"
        return (
            f"{used.in_a_day} of the {most} runs that one person may start in 24 hours are taken, waiting ones "
            f"included. The next one may start {when}. {self._ask('RUNS_PER_DAY')}"
        )

    def _ask(self, setting: str) -> str:
        return f"Ask {self.raised_by} to raise that (`{setting}`)."


def used_of(rows: Iterable[Mapping[str, Any]], now: float) -> Used:
    """What the rows of `OF_PERSON` come to."""
    open_, starts, to_come = [], [], 0
    for row in rows:
        if row["ended_at"] is None and row["phase"] not in ("releasing", "held-back"):
            open_.append(row["id"])
        if row["phase"] in ("queued", "starting"):
            to_come += 1
        elif row["started"] is not None and row["started"] > now - DAY:
            starts.append(row["started"])
    return Used(tuple(open_), tuple(sorted(starts)), to_come)


def _hours(seconds: float) -> str:
    """Hours and minutes, never less than it is: `3 h 5 min`, `12 min`."""
    minutes = max(1, int(-(-seconds // 60)))
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"
