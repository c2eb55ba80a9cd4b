"""What git does not hold: projects, releases, links, merge requests, notes, statuses. Documents in one SQLite file.

Every write is committed before the answer goes out, so `kill -9` loses nothing that was answered.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS document (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (kind, scope, key)
)
"""


class KeyTakenError(Exception):
    """A document of that kind, scope and key exists."""


@dataclass(frozen=True)
class Document:
    """One thing. `scope` is what it belongs to (a project's id, a release), `key` names it there."""

    id: int
    key: str
    body: dict[str, Any]


class Store:
    """The documents. Safe from several threads: one at a time."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(_SCHEMA)

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the writes inside, or none. Not nested."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def add(self, kind: str, scope: str, key: str, body: Mapping[str, Any]) -> int:
        """Store a new document and return its id; `KeyTakenError` when there is one already."""
        row = (kind, scope, key, json.dumps(body))
        with self._lock:
            try:
                cursor = self._db.execute("INSERT INTO document (kind, scope, key, body) VALUES (?, ?, ?, ?)", row)
            except sqlite3.IntegrityError as error:
                raise KeyTakenError(key) from error
            return int(cursor.lastrowid or 0)

    def replace(self, document_id: int, key: str, body: Mapping[str, Any]) -> None:
        """Change a document; `KeyTakenError` when another has the key."""
        with self._lock:
            try:
                self._db.execute(
                    "UPDATE document SET key = ?, body = ? WHERE id = ?", (key, json.dumps(body), document_id)
                )
            except sqlite3.IntegrityError as error:
                raise KeyTakenError(key) from error

    def get(self, kind: str, scope: str, key: str) -> Document | None:
        """The document, or None."""
        return next(iter(self._select("kind = ? AND scope = ? AND key = ?", (kind, scope, key))), None)

    def all(self, kind: str, scope: str) -> list[Document]:
        """All documents of a kind in a scope, oldest first."""
        return self._select("kind = ? AND scope = ?", (kind, scope))

    def remove(self, document_id: int) -> None:
        """Forget a document."""
        with self._lock:
            self._db.execute("DELETE FROM document WHERE id = ?", (document_id,))

    def _select(self, where: str, values: tuple[str, ...]) -> list[Document]:
        query = f"SELECT id, key, body FROM document WHERE {where} ORDER BY id"  # noqa: S608 - `where` is ours
        with self._lock:
            rows = self._db.execute(query, values).fetchall()
        return [Document(id=row[0], key=row[1], body=json.loads(row[2])) for row in rows]
