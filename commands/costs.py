"""`/costs [month]`: what the machines cost in a month, whose runs that was for, and what the time went to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from bot.runs.charges import Charge, Part, rounded, sums, total, unpriced
from bot.slack import words
from bot.slack.blocks import Block, context, header, section, table
from commands import month, request
from commands.desk import Call, Command, Desk, Reply

USAGE = "/costs [2026-11 | november | last]"
SHOWN = 8
"""Rows of a table, the last of which may stand for all that is smaller."""
NOBODYS = "nobody's"
_PARTS = {
    Part.BOOT: "starting machines",
    Part.TRANSFER: "fetching code and data",
    Part.TRAINING: "training",
    Part.PUBLISHING: "saving results",
    Part.FAILED: "runs that failed",
    Part.IDLE: "idle machines",
}
SMALL_PRINT = (
    "Machine time only, at the price an hour, by months of UTC. Idle time counts for whose run was on the machine "
    "before; nobody's is that of a machine that was turned on by hand."
)
_SMALL = 1.0
"""Dollars below which a bill is shown to the hundredth of a cent."""


def handle(call: Call, desk: Desk) -> Reply | None:
    """A month's bill, as far as it goes."""
    today = datetime.fromtimestamp(desk.clock.now(), tz=UTC).date()
    meant = month.meant(" ".join(request.words(call.text)), today)
    if meant is None:
        return Reply(f"Which month? `{USAGE}`, or nothing for this one.")
    bill = desk.store.costs.between(meant.begin, meant.end)
    if not bill:
        return Reply(f"{meant.title}: no machine was on, so nothing was spent. `{USAGE}`")
    known = [charge for charge in bill if charge.price is not None]
    if not known:
        return Reply(f"What {meant.title} cost is not known. {_missing(bill)}")
    digits = 2 if total(known) >= _SMALL else 4
    (amount,) = rounded({"all": total(known)}, digits).values()
    time = words.duration(sum(charge.seconds for charge in known))
    headline = f"*{_dollars(amount, digits)}* for {time} of machine time"
    blocks = [header(f"Costs of {meant.title}"), section(headline), *_tables(known, desk, digits)]
    return Reply(f"Costs of {meant.title}: {headline}", [*blocks, context(_missing(bill), SMALL_PRINT)])


def _tables(bill: Sequence[Charge], desk: Desk, digits: int) -> list[Block]:
    tables = [
        _table("What it went to", sums(bill, lambda charge: str(charge.part)), lambda part: _PARTS[Part(part)], digits),
        _table("By person", sums(bill, lambda charge: charge.user), lambda user: _person(user, desk), digits),
        _table("By branch", sums(bill, lambda charge: charge.branch), lambda branch: branch or NOBODYS, digits),
    ]
    projects = sums(bill, lambda charge: charge.project)
    if len(projects.keys() - {""}) > 1:
        tables.append(_table("By project", projects, lambda project: project or NOBODYS, digits))
    return tables


def _table(title: str, amounts: Mapping[str, float], label: Callable[[str], str], digits: int) -> Block:
    """The largest amounts with their shares. As shown, they sum to the total as shown."""
    lines = [(label(key), amount) for key, amount in amounts.items()]
    if len(lines) > SHOWN:
        rest = lines[SHOWN - 1 :]
        lines = [*lines[: SHOWN - 1], (f"{len(rest)} others", sum(amount for _name, amount in rest))]
    whole = sum(amounts.values())
    shown = rounded({at: amount for at, (_name, amount) in enumerate(lines)}, digits)
    rows = [
        [name, _dollars(shown[at], digits), f"{amount / whole:.0%}" if whole else ""]
        for at, (name, amount) in enumerate(lines)
    ]
    return section(f"*{title}*\n{table(rows)}")


def _dollars(amount: float, digits: int) -> str:
    """All with the same number of decimals, unlike `words.money`: they stand in a column."""
    return f"${amount:,.{digits}f}"


def _person(user: str, desk: Desk) -> str:
    """As people know somebody; the table makes it harmless."""
    person = desk.person(user) if user else None
    return person.name if person else user or NOBODYS


def _missing(bill: Sequence[Charge]) -> str:
    """What is in no sum."""
    lacking = [f"{words.code(name, 60)} ({words.duration(seconds)})" for name, seconds in unpriced(bill).items()]
    return f"No price is known for {words.listing(lacking[:SHOWN])}, so that is in no sum." if lacking else ""


COMMAND = Command(
    name="/costs",
    usage="[month]",
    description="What the machines cost this month or another: by person and branch, and what it went to",
    example="/costs last",
    handle=handle,
)
