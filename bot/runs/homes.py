"""Home tabs: who looks at theirs, and whether it still shows what the ledger says."""

from __future__ import annotations

from dataclasses import dataclass

from bot.runs.database import Database

FORGOTTEN = 30 * 86_400.0
"""Seconds after which the home tab of somebody who does not come back is left as it is."""
SAID_SECONDS = 60.0
"""How long the answer to a press stands in the tab."""


@dataclass(frozen=True)
class Home:
    """One person's tab: when it was drawn last, from what (`stamp`), and the answer to their last press."""

    user: str
    opened_at: float
    shown_at: float
    stamp: str
    said: str
    said_at: float

    def answer(self, now: float) -> str:
        """What the last press came to, while that is news."""
        return self.said if now < self.said_at + SAID_SECONDS else ""


class Homes:
    """The people who opened theirs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def opened(self, user: str) -> None:
        """Somebody looks at their tab: it is about to be drawn anew, and kept fresh from now on."""
        now = self._database.now()
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO homes (user, opened_at, shown_at) VALUES (?, ?, ?) ON CONFLICT (user) "
                "DO UPDATE SET opened_at = excluded.opened_at, stamp = '', shown_at = excluded.shown_at",
                (user, now, now),
            )

    def say(self, user: str, text: str) -> None:
        """What a press in the tab came to, ready for Slack: it stands there for a minute."""
        now = self._database.now()
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO homes (user, opened_at, shown_at, said, said_at) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (user) DO UPDATE SET said = excluded.said, said_at = excluded.said_at, "
                "stamp = '', shown_at = excluded.shown_at",
                (user, now, now, text, now),
            )

    def get(self, user: str) -> Home | None:
        """That person's tab, if they ever opened it."""
        row = self._database.one("SELECT * FROM homes WHERE user = ?", (user,))
        return Home(**row) if row else None

    def kept(self) -> list[Home]:
        """The tabs that are kept fresh, the one that was drawn first in front."""
        since = self._database.now() - FORGOTTEN
        rows = self._database.all("SELECT * FROM homes WHERE opened_at > ? ORDER BY shown_at", (since,))
        return [Home(**row) for row in rows]

    def shown(self, user: str, stamp: str) -> None:
        """It was drawn, or tried to be, from what has this stamp."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE homes SET stamp = ?, shown_at = ? WHERE user = ?", (stamp, self._database.now(), user)
            )

    def stamp(self, user: str) -> str:
        """Changes with whatever a person's tab shows: their runs, the machines, the releases, what they chose."""
        row = self._database.one(
            """
            SELECT (SELECT total(version) || ':' || count(*) FROM runs WHERE user = :user) AS mine,
                (SELECT count(*) FROM runs WHERE phase = 'released') AS released,
                (SELECT group_concat(name || state || stopping || coalesce(held_by, '') || coalesce(held_until, '')
                    || coalesce(wanted, '')) FROM machines) AS machines,
                (SELECT group_concat(location || id) FROM runs WHERE holds = 1) AS holders,
                (SELECT also_channel || direct_message FROM preferences WHERE user = :user) AS chosen,
                (SELECT group_concat(hour) FROM digests WHERE place = :user) AS digest,
                (SELECT name || email FROM people WHERE id = :user) AS person
            """,
            {"user": user},
        )
        return repr(tuple(row.values())) if row else ""
