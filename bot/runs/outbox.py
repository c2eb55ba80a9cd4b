"""What Slack is to be told. Rows are written in the transaction of what they tell of, and sent in order in each run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from sqlite3 import Connection
from typing import Any

from bot.runs.database import Database, Row
from bot.runs.model import Note, Run

ONCE = ("card", "terminal", "log-file")
"""Kinds that a run has one of: their key is their name, so the unique index makes a second one impossible."""

FIRST = """state IN ('pending', 'sending') AND (run_id IS NULL OR NOT EXISTS (
    SELECT 1 FROM outbox AS e WHERE e.run_id = o.run_id AND e.id < o.id AND e.state IN ('pending', 'sending')))"""
"""Rows `o` that nothing of the same run stands before: a row that waits holds up its thread, and no other."""


@dataclass(frozen=True)
class Outgoing:
    """One row. `maybe_sent`: an earlier try may have worked, so look before sending again."""

    id: int
    key: str
    kind: str
    run_id: int | None
    channel: str
    user: str
    text: str
    data: Mapping[str, Any]
    tries: int
    maybe_sent: bool
    created_at: float


class Outbox:
    """The sender's side of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, *, limit: int = 20) -> list[Outgoing]:
        """Rows to send now: per run only its oldest unsent one, so that a thread keeps its order."""
        rows = self._database.all(
            f"SELECT * FROM outbox AS o WHERE {FIRST} AND due_at <= ? ORDER BY id LIMIT ?",  # noqa: S608 - a literal
            (self._database.now(), limit),
        )
        return [_outgoing_of(row) for row in rows]

    def sending(self, message: Outgoing) -> None:
        """Record the intent, before the deed: after a crash the next try looks first."""
        with self._database.write() as connection:
            connection.execute("UPDATE outbox SET state = 'sending', tries = tries + 1 WHERE id = ?", (message.id,))

    def sent(self, message: Outgoing, ts: str | None, *, shown_version: int | None = None) -> None:
        """Record the deed; a card's ts becomes its run's thread."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE outbox SET state = 'sent', ts = ?, sent_at = ? WHERE id = ?",
                (ts, self._database.now(), message.id),
            )
            if message.kind == "card":
                connection.execute(
                    "UPDATE runs SET thread = ?, shown_version = ? WHERE id = ?",
                    (ts, shown_version or 0, message.run_id),
                )

    def unsent(self, message: Outgoing, *, seconds: float, surely: bool) -> None:
        """It did not work: try again after `seconds`. `surely`: Slack said no, so there is nothing to look for."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE outbox SET state = ?, due_at = ? WHERE id = ?",
                ("pending" if surely else "sending", self._database.now() + seconds, message.id),
            )

    def ts_of(self, key: str) -> str | None:
        """The ts of a message that was sent; None while it was not."""
        row = self._database.one("SELECT ts FROM outbox WHERE key = ? AND state = 'sent'", (key,))
        return row["ts"] if row else None

    def is_given_up(self, key: str) -> bool:
        """Whether the message with that key will never be sent."""
        return self._database.one("SELECT 1 FROM outbox WHERE key = ? AND state = 'given-up'", (key,)) is not None

    def give_up(self, message: Outgoing) -> None:
        """Slack will never take it (the channel is gone): stop trying, keep the row."""
        with self._database.write() as connection:
            connection.execute("UPDATE outbox SET state = 'given-up' WHERE id = ?", (message.id,))

    def whisper(
        self,
        *,
        key: str,
        channel: str,
        user: str,
        text: str,
        blocks: Sequence[Mapping[str, Any]] = (),
        thread: str = "",
    ) -> None:
        """Say something that belongs to no run to one person, in a thread if one is named; a key counts once.

        Without `blocks` the text is prose with foreign words in it; with them both are ready for Slack as they are.
        """
        given = {"blocks": [dict(block) for block in blocks], "thread": thread}
        note = Note("whisper", text, {name: value for name, value in given.items() if value})
        with self._database.write() as connection:
            say(connection, self._database.now(), note, key=key, channel=channel, user=user)

    def next_due(self) -> float | None:
        """When the outbox next has something to try (epoch seconds), or None."""
        row = self._database.one(f"SELECT min(due_at) AS due FROM outbox AS o WHERE {FIRST}")  # noqa: S608 - a literal
        return row["due"] if row else None

    def behind(self, message: Outgoing, *, limit: int = 9) -> list[Outgoing]:
        """The never tried rows of the same kind that follow directly in the same run: they can travel together."""
        rows = self._database.all(
            "SELECT * FROM outbox WHERE run_id = ? AND id > ? AND state IN ('pending', 'sending') ORDER BY id LIMIT ?",
            (message.run_id, message.id, limit),
        )
        alike = takewhile(lambda row: row["kind"] == message.kind and row["state"] == "pending", rows)
        return [_outgoing_of(row) for row in alike]

    def move(self, run_id: int, channel: str) -> None:
        """The run's channel is closed to the app: its card, and all that is still to be said, goes to another one."""
        now = self._database.now()
        with self._database.write() as connection:
            connection.execute("UPDATE runs SET channel = ?, thread = NULL WHERE id = ?", (channel, run_id))
            connection.execute(
                "UPDATE outbox SET state = 'pending', tries = 0, due_at = ?, channel = ? "
                "WHERE run_id = ? AND (kind = 'card' OR state IN ('pending', 'sending'))",
                (now, channel, run_id),
            )


def say(
    connection: Connection,
    at: float,
    note: Note,
    *,
    key: str,
    channel: str,
    user: str,
    run: Run | None = None,
) -> None:
    """Put one thing in the outbox, inside the caller's transaction. A key that is there already changes nothing."""
    connection.execute(
        "INSERT OR IGNORE INTO outbox (key, kind, run_id, channel, user, text, data, created_at, due_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (key, note.kind, run.id if run else None, channel, user, note.text, json.dumps(note.data), at, at),
    )


def say_in_run(connection: Connection, at: float, note: Note, run: Run) -> None:
    """Put one thing in a run's thread."""
    if note.kind in ONCE:
        name: object = note.kind
    elif note.kind == "picture":
        name = f"picture-{note.data['picture']}"
    else:
        row = connection.execute("SELECT count(*) AS n FROM outbox WHERE run_id = ?", (run.id,)).fetchone()
        name = row["n"]
    say(connection, at, note, key=f"run-{run.uid}-{name}", channel=run.channel, user=run.user, run=run)


def _outgoing_of(row: Row) -> Outgoing:
    return Outgoing(
        id=row["id"],
        key=row["key"],
        kind=row["kind"],
        run_id=row["run_id"],
        channel=row["channel"],
        user=row["user"],
        text=row["text"],
        data=json.loads(row["data"]),
        tries=row["tries"],
        maybe_sent=row["state"] == "sending",
        created_at=row["created_at"],
    )
