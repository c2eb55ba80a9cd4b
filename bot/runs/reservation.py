"""Who gets which machine: the compare-and-set that reserves one, and what becomes of a run that gets none yet.

Everything here happens inside the caller's transaction, so that a machine which becomes free while a run is refused
wakes that run all the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from sqlite3 import Connection
from typing import Any

from bot.runs.model import Phase, Run
from bot.runs.rows import run_of

_MAY_HAVE = """((phase = 'queued' AND location IN (queue, :machine))
    OR (phase = 'starting' AND json_extract(progress, '$.waits_for') = 'capacity'
        AND retry_of IS NULL AND coalesce(json_extract(options, '$.on'), '') <> location
        AND NOT EXISTS (SELECT 1 FROM json_each(progress, '$.refused') WHERE value = :machine)))"""
"""Whom of its line the machine could serve: those who wait, also at another one that the cloud has no room for.

Not those who wait for one machine of the pool, by name or because their result is there. `refused` are the machines
that were asked for that run in vain (bot/engine/starting.py).
"""
_FREE = f"""NOT EXISTS (SELECT 1 FROM runs WHERE location = :machine AND holds = 1)
    AND NOT EXISTS (SELECT 1 FROM machines WHERE name = :machine
                    AND (stopping = 1 OR (held_until > :now AND held_by <> :user)))
    AND NOT EXISTS (SELECT 1 FROM runs WHERE queue = :queue AND id < :id AND {_MAY_HAVE}
                    AND (user = :user OR NOT EXISTS (SELECT 1 FROM machines
                                                     WHERE name = :machine AND held_until > :now)))"""  # noqa: S608 - literals
"""Nobody has it, it is not being stopped nor held by somebody else, and the run is next.

Whoever asked before is next, unless the machine is held: then only the holder's own runs count.
"""
_FENCE = "fence = max(CAST(:now AS INTEGER), (SELECT max(fence) FROM runs) + 1)"
"""Larger than any before it, also of a ledger that was lost: it starts from the clock."""


def in_order(connection: Connection, now: float, run: Run, machines: Sequence[str]) -> list[str]:
    """A line's machines as the run should try them: one that its person holds, then those that are on, then the rest.

    One that does not exist any more is left out where there is another. A run that is for one of them tries only that.
    """
    if run.phase is Phase.QUEUED and run.location in machines:
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
    """Give the run that machine, if it is free for it (see `_FREE`), with a new fence. One UPDATE."""
    row = connection.execute(
        f"""
        UPDATE runs SET phase = 'starting', phase_at = :now, location = :machine, holds = 1, lease = NULL,
            due_at = :now, version = version + 1, times = json_set(times, '$.starting', :now), {_FENCE}
        WHERE id = :id AND lease = :lease AND phase = 'queued' AND cancelled_by IS NULL AND {_FREE}
        RETURNING *
        """,  # noqa: S608 - literals of this file
        _values(now, run, lease, machine),
    ).fetchone()
    return run_of(dict(row)) if row else None


def move_on(
    connection: Connection, now: float, run: Run, lease: str, machine: str, *, progress: Mapping[str, Any]
) -> Run | None:
    """Give a starting run that machine instead of the one it has, if it is free for it, with a new fence. One UPDATE.

    Its time at a machine, for the bill and for `max_hours`, counts from here.
    """
    row = connection.execute(
        f"""
        UPDATE runs SET phase_at = :now, location = :machine, lease = NULL, due_at = :now, version = version + 1,
            progress = :progress, times = json_set(times, '$.starting', :now), {_FENCE}
        WHERE id = :id AND lease = :lease AND phase = 'starting' AND cancelled_by IS NULL AND {_FREE}
        RETURNING *
        """,  # noqa: S608 - literals of this file
        {**_values(now, run, lease, machine), "progress": json.dumps(progress)},
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


def wake_for(connection: Connection, line: str, machine: str, now: float) -> None:
    """The machine may be free now: whoever it could serve looks again."""
    connection.execute(
        f"UPDATE runs SET due_at = :now WHERE queue = :line AND {_MAY_HAVE}",  # noqa: S608 - literals of this file
        {"now": now, "line": line, "machine": machine},
    )


def _values(now: float, run: Run, lease: str, machine: str) -> dict[str, Any]:
    return {"now": now, "id": run.id, "lease": lease, "machine": machine, "queue": run.queue, "user": run.user}
