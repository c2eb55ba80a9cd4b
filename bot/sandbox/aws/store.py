"""What the stand-in keeps on disk: objects as files, and one SQLite table for each of the things that have a name.

Every write is on disk, as far as a killed process can lose it, before the client gets its answer.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from pathlib import Path
from typing import Any, NamedTuple

_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, region TEXT NOT NULL, policy TEXT);
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key TEXT NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL, facts TEXT NOT NULL,
    PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS machines (id TEXT PRIMARY KEY, facts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS changes (
    n INTEGER PRIMARY KEY, machine TEXT NOT NULL, at REAL NOT NULL, state TEXT NOT NULL
);
"""


class StoredObject(NamedTuple):
    """A row of `objects`: where the bytes are, and what S3 says of them."""

    bucket: str
    key: str
    file: str
    size: int
    facts: dict[str, Any]


class Store:
    """The folder `home`. Safe to use from several threads of one process."""

    def __init__(self, home: Path) -> None:
        self._files = home / "objects"
        self._files.mkdir(parents=True, exist_ok=True)
        self._guard = threading.Lock()
        self._db = sqlite3.connect(home / "aws.sqlite3", isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Let go of the database."""
        with self._guard:
            self._db.close()

    def _run(self, sql: str, *values: Any) -> list[Any]:
        with self._guard:
            return self._db.execute(sql, values).fetchall()

    # buckets

    def buckets(self) -> list[tuple[str, str, str | None]]:
        """Name, region and policy of each."""
        return [(name, region, policy) for name, region, policy in self._run("SELECT * FROM buckets")]

    def put_bucket(self, name: str, region: str, policy: str | None) -> None:
        """Keep a bucket."""
        self._run("INSERT OR REPLACE INTO buckets VALUES (?, ?, ?)", name, region, policy)

    def drop_bucket(self, name: str) -> None:
        """Forget a bucket and what is in it."""
        self._run("DELETE FROM objects WHERE bucket = ?", name)
        self._run("DELETE FROM buckets WHERE name = ?", name)

    # objects

    def path(self, file: str) -> Path:
        """Where the bytes of an object lie."""
        return self._files / file

    def objects(self) -> list[StoredObject]:
        """All of them."""
        rows = self._run("SELECT bucket, key, file, size, facts FROM objects")
        return [StoredObject(bucket, key, file, size, json.loads(facts)) for bucket, key, file, size, facts in rows]

    def put_object(self, bucket: str, key: str, content: bytes, facts: dict[str, Any]) -> Path:
        """Keep an object: first a new file, then the row that names it, so that a kill leaves the old or the new."""
        file = secrets.token_hex(16)
        self.path(file).write_bytes(content)
        self._run(
            "INSERT OR REPLACE INTO objects VALUES (?,?,?,?,?)", bucket, key, file, len(content), json.dumps(facts)
        )
        return self.path(file)

    def drop_object(self, bucket: str, key: str) -> None:
        """Forget an object. Its file stays until `sweep`: somebody may be reading it."""
        self._run("DELETE FROM objects WHERE bucket = ? AND key = ?", bucket, key)

    def sweep(self) -> None:
        """Remove the files that no row names; only while nobody reads."""
        named = {file for (file,) in self._run("SELECT file FROM objects")}
        for path in self._files.iterdir():
            if path.name not in named:
                path.unlink()

    # machines

    def machines(self) -> dict[str, dict[str, Any]]:
        """The facts of each machine, by its id."""
        return {name: json.loads(facts) for name, facts in self._run("SELECT id, facts FROM machines")}

    def put_machine(self, name: str, facts: dict[str, Any]) -> None:
        """Keep a machine as it is now."""
        self._run("INSERT OR REPLACE INTO machines VALUES (?, ?)", name, json.dumps(facts))

    def put_change(self, machine: str, at: float, state: str) -> None:
        """Note that a machine came into `state` at `at`."""
        self._run("INSERT INTO changes (machine, at, state) VALUES (?, ?, ?)", machine, at, state)

    def changes(self, machine: str) -> list[tuple[float, str]]:
        """When it came into which state, oldest first."""
        rows = self._run("SELECT at, state FROM changes WHERE machine = ? ORDER BY n", machine)
        return [(at, state) for at, state in rows]
