"""What the upkeep did by itself: journaled, and said where the people are whom it concerns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.runs.database import Database
from bot.runs.journal import record
from bot.runs.model import Note, Run
from bot.runs.outbox import say


class Notices:
    """One transaction for the line in the journal and the message."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tell(
        self,
        text: str,
        *,
        key: str,
        deed: str,
        location: str,
        run: Run | None,
        channel: str,
        data: Mapping[str, Any],
    ) -> None:
        """Say it in the run's thread, or in `channel` where there is none; nowhere when that is empty.

        The same `key` again says and journals nothing, unless it was said nowhere.
        """
        now = self._database.now()
        with self._database.write() as connection:
            if connection.execute("SELECT 1 FROM outbox WHERE key = ?", (key,)).fetchone():
                return
            record(connection, now, "upkeep", deed, run=run, location=location, data=data)
            if run is not None and run.thread is not None:
                note = Note("milestone", data={"what": "notice", "text": text})
                say(connection, now, note, key=key, channel=run.channel, user=run.user, run=run)
            elif channel:
                say(connection, now, Note("notice", text), key=key, channel=channel, user="")
