"""When each machine was on, and what an hour of it cost then: every sum of money is made from these intervals.

EC2 bills from `running` to `stopping`. A look every few seconds misses both by less than one look; where the cloud says
when they were, a bot that was away for hours misses them by seconds too. What nobody knows is not invoiced: a machine
that went off unseen, and whose cloud does not say when, was on until it was last seen on.
"""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Connection

from bot.ports import PowerState
from bot.runs.database import Row

OFF = (PowerState.STARTING, PowerState.STOPPING, PowerState.STOPPED, PowerState.GONE)
"""States that nobody pays for."""
STALE_SECONDS = 600.0
"""After so long without a look (it left the settings, the cloud is away) nobody knows that a machine is still on."""


@dataclass(frozen=True)
class Look:
    """What a look at a machine's power brought (see `bot.ports.PowerSeen`), and what is known of its price.

    `price` is in dollars an hour, None while unknown. `by_use`: being on costs nothing there, only being used does.
    """

    state: str
    since: float | None = None
    price: float | None = None
    by_use: bool = False


def note(connection: Connection, machine: str, look: Look, now: float) -> None:
    """Open, keep or close the machine's interval. To be called before `machines` has the new state."""
    if look.state == PowerState.RUNNING:
        _on(connection, machine, look, now)
    elif look.state in OFF:
        _off(connection, machine, look)


def until(row: Row, now: float) -> float:
    """The end of an interval, as far as it is known."""
    if row["off_at"] is not None:
        return float(row["off_at"])
    return now if now - row["seen_at"] <= STALE_SECONDS else float(row["seen_at"])


def _on(connection: Connection, machine: str, look: Look, now: float) -> None:
    row = _open(connection, machine)
    if row is not None and look.since is not None and look.since > row["seen_at"]:
        _close(connection, row, row["seen_at"])  # it was off and on again, and nobody saw it
        row = None
    row = row or _same_as_before(connection, machine, look) or _begin(connection, machine, look, now)
    price = row["price_per_hour"] if look.price is None else look.price
    if look.by_use and row["price_per_hour"] not in (None, price):
        # What was used so far keeps its price: such an interval may be years long.
        _close(connection, row, now)
        row = _begin(connection, machine, look, now)
    connection.execute("UPDATE power_log SET seen_at = ?, price_per_hour = ? WHERE id = ?", (now, price, row["id"]))


def _off(connection: Connection, machine: str, look: Look) -> None:
    row = _open(connection, machine)
    if row is None:
        return
    told = None if look.state == PowerState.STARTING else look.since  # the launch of the next time says nothing of this
    _close(connection, row, told if told is not None and told >= row["on_at"] else row["seen_at"])


def _open(connection: Connection, machine: str) -> Row | None:
    row = connection.execute("SELECT * FROM power_log WHERE machine = ? AND off_at IS NULL", (machine,)).fetchone()
    return dict(row) if row else None


def _close(connection: Connection, row: Row, at: float) -> None:
    connection.execute("UPDATE power_log SET off_at = ? WHERE id = ?", (at, row["id"]))


def _same_as_before(connection: Connection, machine: str, look: Look) -> Row | None:
    """The last interval again, when the machine was launched before its end: an answer between was out of date."""
    if look.since is None:
        return None
    row = connection.execute(
        "UPDATE power_log SET off_at = NULL WHERE id = (SELECT max(id) FROM power_log WHERE machine = ?) "
        "AND off_at >= ? RETURNING *",
        (machine, look.since),
    ).fetchone()
    return dict(row) if row else None


def _begin(connection: Connection, machine: str, look: Look, now: float) -> Row:
    """A new interval, from when it was launched or last seen off, whichever is later; from now where nobody knows."""
    before = connection.execute("SELECT state, seen_at FROM machines WHERE name = ?", (machine,)).fetchone()
    on_at = now
    if look.since is not None:
        seen_off = before["seen_at"] if before is not None and before["state"] in OFF else look.since
        on_at = min(now, max(look.since, seen_off))
    row = connection.execute(
        "INSERT INTO power_log (machine, on_at, seen_at, price_per_hour, by_use) VALUES (?, ?, ?, ?, ?) RETURNING *",
        (machine, on_at, now, look.price, int(look.by_use)),
    ).fetchone()
    return dict(row)
