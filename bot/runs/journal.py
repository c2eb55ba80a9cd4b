"""Who did what, when: append-only, written in the transaction of the deed (security check 20)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from sqlite3 import Connection
from typing import Any

from bot.runs.database import Database, Row
from bot.runs.model import Run


class Journal:
    """Reads the journal; writing goes through `record`, inside somebody's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_run(self, run_id: int) -> list[Row]:
        """Everything that was done for a run, in order."""
        return self._database.all("SELECT * FROM journal WHERE run_id = ? ORDER BY id", (run_id,))


def record(
    connection: Connection,
    at: float,
    actor: str,
    deed: str,
    *,
    run: Run | None = None,
    location: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Append one line; `actor` is a Slack user id, `engine` or `upkeep`."""
    connection.execute(
        "INSERT INTO journal (at, run_id, location, actor, deed, fence, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            at,
            run.id if run else None,
            run.location if run else location,
            actor,
            deed,
            run.fence if run else None,
            json.dumps(data or {}),
        ),
    )
