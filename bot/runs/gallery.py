"""The plots of runs, in a book of their own: a hundred kilobytes that no list of runs has to carry."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.runs.database import Database
from bot.runs.plots import Plot, read, written


class Gallery:
    """One row a run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, run_id: int, plots: Sequence[Plot]) -> None:
        """Keep a run's plots, in place of those that were kept before."""
        data = json.dumps([written(plot) for plot in plots])
        with self._database.write() as connection:
            connection.execute("INSERT OR REPLACE INTO plots (run_id, data) VALUES (?, ?)", (run_id, data))

    def of(self, run_id: int) -> tuple[Plot, ...]:
        """A run's plots; none where it has none."""
        row = self._database.one("SELECT data FROM plots WHERE run_id = ?", (run_id,))
        return read(json.loads(row["data"])) if row else ()
