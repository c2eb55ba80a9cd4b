"""What people decide of a result that was held back: released all the same, or discarded. Once, by whoever is first."""

from __future__ import annotations

import json
from typing import Any

from bot.runs.database import Database
from bot.runs.journal import record
from bot.runs.model import Run
from bot.runs.rows import run_of

_UNDECIDED = "id = :id AND phase = 'held-back' AND cancelled_by IS NULL"


class Verdicts:
    """Each is one UPDATE of a run that nobody has decided on; the engine does the rest."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def release(self, run_id: int, *, user: str, who: str, reason: str) -> Run | None:
        """Let it be released all the same; None when it is not held back any more.

        `who` is what the release notes call the person. The moment at which the run entered `releasing` first stays:
        how long a run takes is counted up to there.
        """
        approval = {"by": user, "who": who, "reason": reason}
        change = "phase = 'releasing', phase_at = :now, result = json_set(result, '$.approval', json(:approval))"
        return self._decide(run_id, user, "release-anyway", change, {"reason": reason}, approval=json.dumps(approval))

    def discard(self, run_id: int, *, user: str) -> Run | None:
        """Let it be discarded; None when it is not held back any more."""
        return self._decide(run_id, user, "discard", "cancelled_by = :user", {})

    def _decide(
        self, run_id: int, user: str, deed: str, change: str, data: dict[str, Any], **values: Any
    ) -> Run | None:
        now = self._database.now()
        with self._database.write() as connection:
            row = connection.execute(
                f"UPDATE runs SET {change}, due_at = :now, version = version + 1 WHERE {_UNDECIDED} RETURNING *",  # noqa: S608 - literals of this file
                {"id": run_id, "user": user, "now": now, **values},
            ).fetchone()
            if row is None:
                return None
            run = run_of(dict(row))
            record(connection, now, user, deed, run=run, data=data)
            return run
