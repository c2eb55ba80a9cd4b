"""Runs that answer a push, and what GitLab was told of each last. A row a run, until its end was told."""

from __future__ import annotations

from sqlite3 import Connection

from bot.runs.database import Database
from bot.runs.model import Run
from bot.runs.rows import run_of


def want_status(connection: Connection, at: float, run: Run) -> None:
    """A run answers a push: GitLab is to hear how it stands; in the transaction that makes it."""
    if run.options.pushed:
        connection.execute("INSERT OR IGNORE INTO statuses (run_id, due_at) VALUES (?, ?)", (run.id, at))


class Statuses:
    """What is still to be told. Nothing that a run waits for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self) -> list[tuple[Run, str, int]]:
        """Runs with the state that was told last (empty at first), and how often the next one was told in vain."""
        rows = self._database.all(
            "SELECT runs.*, told, statuses.tries AS told_tries FROM statuses JOIN runs ON runs.id = run_id "
            "WHERE statuses.due_at <= ? ORDER BY run_id",
            (self._database.now(),),
        )
        return [(run_of(row), row["told"], row["told_tries"]) for row in rows]

    def told(self, run: Run, state: str) -> None:
        """GitLab knows that state."""
        with self._database.write() as connection:
            connection.execute("UPDATE statuses SET told = ?, tries = 0 WHERE run_id = ?", (state, run.id))

    def later(self, run: Run, seconds: float) -> None:
        """It did not work this time."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE statuses SET tries = tries + 1, due_at = ? WHERE run_id = ?",
                (self._database.now() + seconds, run.id),
            )

    def done(self, run: Run) -> None:
        """Nothing is left to tell."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM statuses WHERE run_id = ?", (run.id,))
