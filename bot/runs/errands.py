"""Errands: what somebody asked for that takes a look outside. The engine does them (bot/engine/errands.py), once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.runs.database import Database, Row
from bot.runs.model import Note
from bot.runs.outbox import say


@dataclass(frozen=True)
class Errand:
    """One of them. `thread` is where the answer goes, empty for the channel itself; `data` is what `kind` needs."""

    id: int
    kind: str
    channel: str
    thread: str
    user: str
    data: Mapping[str, Any]
    created_at: float
    tries: int


class Errands:
    """The queue of them. One thread does them, so there are no leases."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, *, delivery: str, kind: str, channel: str, user: str, data: Mapping[str, Any], thread: str = ""
    ) -> bool:
        """Note one; False when it is there already (delivered twice)."""
        now = self._database.now()
        with self._database.write() as connection:
            cursor = connection.execute(
                "INSERT OR IGNORE INTO errands (delivery, kind, channel, thread, user, data, created_at, due_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (delivery, kind, channel, thread, user, json.dumps(data), now, now),
            )
            return cursor.rowcount == 1

    def due(self) -> list[Errand]:
        """Those to do now, the oldest first."""
        rows = self._database.all(
            "SELECT * FROM errands WHERE done = 0 AND due_at <= ? ORDER BY id LIMIT 20", (self._database.now(),)
        )
        return [_errand_of(row) for row in rows]

    def put_back(self, errand: Errand, *, seconds: float) -> None:
        """Look again after `seconds`."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE errands SET tries = tries + 1, due_at = ? WHERE id = ?",
                (self._database.now() + seconds, errand.id),
            )

    def end(self, errand: Errand, notes: Sequence[Note]) -> None:
        """It is done: forget it and say what came of it, in one go. Their keys are the errand's, and their kinds'."""
        now = self._database.now()
        with self._database.write() as connection:
            cursor = connection.execute("UPDATE errands SET done = 1 WHERE id = ? AND done = 0", (errand.id,))
            if cursor.rowcount == 0:
                return
            for note in notes:
                key = key_of(errand, note.kind)
                say(connection, now, note, key=key, channel=errand.channel, user=errand.user)


def key_of(errand: Errand, kind: str) -> str:
    """The key of the message of that kind that an errand ends with."""
    return f"errand-{errand.id}-{round(errand.created_at)}-{kind}"


def _errand_of(row: Row) -> Errand:
    return Errand(
        id=row["id"],
        kind=row["kind"],
        channel=row["channel"],
        thread=row["thread"],
        user=row["user"],
        data=json.loads(row["data"]),
        created_at=row["created_at"],
        tries=row["tries"],
    )
