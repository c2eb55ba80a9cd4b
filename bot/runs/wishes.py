"""Wishes: somebody wants a machine on, or off. Written by the command as one row, fulfilled by bot/engine/wishes.py."""

from __future__ import annotations

from bot.runs.database import Database
from bot.runs.holds import NOT_HELD
from bot.runs.journal import record
from bot.runs.lines import Lines
from bot.runs.machines import WANTED, MachineRow, know, machine_of
from bot.runs.model import Note
from bot.runs.outbox import say

_HELD_BY_OTHERS = "(coalesce(held_until, 0) > :now AND held_by <> :user)"
_WISH = "wanted_by = :user, wanted_channel = :channel, wanted_at = :now"


class Wishes:
    """At most one a machine: the columns `wanted*` of its row."""

    def __init__(self, database: Database, lines: Lines) -> None:
        self._database = database
        self._lines = lines

    def start(self, name: str, *, user: str, channel: str) -> bool:
        """Want it on; False when somebody else holds it, or wants it on or off already, or when the caller does."""
        return self._wish(
            name,
            user,
            channel,
            f"wanted = 'on', {_WISH}",
            f"(wanted IS NULL OR (wanted = 'off' AND wanted_by = :user)) AND NOT {_HELD_BY_OTHERS}",
        )

    def stop(self, name: str, *, user: str, channel: str) -> bool:
        """Want it off, and win the right to stop it, as `Machines.take_for_stop` does without any idle time.

        False when a run has it, somebody waits for it, somebody else holds it or wants it on, or it is being stopped.
        The caller's own hold ends with it.
        """
        return self._wish(
            name,
            user,
            channel,
            f"wanted = 'off', {_WISH}, stopping = 1, {NOT_HELD}",
            f"stopping = 0 AND (wanted IS NULL OR wanted_by = :user) AND NOT {_HELD_BY_OTHERS} AND NOT {WANTED}",
        )

    def open(self) -> list[MachineRow]:
        """Machines with a wish that is not fulfilled, the newest first: it needs no patience yet."""
        rows = self._database.all("SELECT * FROM machines WHERE wanted IS NOT NULL ORDER BY wanted_at DESC")
        return [machine_of(row) for row in rows]

    def end(self, row: MachineRow, text: str, *, stays: bool = False) -> bool:
        """The wish came true or is given up: forget it and tell its person, in one go. False when it changed meanwhile.

        A machine that somebody wanted on idles from now; one that was to be stopped idles since it idled before.
        `stays`: it could not be switched, so whoever waits may have it.
        """
        now = self._database.now()
        with self._database.write() as connection:
            cursor = connection.execute(
                "UPDATE machines SET wanted = NULL, wanted_by = NULL, wanted_channel = '', wanted_at = NULL, "
                "idle_since = CASE WHEN wanted = 'on' AND NOT :stays THEN max(idle_since, :now) ELSE idle_since END, "
                "stopping = CASE WHEN wanted = 'off' AND :stays THEN 0 ELSE stopping END "
                "WHERE name = :name AND wanted = :wanted AND wanted_at = :at",
                {"now": now, "stays": stays, "name": row.name, "wanted": row.wanted, "at": row.wanted_at},
            )
            if cursor.rowcount == 0:
                return False
            key = f"wish-{row.name}-{row.wanted}-{row.wanted_at:.3f}"
            say(
                connection,
                now,
                Note("whisper", text),
                key=key,
                channel=row.wanted_channel,
                user=row.wanted_by or "",
            )
            record(connection, now, "upkeep", f"wanted-{row.wanted}-answered", location=row.name, data={"text": text})
            return True

    def _wish(self, name: str, user: str, channel: str, change: str, condition: str) -> bool:
        now = self._database.now()
        values = {"name": name, "line": self._lines.of(name), "user": user, "channel": channel, "now": now}
        with self._database.write() as connection:
            know(connection, name)
            row = connection.execute(
                f"UPDATE machines SET {change} WHERE name = :name AND {condition} RETURNING wanted",  # noqa: S608 - literals of this class
                values,
            ).fetchone()
            if row is not None:
                record(connection, now, user, f"want-{row['wanted']}", location=name)
            return row is not None
