"""Holds: a person keeps a machine for a while. Only their own runs start on it then, and it is not stopped."""

from __future__ import annotations

from sqlite3 import Connection

from bot.runs.database import Database
from bot.runs.journal import record
from bot.runs.lines import Lines
from bot.runs.machines import MachineRow, know, machine_of
from bot.runs.model import Note
from bot.runs.outbox import say
from bot.runs.reservation import wake_for

NOT_HELD = "held_by = NULL, held_until = NULL, held_reason = '', held_channel = ''"


class Holds:
    """At most one a machine: the columns `held_*` of its row. One that has run out binds nobody, ended or not."""

    def __init__(self, database: Database, lines: Lines) -> None:
        self._database = database
        self._lines = lines

    def take(self, name: str, *, user: str, until: float, reason: str, channel: str) -> bool:
        """Hold the machine, or give one's own hold a new end; False when somebody else holds it or waits for it.

        A hold that gets a new end keeps its reason unless there is a new one; it may go on while somebody waits.
        """
        now = self._database.now()
        values = {"name": name, "user": user, "until": until, "reason": reason, "channel": channel, "now": now}
        with self._database.write() as connection:
            know(connection, name)
            self._end_expired(connection, now)
            cursor = connection.execute(
                """
                UPDATE machines SET held_by = :user, held_until = :until, held_channel = :channel,
                    held_reason = CASE WHEN held_by = :user AND :reason = '' THEN held_reason ELSE :reason END
                WHERE name = :name AND (held_by = :user OR (held_by IS NULL AND NOT EXISTS (
                    SELECT 1 FROM runs WHERE queue = :line AND phase = 'queued' AND user <> :user)))
                """,
                {**values, "line": self._lines.of(name)},
            )
            if cursor.rowcount:
                record(connection, now, user, "hold", location=name, data={"until": until, "reason": reason})
                wake_for(connection, self._lines.of(name), name, now)
            return cursor.rowcount == 1

    def release(self, name: str, *, by: str, anybodys: bool = False) -> MachineRow | None:
        """End the caller's hold before its time, or `anybodys`, who is then told; the row as it was, or None."""
        now = self._database.now()
        with self._database.write() as connection:
            self._end_expired(connection, now)
            found = connection.execute(
                "SELECT * FROM machines WHERE name = ? AND held_by IS NOT NULL AND (held_by = ? OR ?)",
                (name, by, anybodys),
            ).fetchone()
            if found is None:
                return None
            row = machine_of(dict(found))
            self._end(connection, row, now, actor=by, deed="release")
            if row.held_by != by:
                _tell(connection, row, now, f"<@{by}> ended your hold on `{name}`: others can use it again.")
            return row

    def held(self, user: str) -> list[str]:
        """The machines that somebody holds, by name."""
        rows = self._database.all(
            "SELECT name FROM machines WHERE held_by = ? AND held_until > ? ORDER BY name", (user, self._database.now())
        )
        return [row["name"] for row in rows]

    def end_expired(self) -> bool:
        """End the holds that have run out, and tell whose they were; True when there were any."""
        now = self._database.now()
        if self._database.one("SELECT 1 FROM machines WHERE held_until <= ?", (now,)) is None:
            return False
        with self._database.write() as connection:
            return self._end_expired(connection, now)

    def _end_expired(self, connection: Connection, now: float) -> bool:
        found = connection.execute("SELECT * FROM machines WHERE held_until <= ?", (now,)).fetchall()
        for row in (machine_of(dict(each)) for each in found):
            self._end(connection, row, now, actor="upkeep", deed="hold-expired")
            text = (
                f"Your hold on `{row.name}` has run out: others can use it again, and it is stopped when nobody does."
            )
            _tell(connection, row, now, text)
        return bool(found)

    def _end(self, connection: Connection, row: MachineRow, now: float, *, actor: str, deed: str) -> None:
        """Whoever waits looks at once; the machine idles from the end of the hold."""
        end = min(now, row.held_until or now)
        connection.execute(
            f"UPDATE machines SET {NOT_HELD}, idle_since = max(idle_since, ?) WHERE name = ?",  # noqa: S608 - a literal
            (end, row.name),
        )
        record(connection, now, actor, deed, location=row.name, data={"held_by": row.held_by})
        wake_for(connection, self._lines.of(row.name), row.name, now)


def _tell(connection: Connection, row: MachineRow, now: float, text: str) -> None:
    key = f"hold-{row.name}-{row.held_by}-{row.held_until:.3f}"
    say(connection, now, Note("whisper", text), key=key, channel=row.held_channel, user=row.held_by or "")
