"""Releases of which the branch's merge request, if it has one, is still to be told. A row a run, until it is done."""

from __future__ import annotations

from sqlite3 import Connection

from bot.runs.database import Database
from bot.runs.model import Kind, Phase, Run
from bot.runs.rows import run_of


def want_note(connection: Connection, at: float, run: Run) -> None:
    """A run is released: its branch's merge request is to hear of it; in the transaction of its last message."""
    if run.kind is Kind.TRAIN and run.phase is Phase.RELEASED:
        connection.execute("INSERT OR IGNORE INTO merge_notes (run_id, due_at) VALUES (?, ?)", (run.id, at))


class MergeNotes:
    """What is still to be done. Nothing that a run waits for: it is released whatever becomes of its note."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self) -> list[tuple[Run, int]]:
        """Runs whose note is due, newest first, with how often it was tried in vain."""
        rows = self._database.all(
            "SELECT runs.*, merge_notes.tries AS note_tries FROM merge_notes JOIN runs ON runs.id = run_id "
            "WHERE merge_notes.due_at <= ? ORDER BY run_id DESC",
            (self._database.now(),),
        )
        return [(run_of(row), row["note_tries"]) for row in rows]

    def later(self, run: Run, seconds: float) -> None:
        """It did not work this time."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE merge_notes SET tries = tries + 1, due_at = ? WHERE run_id = ?",
                (self._database.now() + seconds, run.id),
            )

    def done(self, run: Run) -> None:
        """Nothing is left to do for it, and so neither for an older run of the same branch."""
        with self._database.write() as connection:
            connection.execute(
                "DELETE FROM merge_notes WHERE run_id <= ? AND run_id IN "
                "(SELECT id FROM runs WHERE project = ? AND branch = ?)",
                (run.id, run.project, run.branch),
            )
