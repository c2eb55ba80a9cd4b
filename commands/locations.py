"""`/locations`: the machines, whose they are, whether they are on, who has them and who waits."""

from __future__ import annotations

from bot.runs.machines import MachineRow
from bot.runs.model import Phase
from bot.slack import words
from bot.slack.blocks import Block, context, section
from commands.desk import Call, Command, Desk, LocationFacts, Reply
from commands.find import ago

SHOWN = 12
_STATES = {
    "stopped": "off",
    "starting": "starting",
    "running": "on",
    "stopping": "stopping",
    "gone": "does not exist any more",
}


def handle(call: Call, desk: Desk) -> Reply | None:
    """Every location, the caller's own first."""
    if not desk.locations:
        return Reply(f"There is no training machine yet. Ask {desk.whom_to_ask} to add one.")
    person = desk.person(call.user)
    own = desk.location_for(person.email) if person is not None and person.email else None
    facts = sorted(desk.locations.values(), key=lambda each: (each.name != own, each.name))
    lines = [_line(each, desk, mine=each.name == own) for each in facts[:SHOWN]]
    blocks: list[Block] = [section(line) for line in lines]
    if len(facts) > SHOWN:
        blocks.append(context(f"and {len(facts) - SHOWN} more"))
    if person is not None and person.email and own is None:
        blocks.append(context(f"None of them is yours. Ask {desk.whom_to_ask} to add one for you."))
    return Reply("\n".join(lines), blocks)


def _line(facts: LocationFacts, desk: Desk, *, mine: bool) -> str:
    parts = [f"*{words.escape(facts.name, 60)}*", _whose(facts, mine=mine), _state(facts, desk), _price(facts)]
    first = " · ".join(part for part in parts if part)
    return "\n".join(line for line in (first, _use(facts, desk)) if line)


def _whose(facts: LocationFacts, *, mine: bool) -> str:
    if facts.shared:
        return "shared" + (", and yours to use" if mine else "")
    if mine:
        return "yours"
    return f"of {words.code(facts.owner_email, 80)}" if facts.owner_email else ""


def _state(facts: LocationFacts, desk: Desk) -> str:
    machine: MachineRow = desk.store.machines.get(facts.name)
    said = _STATES.get(machine.state)
    if said is None or machine.seen_at is None:
        return "state unknown"
    return f"{said}, seen {ago(desk.clock.now() - machine.seen_at)}"


def _price(facts: LocationFacts) -> str:
    return "" if facts.price_per_hour is None else f"{words.money(facts.price_per_hour)} an hour"


def _use(facts: LocationFacts, desk: Desk) -> str:
    holder = desk.store.holder(facts.name)
    queue = desk.store.queue(facts.name)
    said = "free"
    if holder is not None:
        since = desk.clock.now() - holder.times.get(Phase.STARTING, holder.phase_at)
        said = (
            f"{desk.name_of(holder.user, holder)} has it for {words.duration(since)} now, "
            f"with run {holder.id} ({words.code(holder.tag, 80)})"
        )
    if queue:
        waiting = words.listing([f"{desk.name_of(run.user, run)} (run {run.id})" for run in queue[:5]])
        more = f" and {len(queue) - 5} more" if len(queue) > 5 else ""  # noqa: PLR2004 - as many as are named
        said += f"; waiting: {waiting}{more}"
    return said


COMMAND = Command(
    name="/locations",
    usage="",
    description="The training machines: whose they are, whether they are on, who has them",
    example="/locations",
    handle=handle,
)
