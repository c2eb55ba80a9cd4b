"""What the ledger says of its runs: the queries, none of which writes anything. `Store` has them all."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bot.runs.allowance import DAY, OF_PERSON, Used, used_of
from bot.runs.database import Database
from bot.runs.model import Phase, Run
from bot.runs.progress import after_stage
from bot.runs.rows import run_of

OPEN = "ended_at IS NULL"


class Readings:
    """Runs by number, by tag, by machine, by time. Usable from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, run_id: int) -> Run | None:
        """The run with that number."""
        row = self._database.one("SELECT * FROM runs WHERE id = ?", (run_id,))
        return run_of(row) if row else None

    def run_by_uid(self, uid: str) -> Run | None:
        """The run whose folders and jobs are called that; None for one of another ledger."""
        number, _, key = uid.partition("-")
        row = self._database.one("SELECT * FROM runs WHERE id = ? AND key = ?", (number, key))
        return run_of(row) if row else None

    def last_at(self, location: str) -> Run | None:
        """The run that had the location last, or has it."""
        row = self._database.one(
            "SELECT * FROM runs WHERE location = ? AND fence > 0 ORDER BY fence DESC LIMIT 1", (location,)
        )
        return run_of(row) if row else None

    def run_of_tag(self, project: str, tag: str) -> Run | None:
        """The newest run that was asked to make `tag`; without one, the newest that is only called so."""
        row = self._database.one(
            "SELECT * FROM runs WHERE project = ? AND tag = ? ORDER BY kind IN ('smoke', 'reproduce'), id DESC LIMIT 1",
            (project, tag),
        )
        return run_of(row) if row else None

    def release(self, project: str, tag: str) -> Run | None:
        """The run that made the release `tag`."""
        row = self._database.one(
            "SELECT * FROM runs WHERE project = ? AND tag = ? AND phase = 'released' ORDER BY id DESC LIMIT 1",
            (project, tag),
        )
        return run_of(row) if row else None

    def retry_of(self, run_id: int) -> Run | None:
        """The run that tries that one again; None as long as nobody asked for it."""
        row = self._database.one("SELECT * FROM runs WHERE retry_of = ?", (run_id,))
        return run_of(row) if row else None

    def tries(self, run: Run) -> list[Run]:
        """The runs that this one tries again, the last one first; empty for a run of its own."""
        rows = self._database.all(
            "WITH RECURSIVE tries(id) AS (SELECT ? UNION SELECT retry_of FROM runs JOIN tries USING (id) "
            "WHERE retry_of IS NOT NULL) SELECT * FROM runs WHERE id IN tries AND id <> ? ORDER BY id DESC",
            (run.id, run.id),
        )
        return [run_of(row) for row in rows]

    def last_image(self, project: str, branch: str, *, before: int) -> Mapping[str, Any]:
        """What the branch's newest run before that number trained in (its `progress["image"]`), or nothing.

        The image of an old release says nothing of its branch.
        """
        row = self._database.one(
            "SELECT json_extract(progress, '$.image') AS image FROM runs WHERE project = ? AND branch = ? AND id < ? "
            "AND kind <> 'reproduce' AND json_extract(progress, '$.image.name') IS NOT NULL ORDER BY id DESC LIMIT 1",
            (project, branch, before),
        )
        found: Mapping[str, Any] = json.loads(row["image"]) if row else {}
        return found

    def runs(
        self,
        *,
        user: str | None = None,
        only_open: bool = False,
        location: str | None = None,
        branch: str | None = None,
        phases: Sequence[Phase] = (),
        before: int | None = None,
        project: str | None = None,
        limit: int = 20,
    ) -> list[Run]:
        """Runs, newest first: by whom, where, of which branch and project, in which phases; numbered below `before`."""
        where: list[str] = ["1 = 1"]
        values: list[Any] = []
        given = {"user = ?": user, "location = ?": location, "branch = ?": branch}
        for test, value in {**given, "project = ?": project, "id < ?": before}.items():
            if value is not None:
                where.append(test)
                values.append(value)
        if phases:
            where.append(f"phase IN ({', '.join('?' for _ in phases)})")
            values += [phase.value for phase in phases]
        if only_open:
            where.append(OPEN)
        rows = self._database.all(
            f"SELECT * FROM runs WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?",  # noqa: S608 - literals above
            (*values, limit),
        )
        return [run_of(row) for row in rows]

    def released(self, project: str | None, *, limit: int = 100) -> list[Run]:
        """Runs of a project, or of all of them, that became releases, newest first."""
        rows = self._database.all(
            "SELECT * FROM runs WHERE (project = :project OR :project IS NULL) AND phase = 'released' "
            "ORDER BY ended_at DESC LIMIT :limit",
            {"project": project, "limit": limit},
        )
        return [run_of(row) for row in rows]

    def ended(self, project: str | None, begin: float, end: float) -> list[Run]:
        """Runs of a project, or of all of them, that ended in that time, oldest first."""
        rows = self._database.all(
            "SELECT * FROM runs WHERE (project = :project OR :project IS NULL) AND ended_at >= :begin "
            "AND ended_at < :end ORDER BY ended_at, id",
            {"project": project, "begin": begin, "end": end},
        )
        return [run_of(row) for row in rows]

    def last_release(self, project: str, branch: str, *, besides: int) -> Run | None:
        """The newest release of a branch, besides that of one run."""
        row = self._database.one(
            "SELECT * FROM runs WHERE project = ? AND branch = ? AND phase = 'released' AND id <> ? "
            "ORDER BY ended_at DESC LIMIT 1",
            (project, branch, besides),
        )
        return run_of(row) if row else None

    def holder(self, location: str) -> Run | None:
        """The run that has the location."""
        row = self._database.one("SELECT * FROM runs WHERE location = ? AND holds = 1", (location,))
        return run_of(row) if row else None

    def used_by(self, user: str) -> Used:
        """What somebody has of their allowance now."""
        now = self._database.now()
        return used_of(self._database.all(OF_PERSON, {"user": user, "besides": 0, "since": now - DAY}), now)

    def stranded(self, locations: Collection[str]) -> list[Run]:
        """The runs that have a location which is none of these: it was taken out of the settings."""
        rows = self._database.all("SELECT * FROM runs WHERE holds = 1 ORDER BY id")
        return [run_of(row) for row in rows if row["location"] not in locations]

    def waiting_tests(self, project: str, branch: str) -> list[Run]:
        """Smoke tests of pushes to a branch that have not been given a machine yet."""
        rows = self._database.all(
            "SELECT * FROM runs WHERE project = ? AND branch = ? AND phase = 'queued' AND kind = 'smoke' "
            "AND json_extract(options, '$.pushed') IS NOT NULL",
            (project, branch),
        )
        return [run_of(row) for row in rows]

    def queue(self, line: str) -> list[Run]:
        """Runs that stand in the line of a location or a pool, first in line first."""
        rows = self._database.all("SELECT * FROM runs WHERE queue = ? AND phase = 'queued' ORDER BY id", (line,))
        return [run_of(row) for row in rows]

    def usual_seconds(self, project: str, line: str) -> float | None:
        """How long the last released runs of that line held their machine (the median of five), or None."""
        rows = self._database.all(
            "SELECT json_extract(times, '$.releasing') - json_extract(times, '$.starting') AS seconds FROM runs "
            "WHERE project = ? AND queue = ? AND phase = 'released' ORDER BY id DESC LIMIT 5",
            (project, line),
        )
        seconds = sorted(row["seconds"] for row in rows if row["seconds"] is not None)
        return seconds[len(seconds) // 2] if seconds else None

    def usual_after(self, project: str, line: str, stage: str) -> float | None:
        """How long the last released runs of that line went on after that stage (the median of five), or None."""
        rows = self._database.all(
            "SELECT json_extract(times, '$.releasing') - json_extract(times, '$.training') AS seconds, "
            "json_extract(progress, '$.stage_seconds') AS stages FROM runs "
            "WHERE project = ? AND queue = ? AND phase = 'released' ORDER BY id DESC LIMIT 5",
            (project, line),
        )
        told = [after_stage(row["seconds"], json.loads(row["stages"] or "{}"), stage) for row in rows]
        seconds = sorted(each for each in told if each is not None)
        return seconds[len(seconds) // 2] if seconds else None
