"""The ledger: the runs themselves (claim, reserve, apply), and the smaller books beside them.

Rules of the house (docs/RUN-LIFECYCLE.md): a claim and a phase change is ONE compare-and-set UPDATE; what is to be
said is written in the transaction of what it says; nothing is deleted. Usable from any thread.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from bot.clock import Clock
from bot.runs.costs import Costs
from bot.runs.database import Database
from bot.runs.digests import Digests
from bot.runs.errands import Errands
from bot.runs.gallery import Gallery
from bot.runs.holds import Holds
from bot.runs.homes import Homes
from bot.runs.journal import Journal, record
from bot.runs.lines import Lines
from bot.runs.machines import Machines, know
from bot.runs.merge_notes import MergeNotes, want_note
from bot.runs.model import FREED, Note, Phase, Run
from bot.runs.notices import Notices
from bot.runs.outbox import Outbox, say_in_run
from bot.runs.people import People
from bot.runs.preferences import Preferences
from bot.runs.progress import after_stage
from bot.runs.requests import Requests
from bot.runs.reservation import in_order, take, wait_on, wake_queue
from bot.runs.rows import run_of
from bot.runs.subscriptions import Subscriptions, say_of_end
from bot.runs.wishes import Wishes

OPEN = "ended_at IS NULL"
TO_DO = "(holds = 1 OR phase IN ('queued', 'releasing'))"
QUEUE_LOOK = 5.0
"""Seconds between two looks of a queued run; it is also woken when a machine of its line becomes free."""
MOVING = (
    ("runs", "due_at"),
    ("runs", "phase_at"),
    ("requests", "due_at"),
    ("outbox", "due_at"),
    ("errands", "due_at"),
    ("machines", "seen_at"),
    ("machines", "idle_since"),
    ("machines", "on_since"),
    ("machines", "held_until"),
    ("machines", "wanted_at"),
    ("merge_notes", "due_at"),
)
"""Times that something is measured from or waits for; those that only tell when it was stay as they were told."""


class Store:
    """The ledger in one SQLite file; `lines` says which machines of the settings share a queue."""

    def __init__(self, path: Path, clock: Clock, *, lines: Lines | None = None) -> None:
        self._database = Database(path, clock)
        self.lines = lines or Lines()
        self.requests = Requests(self._database)
        self.outbox = Outbox(self._database)
        self.machines = Machines(self._database, self.lines)
        self.holds = Holds(self._database, self.lines)
        self.wishes = Wishes(self._database, self.lines)
        self.costs = Costs(self._database)
        self.people = People(self._database)
        self.journal = Journal(self._database)
        self.notices = Notices(self._database)
        self.preferences = Preferences(self._database)
        self.subscriptions = Subscriptions(self._database)
        self.digests = Digests(self._database)
        self.homes = Homes(self._database)
        self.merge_notes = MergeNotes(self._database)
        self.gallery = Gallery(self._database)
        self.errands = Errands(self._database)

    def claim(self) -> tuple[Run, str] | None:
        """Take a run that is due, with a lease; None when nothing is due."""
        row = self._database.claim("runs", TO_DO)
        return (run_of(row), row["lease"]) if row else None

    def reserve(self, run: Run, lease: str, *, notes: Sequence[Note] = (), look_in: float = QUEUE_LOOK) -> Run | None:
        """Give the run the first machine of its line that it may have (see `take`), or else let it wait on: None.

        It waits until it is woken, or for `look_in` seconds.
        """
        now = self._database.now()
        with self._database.write() as connection:
            machines = in_order(connection, now, run, self.lines.machines(run.queue))
            tries = (take(connection, now, run, lease, machine) for machine in machines)
            reserved = next((taken for taken in tries if taken is not None), None)
            if reserved is None:
                wait_on(connection, now, run, lease, due_at=now + look_in)
                return None
            for note in notes:
                say_in_run(connection, now, note, reserved)
            _idle(connection, reserved.location, None)
            wake_queue(connection, run.queue, now)
            record(connection, now, "engine", "reserve", run=reserved)
            return reserved

    def apply(self, before: Run, lease: str, after: Run, *, due_in: float, notes: Sequence[Note] = ()) -> bool:
        """Write what a deed came to, with what is to be said of it; False when the result is stale and was dropped.

        Guarded by id, lease and the phase the deed began in. A cancel that arrived meanwhile is kept.
        """
        now = self._database.now()
        if after.phase != before.phase:
            times = {**after.times, after.phase.value: now}
            after = replace(after, phase_at=now, times=times, ended_at=now if after.phase.ended else None)
        freed = before.holds and not after.holds
        if freed:
            after = replace(after, times={**after.times, FREED: now})
        changed = replace(after, events_read=before.events_read, log_read=before.log_read) != before
        with self._database.write() as connection:
            cursor = connection.execute(
                """
                UPDATE runs SET phase = ?, phase_at = ?, reason = ?, detail = ?, holds = ?, attempt = ?,
                    events_read = ?, log_read = ?, times = ?, progress = ?, result = ?, ended_at = ?, lease = NULL,
                    due_at = CASE WHEN cancelled_by IS NOT NULL AND ? THEN ? ELSE ? END, version = version + ?
                WHERE id = ? AND lease = ? AND phase = ?
                """,
                (
                    after.phase.value,
                    after.phase_at,
                    after.reason.value if after.reason else None,
                    json.dumps(after.detail),
                    int(after.holds),
                    after.attempt,
                    after.events_read,
                    after.log_read,
                    json.dumps(after.times),
                    json.dumps(after.progress),
                    json.dumps(after.result),
                    after.ended_at,
                    before.cancelled_by is None,  # a cancel that came meanwhile is looked at now
                    now,
                    now + due_in,
                    int(changed),
                    before.id,
                    lease,
                    before.phase.value,
                ),
            )
            if cursor.rowcount == 0:
                return False
            for note in notes:
                say_in_run(connection, now, note, after)
            if any(note.kind == "terminal" for note in notes):
                say_of_end(connection, now, after)
                want_note(connection, now, after)
            if after.phase != before.phase:
                record(connection, now, "engine", after.phase.value, run=after, data={"reason": after.reason})
            if freed:
                _idle(connection, before.location, now)
                wake_queue(connection, self.lines.of(before.location), now)
                record(connection, now, "engine", "give-back", run=after)
            if before.phase is Phase.QUEUED and after.phase.ended:
                wake_queue(connection, before.queue, now)
            return True

    def requeue_all(self) -> None:
        """Forget every lease: called once at start, when the single-instance lock is held.

        A ledger that is ahead of the clock was written by a clock that has been set back since: what is still to come,
        and what has been for a while, moves back with it (fault 31).
        """
        with self._database.write() as connection:
            ahead = _latest(connection) - self._database.now()
            if ahead > 0:
                for table, column in MOVING:
                    connection.execute(f"UPDATE {table} SET {column} = {column} - ?", (ahead,))  # noqa: S608 - literals
            connection.execute("UPDATE runs SET lease = NULL WHERE lease IS NOT NULL")
            connection.execute("UPDATE requests SET lease = NULL WHERE lease IS NOT NULL")

    def let_go(self, lease: str) -> None:
        """Forget a lease whose holder could not write what came of it: the same is done again, as after a crash."""
        with self._database.write() as connection:
            for table in ("runs", "requests"):
                connection.execute(f"UPDATE {table} SET lease = NULL WHERE lease = ?", (lease,))  # noqa: S608 - literals

    def next_due(self) -> float | None:
        """When the next run or request is due (epoch seconds), or None."""
        row = self._database.one(
            "SELECT min(due_at) AS due FROM ("
            "SELECT due_at FROM runs WHERE (holds = 1 OR phase IN ('queued', 'releasing')) AND lease IS NULL "
            "UNION ALL SELECT due_at FROM requests WHERE state = 'new' AND lease IS NULL)"
        )
        return row["due"] if row else None

    def cancel(self, run_id: int, user: str) -> Run | None:
        """Ask for a run's end; None when it has ended. The engine does the rest."""
        now = self._database.now()
        with self._database.write() as connection:
            cursor = connection.execute(
                "UPDATE runs SET cancelled_by = coalesce(cancelled_by, ?), due_at = ?, version = version + 1 "  # noqa: S608
                f"WHERE id = ? AND {OPEN}",
                (user, now, run_id),
            )
            if cursor.rowcount == 0:
                return None
            run = _get(connection, run_id)
            record(connection, now, user, "cancel", run=run)
            return run

    def uncancel(self, run: Run, lease: str) -> None:
        """The cancel came too late (the result is being pushed): the run goes on."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE runs SET cancelled_by = NULL, version = version + 1 WHERE id = ? AND lease = ?",
                (run.id, lease),
            )

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
        """The newest run that was asked to make `tag`."""
        row = self._database.one(
            "SELECT * FROM runs WHERE project = ? AND tag = ? ORDER BY id DESC LIMIT 1", (project, tag)
        )
        return run_of(row) if row else None

    def last_image(self, project: str, branch: str, *, before: int) -> Mapping[str, Any]:
        """What the newest run of the branch before that number trained in (its `progress["image"]`), or nothing."""
        row = self._database.one(
            "SELECT json_extract(progress, '$.image') AS image FROM runs WHERE project = ? AND branch = ? AND id < ? "
            "AND json_extract(progress, '$.image.name') IS NOT NULL ORDER BY id DESC LIMIT 1",
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
        limit: int = 20,
    ) -> list[Run]:
        """Runs, newest first, by whom, where, and whether they are still going."""
        where, values = ["1 = 1"], []
        for column, value in (("user", user), ("location", location)):
            if value is not None:
                where.append(f"{column} = ?")
                values.append(value)
        if only_open:
            where.append(OPEN)
        rows = self._database.all(
            f"SELECT * FROM runs WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?",  # noqa: S608 - literals above
            (*values, limit),
        )
        return [run_of(row) for row in rows]

    def released(self, project: str, *, limit: int = 100) -> list[Run]:
        """Runs of a project that became releases, newest first."""
        rows = self._database.all(
            "SELECT * FROM runs WHERE project = ? AND phase = 'released' ORDER BY ended_at DESC LIMIT ?",
            (project, limit),
        )
        return [run_of(row) for row in rows]

    def ended(self, project: str, begin: float, end: float) -> list[Run]:
        """Runs of a project that ended in that time, oldest first."""
        rows = self._database.all(
            "SELECT * FROM runs WHERE project = ? AND ended_at >= ? AND ended_at < ? ORDER BY ended_at, id",
            (project, begin, end),
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

    def stale_cards(self) -> list[tuple[Run, int]]:
        """Runs whose card shows an older state than the ledger's, with the version to record once shown."""
        rows = self._database.all("SELECT * FROM runs WHERE thread IS NOT NULL AND shown_version < version ORDER BY id")
        return [(run_of(row), row["version"]) for row in rows]

    def version(self, run_id: int) -> int:
        """The run's version: grows with each change that a card could show."""
        row = self._database.one("SELECT version FROM runs WHERE id = ?", (run_id,))
        return row["version"] if row else 0

    def card_shown(self, run_id: int, version: int) -> None:
        """The card shows that version now."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE runs SET shown_version = ? WHERE id = ? AND shown_version < ?",
                (version, run_id, version),
            )

    def close(self) -> None:
        """Close this thread's connection."""
        self._database.close()


def _get(connection: Connection, run_id: int) -> Run:
    return run_of(dict(connection.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()))


def _latest(connection: Connection) -> float:
    """The latest time at which something was written: the last deed, or the last look at a machine."""
    row = connection.execute(
        "SELECT max(coalesce((SELECT at FROM journal ORDER BY id DESC LIMIT 1), 0), "
        "coalesce((SELECT max(seen_at) FROM machines), 0)) AS at"
    ).fetchone()
    return float(row["at"])


def _idle(connection: Connection, location: str, since: float | None) -> None:
    know(connection, location)
    connection.execute("UPDATE machines SET idle_since = ? WHERE name = ?", (since, location))
