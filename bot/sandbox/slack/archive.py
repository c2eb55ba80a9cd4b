"""What survives a restart: JSON documents in one SQLite file, written as they change."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any


class Archive:
    """Documents by kind and key. Each `put` and `drop` is on disk (in the log) when it returns.

    Used by one thread at a time. The write-ahead log without an fsync per write keeps everything through the
    death of this process; only a power cut may lose the last moments, which a stand-in can afford.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS documents (kind TEXT, key TEXT, body TEXT, PRIMARY KEY (kind, key))"
        )

    def put(self, kind: str, key: str, body: dict[str, Any]) -> None:
        """Write `body`, in place of what stood under the same kind and key."""
        self._database.execute(
            "INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
            (kind, key, json.dumps(body)),
        )

    def drop(self, kind: str, key: str) -> None:
        """Forget a document; it need not be there."""
        self._database.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))

    def every(self, kind: str) -> list[dict[str, Any]]:
        """All documents of a kind in the order of their keys."""
        rows = self._database.execute("SELECT body FROM documents WHERE kind = ? ORDER BY key", (kind,))
        return [json.loads(body) for (body,) in rows]

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()
