"""Where each branch stood when it was last looked at, with the requests that its new commits made."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bot.runs.database import Database
from bot.runs.model import Kind, Note, TrainOptions
from bot.runs.outbox import say
from bot.runs.requests import text_of


@dataclass(frozen=True)
class Asked:
    """What a commit asks for, for whom, and where its thread is to be. `refusal`: why nothing comes of it, or empty."""

    commit: str
    user: str
    channel: str
    branch: str
    tag: str
    kind: Kind
    refusal: str = ""
    on: str = ""
    """The location of a smoke test that answers the push."""

    @property
    def options(self) -> TrainOptions:
        """As the run has them."""
        return TrainOptions(on=self.on, smoke=True, pushed=self.commit) if self.kind is Kind.SMOKE else TrainOptions()


class Heads:
    """Branches by project. A commit asks once, on whichever branch it is seen first, restarts included."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, project: str) -> Mapping[str, str]:
        """Branch -> the commit at which it was seen last."""
        rows = self._database.all('SELECT branch, "commit" FROM heads WHERE project = ?', (project,))
        return {row["branch"]: row["commit"] for row in rows}

    def move(self, project: str, branch: str, commit: str, asked: Sequence[Asked] = ()) -> None:
        """Note that a branch is at `commit` now, with what its new commits ask for."""
        now = self._database.now()
        with self._database.write() as connection:
            connection.execute(
                'INSERT INTO heads (project, branch, "commit") VALUES (?, ?, ?) '
                'ON CONFLICT (project, branch) DO UPDATE SET "commit" = excluded."commit"',
                (project, branch, commit),
            )
            for each in asked:
                key = f"{'push' if each.on else 'commit'}-{project}-{each.commit}"
                if each.refusal:
                    note = Note("whisper", each.refusal)
                    say(connection, now, note, key=key, channel=each.channel, user=each.user)
                    continue
                connection.execute(
                    "INSERT OR IGNORE INTO requests "
                    "(delivery, user, channel, branch, tag, kind, options, project, by_commit, created_at, due_at) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(key, each.user, each.channel, each.branch, each.tag, each.kind.value),
                        *(text_of(each.options), project, each.commit, now, now),
                    ),
                )

    def forget(self, project: str, branches: Collection[str]) -> None:
        """Branches that are gone: one that comes back under the name is seen for the first time."""
        with self._database.write() as connection:
            connection.executemany(
                "DELETE FROM heads WHERE project = ? AND branch = ?", [(project, branch) for branch in branches]
            )
