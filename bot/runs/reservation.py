"""Who gets which machine: the compare-and-set that reserves one, and what becomes of a run that gets none yet.

Everything here happens inside the caller's transaction, so that a machine which becomes free while a run is refused
wakes that run all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection

from bot.runs.model import Run
from bot.runs.rows import run_of


def in_order(connection: Connection, now: float, run: Run, machines: Sequence[str]) -> list[str]:
    """A line's machines as the run should try them: one that its person holds, then those that are on, then the rest.

    One that does not exist any more is left out where there is another. A run that is for one of them tries only that.
    """
    if run.location in machines:
        return [run.location]
    marks = ", ".join("?" for _ in machines)
    found = connection.execute(
        f"SELECT name, state, held_by = ? AND held_until > ? AS own FROM machines WHERE name IN ({marks})",  # noqa: S608 - question marks
        (run.user, now, *machines),
    )
    known = {row["name"]: row for row in found}
    gone = {name for name, row in known.items() if row["state"] == "gone"}
    own = {name for name, row in known.items() if row["own"]}
    on = {name for name, row in known.items() if row["state"] == "running"}
    there = [name for name in machines if name not in gone] or list(machines)
    return sorted(there, key=lambda name: (name not in own, name not in on))


def take(connection: Connection, now: float, run: Run, lease: str, machine: str) -> Run | None:
    """Give the run that machine: if it is free, not being stopped, not held by somebody else, and the run is next.

    One UPDATE. Whoever asked before is next, unless they wait for another machine of the pool; of a held machine only
    the holder's own runs count. The fence is larger than any before it, also of a ledger that was lost: it starts from
    the clock.
    """
    row = connection.execute(
        """
        UPDATE runs SET phase = 'starting', phase_at = :now, location = :machine, holds = 1, lease = NULL,
            due_at = :now, version = version + 1, times = json_set(times, '$.starting', :now),
            fence = max(CAST(:now AS INTEGER), (SELECT max(fence) FROM runs) + 1)
        WHERE id = :id AND lease = :lease AND phase = 'queued' AND cancelled_by IS NULL
          AND NOT EXISTS (SELECT 1 FROM runs WHERE location = :machine AND holds = 1)
          AND NOT EXISTS (SELECT 1 FROM machines WHERE name = :machine
                          AND (stopping = 1 OR (held_until > :now AND held_by <> :user)))
          AND NOT EXISTS (SELECT 1 FROM runs WHERE queue = :queue AND phase = 'queued' AND id < :id
                          AND location IN (:queue, :machine)
                          AND (user = :user OR NOT EXISTS (SELECT 1 FROM machines
                                                           WHERE name = :machine AND held_until > :now)))
        RETURNING *
        """,
        {"now": now, "id": run.id, "lease": lease, "machine": machine, "queue": run.queue, "user": run.user},
    ).fetchone()
    return run_of(dict(row)) if row else None


def wait_on(connection: Connection, now: float, run: Run, lease: str, *, due_at: float) -> None:
    """Keep the run in its line until it is woken, or until `due_at`; its card says from now on that it waits."""
    connection.execute(
        """
        UPDATE runs SET lease = NULL, due_at = CASE WHEN cancelled_by IS NULL THEN :due_at ELSE :now END,
            version = version + (json_extract(progress, '$.waits') IS NULL),
            progress = json_set(progress, '$.waits', json('true'))
        WHERE id = :id AND lease = :lease AND phase = 'queued'
        """,
        {"now": now, "due_at": due_at, "id": run.id, "lease": lease},
    )


def wake_queue(connection: Connection, line: str, now: float) -> None:
    """Whoever stands in the line looks again now."""
    connection.execute("UPDATE runs SET due_at = ? WHERE queue = ? AND phase = 'queued'", (now, line))
