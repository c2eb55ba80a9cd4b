"""Which machine somebody means, and whether they may: their own and the shared ones; an admin, all of them."""

from __future__ import annotations

from bot.ports import Person
from bot.runs.names import nearest
from bot.slack import words
from commands.desk import Call, Desk, LocationFacts, Reply


def machine_meant(name: str | None, call: Call, desk: Desk) -> LocationFacts | Reply:
    """The machine with that name, or the caller's own without one; else the sentence that says what is wrong."""
    person = desk.person(call.user)
    found = _named(name, desk) if name is not None else _own(person, call, desk)
    if isinstance(found, Reply) or found.shared or call.user in desk.admins:
        return found
    if person is None:
        return _stranger(call, desk)
    if found.owner_email and found.owner_email.casefold() == person.email.casefold():
        return found
    whose = f"belongs to {words.code(found.owner_email or '', 80)}"
    return Reply(f"{words.code(found.name)} {whose}: only they or an admin can do that.")


def line_meant(name: str, call: Call, desk: Desk) -> LocationFacts | Reply:
    """The machine with that name, or any machine of the pool with it; else the sentence that says what is wrong."""
    members = pool_of(name, desk)
    if not members or name.casefold() in {each.casefold() for each in desk.locations}:
        return machine_meant(name, call, desk)
    tried = [machine_meant(each, call, desk) for each in members]
    return next((found for found in tried if isinstance(found, LocationFacts)), tried[0])


def pool_of(name: str, desk: Desk) -> list[str]:
    """The machines of the pool with that name; none when there is no such pool."""
    return [facts.name for facts in desk.locations.values() if facts.pool and facts.pool.casefold() == name.casefold()]


def _named(name: str, desk: Desk) -> LocationFacts | Reply:
    for facts in desk.locations.values():
        if facts.name.casefold() == name.casefold():
            return facts
    machines = pool_of(name, desk)
    if machines:
        return _which_of(name, machines)
    names = sorted(desk.locations)
    shown = words.listing([words.code(each, 60) for each in nearest(names, name) or names[:8]])
    return Reply(f"There is no location {words.code(name, 80)}. There is {shown}.")


def _own(person: Person | None, call: Call, desk: Desk) -> LocationFacts | Reply:
    if person is None:
        return _stranger(call, desk)
    line = desk.location_for(person.email) if person.email else None
    if line is None:
        return Reply(f"No machine here is yours. Ask {desk.whom_to_ask} to add one, or name a shared one.")
    if line in desk.locations:
        return desk.locations[line]
    machines = pool_of(line, desk)
    held = [name for name in machines if name in desk.store.holds.held(call.user)]
    return desk.locations[held[0]] if len(held) == 1 else _which_of(line, machines)


def _which_of(pool: str, machines: list[str]) -> Reply:
    named = words.listing([words.code(name, 60) for name in machines[:12]])
    return Reply(f"{words.code(pool, 80)} is a pool: name one of its machines, {named}.")


def _stranger(call: Call, desk: Desk) -> Reply:
    """Which machine is theirs depends on their e-mail address, and a command asks nobody outside."""
    desk.store.people.meet(call.user)
    desk.wake()
    return Reply("We have not met yet, so I am asking Slack who you are. Please try that again in a few seconds.")
