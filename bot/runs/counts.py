"""The ledger in numbers, for `/metrics`. No names of people or machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.runs.database import Database

_WAITING = "state IN ('pending', 'sending')"


@dataclass(frozen=True)
class Backlog:
    """What Slack is still to be told: how many messages, since when the oldest waits (seconds), how often in vain.

    `tries`: of the messages that wait, the tries until now. `given_up`: messages that Slack never took.
    """

    waiting: int
    oldest: float
    tries: int
    given_up: int


class Counts:
    """Each a short read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def runs(self) -> Mapping[str, int]:
        """Phase -> runs that are in it, the ended ones since the ledger began."""
        return self._counts("SELECT phase AS what, count(*) AS n FROM runs GROUP BY phase")

    def requests(self) -> int:
        """Commands that wait for their check."""
        return self._counts("SELECT 'new' AS what, count(*) AS n FROM requests WHERE state = 'new'")["new"]

    def machines(self) -> Mapping[str, int]:
        """Power as last seen -> machines."""
        return self._counts("SELECT state AS what, count(*) AS n FROM machines GROUP BY state")

    def busy(self) -> int:
        """Machines that a run has."""
        return self._counts("SELECT 'busy' AS what, count(*) AS n FROM runs WHERE holds = 1")["busy"]

    def backlog(self) -> Backlog:
        """The outbox."""
        row = self._database.all(
            f"SELECT count(*) FILTER (WHERE {_WAITING}) AS waiting, "  # noqa: S608 - a literal
            f"min(created_at) FILTER (WHERE {_WAITING}) AS since, "
            f"coalesce(sum(tries) FILTER (WHERE {_WAITING}), 0) AS tries, "
            "count(*) FILTER (WHERE state = 'given-up') AS given_up FROM outbox"
        )[0]
        oldest = 0.0 if row["since"] is None else max(0.0, self._database.now() - row["since"])
        return Backlog(row["waiting"], oldest, row["tries"], row["given_up"])

    def _counts(self, question: str) -> Mapping[str, int]:
        return {str(row["what"]): int(row["n"]) for row in self._database.all(question)}
