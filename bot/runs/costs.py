"""What the ledger says of money: the intervals of power and the runs on them, as charges."""

from __future__ import annotations

from bot.runs.charges import LEAST_SECONDS, Charge, Cost, Power, Use, charges, total, unpriced, use_of
from bot.runs.database import Database, Row
from bot.runs.model import Run
from bot.runs.power_log import until
from bot.runs.rows import run_of

DAY = 86_400.0


class Costs:
    """Sums over the power log. Days and months are those of UTC; nothing here is written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def between(self, begin: float, end: float) -> list[Charge]:
        """Everything that is to be paid for in that time, of all machines."""
        return self._bill(begin, end)

    def of_run(self, run: Run) -> Cost | None:
        """What the run's own time costs so far; None while it has none, and when the price is not known."""
        use = use_of(run, self._database.now())
        price = self.price_per_hour(run.location)
        if use is None or price is None:
            return None
        begin, end = use.marks[0][0], use.until + LEAST_SECONDS
        bill = charges(self._powers(begin, end, run.location), [use], begin, end)
        own = [charge for charge in bill if charge.run == run.id]
        return None if unpriced(own) else Cost(total(own), price)

    def machine_today(self, name: str) -> float | None:
        """Dollars that the machine costs since midnight (UTC), idle time too; None when the price is not known."""
        now = self._database.now()
        midnight = now - now % DAY
        bill = self._bill(midnight, midnight + DAY, name)
        return None if unpriced(bill) else total(bill)

    def price_per_hour(self, name: str) -> float | None:
        """Dollars an hour, as of the last time that the machine was on; None while unknown."""
        row = self._database.one(
            "SELECT price_per_hour FROM power_log WHERE machine = ? ORDER BY id DESC LIMIT 1", (name,)
        )
        return row["price_per_hour"] if row else None

    def _bill(self, begin: float, end: float, machine: str | None = None) -> list[Charge]:
        powers = self._powers(begin, end, machine)
        # Whom idle time is charged to is decided by runs since the machine was turned on.
        since = min([begin, *(power.on for power in powers if not power.by_use)])
        return charges(powers, self._uses(since, end, machine), begin, end) if powers else []

    def _powers(self, begin: float, end: float, machine: str | None) -> list[Power]:
        rows = self._database.all(
            "SELECT * FROM power_log WHERE (machine = :machine OR :machine IS NULL) AND on_at < :end "
            "AND (off_at IS NULL OR off_at > :begin) ORDER BY machine, on_at",
            {"machine": machine, "begin": begin - LEAST_SECONDS, "end": end},
        )
        now = self._database.now()
        return [_power(row, now) for row in rows]

    def _uses(self, begin: float, end: float, machine: str | None) -> list[Use]:
        rows = self._database.all(
            "SELECT * FROM runs WHERE (location = :machine OR :machine IS NULL) "
            "AND json_extract(times, '$.starting') < :end "
            "AND coalesce(json_extract(times, '$.freed'), :end) > :begin",
            {"machine": machine, "begin": begin, "end": end},
        )
        now = self._database.now()
        return [use for row in rows if (use := use_of(run_of(row), now)) is not None]


def _power(row: Row, now: float) -> Power:
    return Power(
        machine=row["machine"],
        on=row["on_at"],
        until=until(row, now),
        price=row["price_per_hour"],
        ended=row["off_at"] is not None,
        by_use=bool(row["by_use"]),
    )
