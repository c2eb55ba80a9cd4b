"""Who wants to hear once a day what happened, and at which hour of theirs; and that they heard it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.runs.database import Database
from bot.runs.model import Note
from bot.runs.outbox import say

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Digest:
    """`place` is a channel, or a person's id for their direct messages. `hour` is 0 to 23, in the time zone `tz`.

    `project` is a channel's; a person's digest is of all projects, for which it is empty.
    """

    place: str
    project: str
    hour: int
    tz: str
    said_day: str

    def due(self, now: float) -> tuple[float, float] | None:
        """The day that it should tell of now, from and until (epoch seconds); None when it was told already.

        The day ends at the chosen hour, whenever that is noticed: no digest has a gap or an overlap with the next.
        """
        today = self.end(now)
        if today.date().isoformat() <= self.said_day:
            return None
        return (today - DAY).timestamp(), today.timestamp()

    def end(self, now: float) -> datetime:
        """The last time that the clock showed the chosen hour there."""
        local = datetime.fromtimestamp(now, tz=zone(self.tz))
        today = local.replace(hour=self.hour, minute=0, second=0, microsecond=0)
        return today if today <= local else today - DAY


def zone(name: str) -> tzinfo:
    """The time zone of that name, as Slack has it; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name) if name else UTC
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return UTC


def zone_name(name: str) -> str:
    """The name of the time zone that counts for somebody who is in that one."""
    return name if zone(name) is not UTC else "UTC"


def zone_said(name: str) -> str:
    """The same as people say it: `UTC` for `Etc/UTC`, and `UTC+3` for `Etc/GMT-3`, whose sign is turned around."""
    known = zone_name(name)
    if not known.startswith("Etc/"):
        return known
    hours = known.removeprefix("Etc/").removeprefix("GMT").translate(str.maketrans("+-", "-+"))
    return f"UTC{hours}" if hours[:1] in ("+", "-") and hours[1:] != "0" else "UTC"


class Digests:
    """At most one a place and project."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, place: str, project: str) -> Digest | None:
        """What that place gets."""
        row = self._database.one("SELECT * FROM digests WHERE place = ? AND project = ?", (place, project))
        return Digest(**row) if row else None

    def choose(self, place: str, project: str, hour: int | None, tz: str = "") -> None:
        """From the next time on that the clock shows this hour there; None for no digest at all."""
        now = self._database.now()
        with self._database.write() as connection:
            connection.execute("DELETE FROM digests WHERE place = ? AND project = ?", (place, project))
            if hour is not None:
                new = Digest(place, project, hour, zone_name(tz), "")
                said = new.end(now).date().isoformat()  # what is over today is not told
                connection.execute(
                    "INSERT INTO digests (place, project, hour, tz, said_day) VALUES (?, ?, ?, ?, ?)",
                    (place, project, hour, new.tz, said),
                )

    def due(self) -> list[tuple[Digest, float, float]]:
        """Digests to be told now, with the day that each is about."""
        now = self._database.now()
        every = [Digest(**row) for row in self._database.all("SELECT * FROM digests ORDER BY place, project")]
        return [(digest, *day) for digest in every if (day := digest.due(now)) is not None]

    def say(self, digest: Digest, until: float, text: str, blocks: Sequence[Mapping[str, Any]]) -> bool:
        """Tell it, or with no text only that there was nothing; once a day, and False when it was told before."""
        day = datetime.fromtimestamp(until, tz=zone(digest.tz)).date().isoformat()
        with self._database.write() as connection:
            cursor = connection.execute(
                "UPDATE digests SET said_day = ? WHERE place = ? AND project = ? AND said_day < ?",
                (day, digest.place, digest.project, day),
            )
            if cursor.rowcount == 0:
                return False
            if text:
                key = f"digest-{digest.place}-{digest.project}-{day}"
                note = Note("notice", text, {"blocks": list(blocks)})
                say(connection, self._database.now(), note, key=key, channel=digest.place, user="")
            return True
