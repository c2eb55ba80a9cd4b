"""The ledger's file: one connection a thread, immediate transactions, and the claim that every queue of it shares."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection, OperationalError, connect
from sqlite3 import Row as SqliteRow
from typing import Any

from sqlite_utils import Database as SqliteUtils

from bot.clock import Clock
from bot.runs.migrations import migrations

LEASE_SECONDS = 120.0
"""How long a claim lasts: longer than any deed may block (drivers' timeouts are seconds)."""
BUSY_SECONDS = 2.0
"""How long SQLite waits for another writer before it says "locked": inside Slack's 3 s acknowledgement."""

Row = dict[str, Any]
Values = Sequence[Any] | Mapping[str, Any]


class Database:
    """One SQLite file (mode 0600, WAL), usable from any thread."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._local = threading.local()
        self._writing = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        database = SqliteUtils(self._connection())
        database.enable_wal()
        migrations.apply(database)

    def now(self) -> float:
        """Wall time in seconds since the epoch."""
        return self._clock.now()

    def token(self) -> str:
        """A fresh random id."""
        return self._clock.token()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One immediate transaction: a deferred one fails with "locked" under load (docs/decisions.md).

        Threads of this process take turns by a lock of their own: SQLite's waiting sleeps up to 100 ms at a time, so
        the last of 50 commands at once would wait for a quarter of a second.
        """
        until = self._clock.monotonic() + BUSY_SECONDS
        if not self._writing.acquire(timeout=BUSY_SECONDS):
            raise OperationalError("database is locked")
        try:
            connection = self._connection()
            left = max(0.0, until - self._clock.monotonic())
            connection.execute(f"PRAGMA busy_timeout = {round(left * 1_000)}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        finally:
            self._writing.release()

    def one(self, sql: str, values: Values = ()) -> Row | None:
        """The first row, or None."""
        row = self._connection().execute(sql, values).fetchone()
        return dict(row) if row else None

    def all(self, sql: str, values: Values = ()) -> list[Row]:
        """Every row."""
        return [dict(row) for row in self._connection().execute(sql, values)]

    def claim(self, table: str, condition: str) -> Row | None:
        """Lease the most overdue row of a queue to the caller, in one UPDATE; None when nothing is due."""
        now = self.now()
        with self.write() as connection:
            row = connection.execute(
                f"UPDATE {table} SET lease = ?, lease_until = ? WHERE id = (SELECT id FROM {table} "  # noqa: S608 - both are literals of this package
                f"WHERE {condition} AND due_at <= ? AND (lease IS NULL OR lease_until < ?) "
                "ORDER BY due_at, id LIMIT 1) RETURNING *",
                (self.token(), now + LEASE_SECONDS, now, now),
            ).fetchone()
            return dict(row) if row else None

    def close(self) -> None:
        """Close this thread's connection; the others close with their threads."""
        connection = self._local.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = connect(self._path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)
            connection.row_factory = SqliteRow
            connection.execute("PRAGMA synchronous = NORMAL")
            self._local.connection = connection
        return connection
