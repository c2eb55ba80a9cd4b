"""What the ledger knows of each location's power, and the compare-and-set before a stop."""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Connection

from bot.runs.database import Database, Row
from bot.runs.journal import record
from bot.runs.lines import Lines
from bot.runs.power_log import Look, note
from bot.runs.reservation import wake_for

WANTED = (
    """EXISTS (SELECT 1 FROM runs WHERE (location = :name AND holds = 1) OR (queue = :line AND phase = 'queued'))"""
)
"""Whether a run has the machine, or waits in its line."""


@dataclass(frozen=True)
class MachineRow:
    """`state` is the power as last seen, at `seen_at`; `idle_since` only while it is on and nobody's.

    `on_since`: when this stretch of power began. `held_by` (a Slack user id) keeps it until `held_until`. `wanted` is
    `on` or `off` while somebody's wish is not fulfilled. `disk_free` is in bytes. Times are seconds since the epoch.
    """

    name: str
    state: str = "unknown"
    seen_at: float | None = None
    on_since: float | None = None
    idle_since: float | None = None
    stopping: bool = False
    held_by: str | None = None
    held_until: float | None = None
    held_reason: str = ""
    held_channel: str = ""
    wanted: str | None = None
    wanted_by: str | None = None
    wanted_channel: str = ""
    wanted_at: float | None = None
    disk_free: int | None = None
    disk_seen_at: float | None = None

    def holder(self, now: float) -> str | None:
        """Who holds it by hand at that time (a Slack user id), or None."""
        return self.held_by if self.held_until is not None and self.held_until > now else None


class Machines:
    """The machines' rows; a machine that was never seen has the default one."""

    def __init__(self, database: Database, lines: Lines) -> None:
        self._database = database
        self._lines = lines

    def get(self, name: str) -> MachineRow:
        """What is known of a location's power."""
        row = self._database.one("SELECT * FROM machines WHERE name = ?", (name,))
        return machine_of(row) if row else MachineRow(name)

    def saw(
        self, name: str, state: str, *, since: float | None = None, price: float | None = None, by_use: bool = False
    ) -> None:
        """Note what a look brought (see `Look`). A machine that is on with nobody on it becomes idle, if it was not."""
        now = self._database.now()
        with self._database.write() as connection:
            know(connection, name)
            note(connection, name, Look(state, since, price, by_use), now)
            connection.execute("UPDATE machines SET state = ?, seen_at = ? WHERE name = ?", (state, now, name))
            if state == "running":
                connection.execute("UPDATE machines SET on_since = coalesce(on_since, ?) WHERE name = ?", (now, name))
            connection.execute(
                "UPDATE machines SET idle_since = coalesce(idle_since, ?) WHERE name = ? AND state = 'running' "
                "AND NOT EXISTS (SELECT 1 FROM runs WHERE location = ? AND holds = 1)",
                (now, name, name),
            )
            if state in ("stopped", "gone"):
                connection.execute(
                    "UPDATE machines SET on_since = NULL, idle_since = NULL, stopping = 0 WHERE name = ?", (name,)
                )
                wake_for(connection, self._lines.of(name), name, now)

    def disk(self, name: str, free: int) -> None:
        """Note how many bytes were free where the location keeps its things."""
        with self._database.write() as connection:
            know(connection, name)
            connection.execute(
                "UPDATE machines SET disk_free = ?, disk_seen_at = ? WHERE name = ?", (free, self._database.now(), name)
            )

    def take_for_stop(self, name: str, *, idle_for: float) -> bool:
        """Win the right to stop it: True when it is nobody's, nobody waits, and it idled for that many seconds.

        A hold is no idling, and neither is a start that somebody asked for: the time counts from their end.
        """
        now = self._database.now()
        with self._database.write() as connection:
            cursor = connection.execute(
                "UPDATE machines SET stopping = 1 WHERE name = :name AND stopping = 0 AND wanted IS NOT 'on' "  # noqa: S608 - a literal
                f"AND idle_since <= :since AND coalesce(held_until, 0) <= :since AND NOT {WANTED}",
                {"name": name, "line": self._lines.of(name), "since": now - idle_for},
            )
            if cursor.rowcount:
                record(connection, now, "upkeep", "stop-idle", location=name)
            return cursor.rowcount == 1

    def take_after_start(self, name: str) -> bool:
        """Win the right to stop it for the run that holds it and started it in vain; False when somebody waits for it.

        Winning it twice is winning it once.
        """
        with self._database.write() as connection:
            return stop_after_start(connection, self._database.now(), name, self._lines.of(name))

    def take_back(self, name: str) -> None:
        """Have it stopped for the run that holds it, whoever waits: the cloud is about to take it anyway."""
        with self._database.write() as connection:
            know(connection, name)
            cursor = connection.execute("UPDATE machines SET stopping = 1 WHERE name = ? AND stopping = 0", (name,))
            if cursor.rowcount:
                record(connection, self._database.now(), "engine", "stop-taken-back", location=name)

    def give_back_stop(self, name: str, *, busy: bool) -> None:
        """Give the right to stop it back; `busy`: something runs there, so that it has not been idle until now."""
        now = self._database.now()
        with self._database.write() as connection:
            cursor = connection.execute(
                "UPDATE machines SET stopping = 0, idle_since = CASE WHEN ? THEN ? ELSE idle_since END "
                "WHERE name = ? AND stopping = 1",
                (busy, now, name),
            )
            if cursor.rowcount:
                record(connection, now, "upkeep", "stop-given-back", location=name)
                wake_for(connection, self._lines.of(name), name, now)


def stop_after_start(connection: Connection, now: float, name: str, line: str) -> bool:
    """What `Machines.take_after_start` does, in the caller's transaction."""
    know(connection, name)
    cursor = connection.execute(
        "UPDATE machines SET stopping = 1 WHERE name = :name AND coalesce(held_until, 0) <= :now "
        "AND wanted IS NOT 'on' AND NOT EXISTS (SELECT 1 FROM runs WHERE queue = :line AND phase = 'queued')",
        {"name": name, "now": now, "line": line},
    )
    if cursor.rowcount:
        record(connection, now, "engine", "stop-after-start", location=name)
    return cursor.rowcount == 1


def machine_of(row: Row) -> MachineRow:
    """The machine that a whole row of `machines` holds."""
    return MachineRow(**{**row, "stopping": bool(row["stopping"])})


def know(connection: Connection, name: str) -> None:
    """Make sure that the machine has its row."""
    connection.execute("INSERT OR IGNORE INTO machines (name) VALUES (?)", (name,))
