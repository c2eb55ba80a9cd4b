"""The ledger: the runs themselves (claim, reserve, apply), and the smaller books beside them.

Rules of the house (docs/RUN-LIFECYCLE.md): a claim and a phase change is ONE compare-and-set UPDATE; what is to be
said is written in the transaction of what it says; nothing is deleted. Usable from any thread.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from bot.clock import Clock
from bot.runs.costs import Costs
from bot.runs.counts import Counts
from bot.runs.database import Database
from bot.runs.digests import Digests
from bot.runs.errands import Errands
from bot.runs.gallery import Gallery
from bot.runs.heads import Heads
from bot.runs.holds import Holds
from bot.runs.homes import Homes
from bot.runs.journal import Journal, record
from bot.runs.lines import Lines
from bot.runs.machines import Machines, know, stop_after_start
from bot.runs.merge_notes import MergeNotes, want_note
from bot.runs.model import FREED, Elsewhere, Note, Phase, Run
from bot.runs.notices import Notices
from bot.runs.outbox import Outbox, say_in_run
from bot.runs.people import People
from bot.runs.preferences import Preferences
from bot.runs.readings import OPEN, Readings
from bot.runs.requests import Requests
from bot.runs.reservation import in_order, move_on, take, wait_on, wake_for, wake_queue
from bot.runs.rows import run_of
from bot.runs.statuses import Statuses
from bot.runs.subscriptions import Subscriptions, say_of_end
from bot.runs.verdicts import Verdicts
from bot.runs.wishes import Wishes

TO_DO = "(holds = 1 OR phase IN ('queued', 'releasing') OR (phase = 'held-back' AND cancelled_by IS NOT NULL))"
"""What a worker has to look at; a run that was held back waits for people, not for us."""
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


class Store(Readings):
    """The ledger in one SQLite file; `lines` says which machines of the settings share a queue."""

    def __init__(self, path: Path, clock: Clock, *, lines: Lines | None = None) -> None:
        super().__init__(Database(path, clock))
        self.lines = lines or Lines()
        self.requests = Requests(self._database)
        self.outbox = Outbox(self._database)
        self.machines = Machines(self._database, self.lines)
        self.holds = Holds(self._database, self.lines)
        self.wishes = Wishes(self._database, self.lines)
        self.costs = Costs(self._database)
        self.counts = Counts(self._database)
        self.people = People(self._database)
        self.journal = Journal(self._database)
        self.notices = Notices(self._database)
        self.preferences = Preferences(self._database)
        self.subscriptions = Subscriptions(self._database)
        self.digests = Digests(self._database)
        self.homes = Homes(self._database)
        self.heads = Heads(self._database)
        self.statuses = Statuses(self._database)
        self.merge_notes = MergeNotes(self._database)
        self.gallery = Gallery(self._database)
        self.errands = Errands(self._database)
        self.verdicts = Verdicts(self._database)

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
            _reserved(connection, now, reserved, notes)
            wake_queue(connection, run.queue, now)
            return reserved

    def apply(
        self,
        before: Run,
        lease: str,
        after: Run,
        *,
        due_in: float,
        notes: Sequence[Note] = (),
        elsewhere: Elsewhere | None = None,
        uncancel: bool = False,
    ) -> bool:
        """Write what a deed came to, with what is to be said of it; False when the result is stale and was dropped.

        Guarded by id, lease and the phase the deed began in. A cancel that arrived meanwhile is kept; `uncancel` takes
        one back that came too late. With `elsewhere` the run goes to another machine of its line instead, if one is
        free: in the same transaction, so that none is missed.
        """
        now = self._database.now()
        after = _dated(before, after, now)
        with self._database.write() as connection:
            if elsewhere is not None and self._move_on(connection, now, before, lease, elsewhere):
                return True
            cursor = connection.execute(
                """
                UPDATE runs SET phase = :phase, phase_at = :phase_at, reason = :reason, detail = :detail,
                    holds = :holds, attempt = :attempt, events_read = :events_read, log_read = :log_read,
                    times = :times, progress = :progress, result = :result, ended_at = :ended_at, lease = NULL,
                    due_at = CASE WHEN cancelled_by IS NOT NULL AND :was_not_cancelled THEN :now ELSE :due_at END,
                    cancelled_by = CASE WHEN :uncancel THEN NULL ELSE cancelled_by END, version = version + :changed
                WHERE id = :id AND lease = :lease AND phase = :phase_before
                """,
                {
                    **_written(after),
                    "changed": uncancel or _changed(before, after),
                    "uncancel": uncancel,
                    "was_not_cancelled": before.cancelled_by is None,  # a cancel that came meanwhile is looked at now
                    "now": now,
                    "due_at": now + due_in,
                    "id": before.id,
                    "lease": lease,
                    "phase_before": before.phase.value,
                },
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
            if before.holds and not after.holds:
                _given_back(connection, now, after, self.lines.of(after.location))
            if before.phase is Phase.QUEUED and after.phase.ended:
                wake_queue(connection, before.queue, now)
            return True

    def _move_on(self, connection: Connection, now: float, run: Run, lease: str, elsewhere: Elsewhere) -> bool:
        """Give the run the first machine of its line that it has not tried and may have; the one it leaves is free."""
        tried = (run.location, *elsewhere.progress.get("refused", ()))
        machines = in_order(connection, now, run, self.lines.machines(run.queue))
        tries = (
            move_on(connection, now, run, lease, machine, progress=elsewhere.progress)
            for machine in machines
            if machine not in tried
        )
        moved = next((taken for taken in tries if taken is not None), None)
        if moved is None:
            return False
        if elsewhere.was_on:
            stop_after_start(connection, now, run.location, run.queue)
        _given_back(connection, now, run, run.queue)
        _reserved(connection, now, moved, elsewhere.notes)
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
            "SELECT min(due_at) AS due FROM ("  # noqa: S608 - a literal
            f"SELECT due_at FROM runs WHERE {TO_DO} AND lease IS NULL "
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


def _written(run: Run) -> dict[str, Any]:
    """What a deed may change of a run, as its row holds it."""
    plain = {name: getattr(run, name) for name in ("phase_at", "attempt", "events_read", "log_read", "ended_at")}
    records = {name: json.dumps(getattr(run, name)) for name in ("detail", "times", "progress", "result")}
    reason = run.reason.value if run.reason else None
    return {**plain, **records, "phase": run.phase.value, "reason": reason, "holds": int(run.holds)}


def _changed(before: Run, after: Run) -> bool:
    """Whether a card could show it: reading on in a log alone is nothing to see."""
    return replace(after, events_read=before.events_read, log_read=before.log_read) != before


def _get(connection: Connection, run_id: int) -> Run:
    return run_of(dict(connection.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()))


def _dated(before: Run, after: Run, now: float) -> Run:
    """`after` with the times of what changes now."""
    if after.phase != before.phase:
        times = {**after.times, after.phase.value: now}
        after = replace(after, phase_at=now, times=times, ended_at=now if after.phase.ended else None)
    if before.holds and not after.holds:
        after = replace(after, times={**after.times, FREED: now})
    return after


def _latest(connection: Connection) -> float:
    """The latest time at which something was written: the last deed, or the last look at a machine."""
    row = connection.execute(
        "SELECT max(coalesce((SELECT at FROM journal ORDER BY id DESC LIMIT 1), 0), "
        "coalesce((SELECT max(seen_at) FROM machines), 0)) AS at"
    ).fetchone()
    return float(row["at"])


def _reserved(connection: Connection, now: float, run: Run, notes: Sequence[Note]) -> None:
    """What follows when a run was given its location; a note says which one that was, however late it is read."""
    for note in notes:
        say_in_run(connection, now, replace(note, data={**note.data, "location": run.location}), run)
    _idle(connection, run.location, None)
    record(connection, now, "engine", "reserve", run=run)


def _given_back(connection: Connection, now: float, run: Run, line: str) -> None:
    """What follows when a run does not have its location any more."""
    _idle(connection, run.location, now)
    wake_for(connection, line, run.location, now)
    record(connection, now, "engine", "give-back", run=run)


def _idle(connection: Connection, location: str, since: float | None) -> None:
    know(connection, location)
    connection.execute("UPDATE machines SET idle_since = ? WHERE name = ?", (since, location))
