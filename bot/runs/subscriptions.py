"""Who hears of a run's end outside of its thread: channels that asked for it, and people in their direct messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from sqlite3 import Connection

from bot.runs.database import Database
from bot.runs.model import Note, Phase, Run
from bot.runs.outbox import say


class What(StrEnum):
    """What a channel hears of. `FINISHED` is every end, whichever it is."""

    FINISHED = "finished"
    FAILED = "failed"
    RELEASED = "released"


@dataclass(frozen=True)
class Subscription:
    """`branch` is empty for every branch of the project."""

    what: What
    branch: str = ""


_WANTED = "project = ? AND branch IN ('', ?) AND what IN (?, ?)"
"""The subscriptions that a run's end concerns."""


class Subscriptions:
    """Channels and what they want to hear of. A person's direct messages are a channel as well."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, channel: str, project: str) -> list[Subscription]:
        """What the channel hears of, in the order in which it was asked for."""
        rows = self._database.all(
            "SELECT what, branch FROM subscriptions WHERE channel = ? AND project = ? ORDER BY created_at, rowid",
            (channel, project),
        )
        return [Subscription(What(row["what"]), row["branch"]) for row in rows]

    def add(self, channel: str, project: str, wanted: Subscription, *, user: str) -> bool:
        """Let the channel hear of it; False when it does already."""
        with self._database.write() as connection:
            cursor = connection.execute(
                "INSERT OR IGNORE INTO subscriptions (channel, project, what, branch, user, created_at) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (channel, project, wanted.what.value, wanted.branch, user, self._database.now()),
            )
            return cursor.rowcount == 1

    def remove(self, channel: str, project: str, what: What | None = None, branch: str | None = None) -> int:
        """End what fits (None: whichever it is); how many these were."""
        with self._database.write() as connection:
            return connection.execute(
                "DELETE FROM subscriptions WHERE channel = :channel AND project = :project "
                "AND (:what IS NULL OR what = :what) AND (:branch IS NULL OR branch = :branch)",
                {"channel": channel, "project": project, "what": what and what.value, "branch": branch},
            ).rowcount

    def concern(self, run: Run) -> bool:
        """Whether the run's own channel wants to hear of its end: its last message shows there then."""
        sql = f"SELECT 1 FROM subscriptions WHERE channel = ? AND {_WANTED}"  # noqa: S608 - a literal
        return self._database.one(sql, (run.channel, *_wanted(run))) is not None


def say_of_end(connection: Connection, at: float, run: Run) -> None:
    """Tell whoever asked for it that the run has ended; in the transaction of its last message, so exactly once.

    The run's own channel has that message, which is shown in it (`concern`) instead of another one.
    """
    for place in {*_channels(connection, run), *_people(connection, run)} - {run.channel}:
        key = f"run-{run.uid}-for-{place}"
        say(connection, at, Note("heads-up", data={"run": run.id}), key=key, channel=place, user="")


def _channels(connection: Connection, run: Run) -> Iterator[str]:
    sql = f"SELECT DISTINCT channel FROM subscriptions WHERE {_WANTED}"  # noqa: S608 - a literal
    for row in connection.execute(sql, _wanted(run)):
        yield row["channel"]


def _people(connection: Connection, run: Run) -> Iterator[str]:
    for user in dict.fromkeys((run.user, *run.options.notify)):
        if connection.execute("SELECT 1 FROM preferences WHERE user = ? AND direct_message", (user,)).fetchone():
            yield user


def _wanted(run: Run) -> tuple[str, str, str, str]:
    ended = {Phase.RELEASED: What.RELEASED, Phase.FAILED: What.FAILED}.get(run.phase, What.FINISHED)
    return run.project, run.branch, What.FINISHED.value, ended.value
