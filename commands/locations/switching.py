"""`/locations start` and `stop`: write down that somebody wants a machine on or off. The engine does it."""

from __future__ import annotations

from collections.abc import Callable

from bot.slack import words
from commands.desk import Call, Desk, LocationFacts, Reply
from commands.locations.holding import held_by_other
from commands.locations.meant import machine_meant


def start(given: list[str], call: Call, desk: Desk) -> Reply | None:
    """`[location]`: want it on."""
    return _switch(given, call, desk, _start)


def stop(given: list[str], call: Call, desk: Desk) -> Reply | None:
    """`[location]`: want it off, unless somebody needs it."""
    return _switch(given, call, desk, _stop)


def _switch(given: list[str], call: Call, desk: Desk, do: Callable[[LocationFacts, Call, Desk], str]) -> Reply | None:
    if len(given) > 1:
        return None
    facts = machine_meant(given[0] if given else None, call, desk)
    if isinstance(facts, Reply):
        return facts
    return Reply(_cannot_be_switched(facts, desk) or do(facts, call, desk))


def _start(facts: LocationFacts, call: Call, desk: Desk) -> str:
    name, row = words.code(facts.name), desk.store.machines.get(facts.name)
    if row.state == "running" and not row.stopping:
        return f"{name} is on already."
    if not desk.store.wishes.start(facts.name, user=call.user, channel=call.channel):
        return _asked_before(facts, call, desk) or _changed(facts)
    desk.wake()
    if row.stopping:
        return f"{name} is still being stopped. It is started again as soon as it is off, and then I tell you."
    return f"Starting {name}. I tell you when it answers, or why it does not."


def _stop(facts: LocationFacts, call: Call, desk: Desk) -> str:
    name, row = words.code(facts.name), desk.store.machines.get(facts.name)
    if row.state == "stopped" and row.wanted is None:
        return f"{name} is off already."
    if not desk.store.wishes.stop(facts.name, user=call.user, channel=call.channel):
        return _needed(facts, desk) or _asked_before(facts, call, desk) or _changed(facts)
    desk.wake()
    ended = " Your hold on it has ended." if row.holder(desk.clock.now()) == call.user else ""
    return f"Stopping {name}. I tell you when it is off.{ended}"


def _cannot_be_switched(facts: LocationFacts, desk: Desk) -> str:
    name = words.code(facts.name)
    if not facts.switchable:
        return f"{name} is always on: its power is not Stationmaster's to switch."
    if desk.store.machines.get(facts.name).state == "gone":
        return f"{name} does not exist any more. Ask {desk.whom_to_ask} for another one."
    return ""


def _needed(facts: LocationFacts, desk: Desk) -> str:
    """Why it has to stay on: somebody's run."""
    name = words.code(facts.name)
    run = desk.store.holder(facts.name)
    if run is not None:
        return f"{name} stays on: run {run.id} of {desk.name_of(run.user, run)} is on it. It is stopped after that."
    waiting = desk.store.queue(facts.line)
    if waiting:
        who = f"{desk.name_of(waiting[0].user, waiting[0])} (run {waiting[0].id})"
        return f"{name} stays on: {who} waits for {words.code(facts.line)}."
    return ""


def _asked_before(facts: LocationFacts, call: Call, desk: Desk) -> str:
    """What somebody asked of it before, and what is not to be undone by others."""
    name, row = words.code(facts.name), desk.store.machines.get(facts.name)
    other = held_by_other(facts, call, desk)
    if other:
        return f"{name} is left as it is: {other}. They or an admin can release it."
    by = "as you asked" if row.wanted_by == call.user else f"as {desk.name_of(row.wanted_by or '')} asked"
    if row.wanted == "on":
        return f"{name} is being started already, {by}."
    if row.wanted == "off":
        return f"{name} is being stopped already, {by}."
    return f"{name} is being stopped already." if row.stopping else ""


def _changed(facts: LocationFacts) -> str:
    return f"{words.code(facts.name)} changed at this very moment. `/locations` shows how it is now."
