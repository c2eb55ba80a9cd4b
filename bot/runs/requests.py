"""Commands that were acknowledged and wait for their check against GitLab: each becomes a run or a refusal, once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from sqlite3 import Connection, IntegrityError
from typing import Any

from bot.runs.allowance import DAY, OF_PERSON, Allowance, LimitReached, used_of
from bot.runs.database import Database
from bot.runs.journal import record
from bot.runs.model import Kind, Note, Phase, Run, TrainOptions
from bot.runs.outbox import say, say_in_run
from bot.runs.rows import run_of
from bot.runs.statuses import want_status


@dataclass(frozen=True)
class Request:
    """A `/train`, `/build-image`, `/reproduce` or `/retry` that was acknowledged and is not yet a run."""

    id: int
    user: str
    channel: str
    branch: str
    tag: str
    kind: Kind
    project: str
    """Its path; empty for that of the top-level settings."""
    created_at: float
    tries: int
    lease: str
    options: TrainOptions = field(default_factory=TrainOptions)
    retry_of: int | None = None
    by_commit: str = ""
    """The commit whose message asked for it; empty for what a person typed or pressed."""


class Requests:
    """The queue of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        *,
        delivery: str,
        user: str,
        channel: str,
        branch: str,
        tag: str,
        kind: Kind = Kind.TRAIN,
        options: TrainOptions | None = None,
        retry_of: int | None = None,
        project: str = "",
    ) -> bool:
        """Note a command for its check; False when it is there already (delivered twice, or typed twice).

        With `options.smoke` it is a smoke test, whose tag only names it. `retry_of`: the run that is tried again, and
        of which one such request is enough, whoever it comes from.
        """
        now, options = self._database.now(), options or TrainOptions()
        kind = Kind.SMOKE if options.smoke else kind
        values = (delivery, user, channel, branch, tag, kind.value, text_of(options), retry_of, project, now, now)
        with self._database.write() as connection:
            cursor = connection.execute(
                "INSERT OR IGNORE INTO requests "
                "(delivery, user, channel, branch, tag, kind, options, retry_of, project, created_at, due_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            return cursor.rowcount == 1

    def claim(self) -> Request | None:
        """Take the oldest due request, or None."""
        row = self._database.claim("requests", "state = 'new'")
        if row is None:
            return None
        read = {"kind": Kind(row["kind"]), "options": TrainOptions.of(json.loads(row["options"]))}
        return Request(**{each.name: row[each.name] for each in fields(Request)} | read)

    def put_back(self, request: Request, *, seconds: float) -> None:
        """GitLab did not answer: look again after `seconds`."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE requests SET lease = NULL, due_at = ?, tries = tries + 1 WHERE id = ? AND lease = ?",
                (self._database.now() + seconds, request.id, request.lease),
            )

    def drop(self, request: Request) -> None:
        """End a request without a word: a newer push took its place, and nobody typed it."""
        with self._database.write() as connection:
            _end(connection, request, "dropped", None)

    def refuse(self, request: Request, text: str, data: Mapping[str, Any] | None = None) -> None:
        """End a request with a sentence that only its caller sees."""
        with self._database.write() as connection:
            if _end(connection, request, "refused", None):
                say(
                    connection,
                    self._database.now(),
                    Note("whisper", text, data or {}),
                    key=f"request-{request.id}",
                    channel=request.channel,
                    user=request.user,
                )

    def accept(
        self,
        request: Request,
        *,
        project: str,
        commit: str,
        email: str,
        location: str,
        machine: str | None = None,
        saved: Run | None = None,
        allowance: Allowance | None = None,
    ) -> Run | None:
        """Make the run that a request asks for, its card with it; None when there is such a run already.

        `location` is the line it stands in, `machine` the only one of a pool that it may have. `saved`: the run that
        is tried again has pushed its result, so only the release is to be made, and no machine is needed. Raises
        `LimitReached` when the person has as many as the `allowance` says.
        """
        now = self._database.now()
        values = {
            "key": self._database.token(),
            "project": project,
            "branch": request.branch,
            "commit": commit,
            "tag": request.tag,
            "kind": request.kind.value,
            "options": text_of(request.options),
            "retry_of": request.retry_of,
            "user": request.user,
            "email": email,
            "channel": request.channel,
            "queue": location,
            "location": machine or location,
            "phase": Phase.QUEUED.value,
            "created_at": now,
            "phase_at": now,
            "due_at": now,
            "times": json.dumps({Phase.QUEUED.value: now}),
        } | (_saved(saved, now) if saved else {})
        columns = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" for _ in values)
        try:
            with self._database.write() as connection:
                row = connection.execute(
                    f"INSERT INTO runs ({columns}) VALUES ({marks}) RETURNING *",  # noqa: S608 - the names above
                    tuple(values.values()),
                ).fetchone()
                run = run_of(dict(row))
                if allowance is not None and saved is None:
                    _within(allowance, connection, now, run)
                _end(connection, request, "accepted", run.id)
                _tell(connection, now, request, run)
        except IntegrityError:
            return None
        return run


def _tell(connection: Connection, now: float, request: Request, run: Run) -> None:
    """The first words of a new run's thread, and its line in the journal."""
    if request.retry_of is not None:  # its card is drawn again, without the button
        connection.execute("UPDATE runs SET version = version + 1 WHERE id = ?", (request.retry_of,))
    say_in_run(connection, now, Note("card"), run)
    want_status(connection, now, run)
    if request.by_commit:
        said = Note("milestone", data={"what": "by-commit", "commit": request.by_commit})
        say_in_run(connection, now, said, run)
    deed = request.kind.value if request.retry_of is None else "retry"
    asked = {"options": request.options.record, "retry_of": request.retry_of, "by_commit": request.by_commit}
    record(connection, now, request.user, deed, run=run, data={k: v for k, v in asked.items() if v})


def _within(allowance: Allowance, connection: Connection, now: float, run: Run) -> None:
    """In the transaction that made the run: nothing of it stays when it is one too many."""
    rows = connection.execute(OF_PERSON, {"user": run.user, "besides": run.id, "since": now - DAY})
    refusal = allowance.refusal(used_of(map(dict, rows), now), now)
    if refusal is not None:
        raise LimitReached(refusal)


def _saved(run: Run, now: float) -> dict[str, Any]:
    """Where a run begins whose result was saved by another one, which its release goes on naming."""
    trained_by = {"run": run.id, "who": run.email or run.user}
    kept = {name: run.progress[name] for name in ("compared", "gate") if name in run.progress}
    return {
        "location": run.location,
        "phase": Phase.RELEASING.value,
        "times": json.dumps({Phase.RELEASING.value: now}),
        "progress": json.dumps(kept),
        "result": json.dumps({"trained_by": trained_by, **run.result}),
    }


def text_of(options: TrainOptions) -> str:
    """The same text for the same options: an index compares it."""
    return json.dumps(options.record, sort_keys=True)


def _end(connection: Connection, request: Request, state: str, run_id: int | None) -> bool:
    cursor = connection.execute(
        "UPDATE requests SET state = ?, run_id = ?, lease = NULL WHERE id = ? AND lease = ? AND state = 'new'",
        (state, run_id, request.id, request.lease),
    )
    return cursor.rowcount == 1
