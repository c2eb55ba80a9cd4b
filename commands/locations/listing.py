"""The list: whose the machines are, whether they are on, who has them and until when, and who waits."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from bot.runs.machines import MachineRow
from bot.runs.model import Phase, Run
from bot.slack import words
from bot.slack.blocks import Block, context, section
from bot.slack.turn import held
from commands.desk import Call, Desk, LocationFacts, Reply
from commands.find import ago
from commands.locations.meant import pool_of

SHOWN = 12
WAITING_SHOWN = 5
_STATES = {
    "stopped": "off",
    "starting": "starting",
    "running": "on",
    "stopping": "stopping",
    "gone": "does not exist any more",
}


def listing(call: Call, desk: Desk) -> Reply:
    """Every location, the caller's own first; a pool's machines together, below its name."""
    person = desk.person(call.user)
    own = desk.location_for(person.email) if person is not None and person.email else None
    facts = sorted(desk.locations.values(), key=lambda each: (each.line != own, each.line, each.name))
    lines = list(_lines(facts[:SHOWN], own, desk, call.user))
    blocks: list[Block] = [section(line) for line in lines]
    if len(facts) > SHOWN:
        blocks.append(context(f"and {len(facts) - SHOWN} more"))
    if person is not None and person.email and own is None:
        blocks.append(context(f"None of them is yours. Ask {desk.whom_to_ask} to add one for you."))
    return Reply("\n".join(lines), blocks)


def _lines(facts: Iterable[LocationFacts], own: str | None, desk: Desk, reader: str) -> Iterable[str]:
    for line, group in groupby(facts, key=lambda each: each.line):
        machines = list(group)
        if machines[0].pool:
            yield _pool(line, desk, mine=line == own)
        for each in machines:
            yield described(each, desk, mine=line == own, reader=reader)


def _pool(line: str, desk: Desk, *, mine: bool) -> str:
    size = words.plural(len(pool_of(line, desk)), "machine")
    parts = [f"*{words.escape(line, 60)}*", f"a pool of {size} with one queue", _shared(mine=mine)]
    return "\n".join(part for part in (" · ".join(parts), _waiting(desk.store.queue(line), desk)) if part)


def described(facts: LocationFacts, desk: Desk, *, mine: bool, reader: str = "") -> str:
    """One machine in two lines of mrkdwn: what it is, and who has it. `reader` (a user id) is called "you"."""
    row = desk.store.machines.get(facts.name)
    parts = [
        f"*{words.escape(facts.name, 60)}*",
        f"in {words.code(facts.pool, 60)}" if facts.pool else _whose(facts, mine=mine),
        _power(row, desk),
        f"{words.size(row.disk_free)} free" if row.disk_free is not None else "",
        *_money(facts, desk),
    ]
    waiting = "" if facts.pool else _waiting(desk.store.queue(facts.name), desk)
    use = "; ".join(part for part in (_use(row, desk, reader), waiting) if part)
    return " · ".join(part for part in parts if part) + f"\n{use}"


def _money(facts: LocationFacts, desk: Desk) -> tuple[str, str]:
    """The price, of the settings or else of the cloud's list, and what the machine costs since midnight (UTC)."""
    price, today = facts.price_per_hour, desk.store.costs.machine_today(facts.name)
    if price is None:
        price = desk.store.costs.price_per_hour(facts.name)
    return (
        "" if price is None else words.rate(price),
        f"{words.money(today)} today" if today else "",
    )


def _whose(facts: LocationFacts, *, mine: bool) -> str:
    if facts.shared:
        return _shared(mine=mine)
    if mine:
        return "yours"
    return f"of {words.code(facts.owner_email, 80)}" if facts.owner_email else ""


def _shared(*, mine: bool) -> str:
    return "shared" + (", and yours to use" if mine else "")


def _power(row: MachineRow, desk: Desk) -> str:
    """`on for 3 h 5 min, seen 4 s ago`; what somebody asked for comes before what was last seen."""
    now = desk.clock.now()
    if row.wanted is not None:
        doing = "being started" if row.wanted == "on" else "being stopped"
        return f"{doing}, as {desk.name_of(row.wanted_by or '')} asked"
    if row.stopping:
        return "being stopped"
    said = _STATES.get(row.state)
    if said is None or row.seen_at is None:
        return "state unknown"
    if row.state == "running" and row.on_since is not None:
        said += f" for {words.duration(round(now - row.on_since))}"
    return f"{said}, seen {ago(now - row.seen_at)}"


def _use(row: MachineRow, desk: Desk, reader: str) -> str:
    """Who has it, with a run or by hand, and until when; `free` when nobody has."""
    now = desk.clock.now()
    said = []
    run = desk.store.holder(row.name)
    if run is not None:
        since = now - run.times.get(Phase.STARTING, run.phase_at)
        who = "you have" if run.user == reader else f"{desk.name_of(run.user, run)} has"
        said.append(f"{who} it for {words.duration(since)} now, with run {run.id} ({words.code(run.tag, 80)})")
    by = row.holder(now)
    if by is not None:
        sentence = held(desk.name_of(by), (row.held_until or now) - now, row.held_reason)
        said.append(sentence.replace(f"{desk.name_of(by)} holds", "you hold", 1) if by == reader else sentence)
    return "; ".join(said) or "free"


def _waiting(queue: list[Run], desk: Desk) -> str:
    if not queue:
        return ""
    named = words.listing([f"{desk.name_of(run.user, run)} (run {run.id})" for run in queue[:WAITING_SHOWN]])
    more = f" and {len(queue) - WAITING_SHOWN} more" if len(queue) > WAITING_SHOWN else ""
    return f"waiting: {named}{more}"
