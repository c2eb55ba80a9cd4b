"""What the ledger knows of each location's power, and the compare-and-set before a stop."""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Connection

from bot.runs.database import Database
from bot.runs.journal import record
from bot.runs.power_log import Look, note


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


class Machines:
    """The machines' rows; a machine that was never seen has the default one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> MachineRow:
        """What is known of a location's power."""
        row = self._database.one("SELECT * FROM machines WHERE name = ?", (name,))
        if row is None:
            return MachineRow(name)
        return MachineRow(**{**row, "stopping": bool(row["stopping"])})

    def saw(
        self, name: str, state: str, *, since: float | None = None, price: float | None = None, by_use: bool = False
    ) -> None:
        """Note what a look brought (see `Look`). A machine that is on with nobody on it becomes idle, if it was not."""
        now = self._database.now()
        with self._database.write() as connection:
            know(connection, name)
            note(connection, name, Look(state, since, price, by_use), now)
            connection.execute("UPDATE machines SET state = ?, seen_at = ? WHERE name = ?", (state, now, name))
            connection.execute(
                "UPDATE machines SET idle_since = coalesce(idle_since, ?) WHERE name = ? AND state = 'running' "
                "AND NOT EXISTS (SELECT 1 FROM runs WHERE location = ? AND holds = 1)",
                (now, name, name),
            )
            if state in ("stopped", "gone"):
                connection.execute("UPDATE machines SET idle_since = NULL, stopping = 0 WHERE name = ?", (name,))
                wake_queue(connection, name, now)

    def disk(self, name: str, free: int) -> None:
        """Note how many bytes were free where the location keeps its things."""
        with self._database.write() as connection:
            know(connection, name)
            connection.execute(
                "UPDATE machines SET disk_free = ?, disk_seen_at = ? WHERE name = ?", (free, self._database.now(), name)
            )

    def take_for_stop(self, name: str, *, idle_for: float) -> bool:
        """Win the right to stop it: True when it is nobody's, nobody waits, and it idled for that many seconds."""
        now = self._database.now()
        with self._database.write() as connection:
            cursor = connection.execute(
                "UPDATE machines SET stopping = 1 WHERE name = ? AND stopping = 0 AND idle_since <= ? AND NOT EXISTS "
                "(SELECT 1 FROM runs WHERE location = ? AND (holds = 1 OR phase = 'queued'))",
                (name, now - idle_for, name),
            )
            if cursor.rowcount:
                record(connection, now, "upkeep", "stop-idle", location=name)
            return cursor.rowcount == 1


def know(connection: Connection, name: str) -> None:
    """Make sure that the machine has its row."""
    connection.execute("INSERT OR IGNORE INTO machines (name) VALUES (?)", (name,))


def wake_queue(connection: Connection, location: str, now: float) -> None:
    """Whoever waits for the location looks again now, and its card shows the new place."""
    connection.execute("UPDATE runs SET due_at = ? WHERE location = ? AND phase = 'queued'", (now, location))
