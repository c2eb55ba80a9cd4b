"""`/locations hold` and `release`: keep a machine for oneself for a while, and give it back."""

from __future__ import annotations

import re

from bot.slack import words
from bot.slack.turn import held
from commands.desk import Call, Desk, LocationFacts, Reply
from commands.locations.meant import machine_meant

LONGEST_MINUTES = 480
_MINUTES = re.compile(r"(\d{1,9})(?:m|min)?", re.ASCII)
_REASON = 200


def hold(given: list[str], call: Call, desk: Desk) -> Reply | None:
    """`[location] <minutes> [reason]`; the same again sets a new end, counted from now."""
    name = given.pop(0) if given and not _MINUTES.fullmatch(given[0]) else None
    minutes = _MINUTES.fullmatch(given.pop(0)) if given else None
    if minutes is None:
        return None
    if given and given[0].casefold() in ("min", "minute", "minutes"):
        given.pop(0)
    if not 1 <= int(minutes[1]) <= LONGEST_MINUTES:
        return Reply(f"A hold lasts 1 to {LONGEST_MINUTES} minutes; typed again, it goes on for so long from then.")
    facts = machine_meant(name, call, desk)
    return facts if isinstance(facts, Reply) else _hold(facts, int(minutes[1]), " ".join(given)[:_REASON], call, desk)


def hold_on(name: str, minutes: int, call: Call, desk: Desk) -> Reply:
    """A button's hold: from now on for so long, and never shorter than the caller's own hold is already."""
    facts = machine_meant(name, call, desk)
    if isinstance(facts, Reply):
        return facts
    now, row = desk.clock.now(), desk.store.machines.get(facts.name)
    if row.holder(now) == call.user and (row.held_until or now) >= now + minutes * 60:
        return Reply(
            f"{words.code(facts.name)} is yours for another {words.about((row.held_until or now) - now)} already."
        )
    return _hold(facts, minutes, "", call, desk)


def _hold(facts: LocationFacts, minutes: int, reason: str, call: Call, desk: Desk) -> Reply:
    now = desk.clock.now()
    before = desk.store.machines.get(facts.name)
    taken = desk.store.holds.take(
        facts.name, user=call.user, until=now + minutes * 60, reason=reason, channel=call.channel
    )
    if not taken:
        return Reply(_taken(facts, call, desk))
    desk.wake()
    name, why = words.code(facts.name), f": {words.escape(reason, 300)}" if reason else ""
    if before.holder(now) == call.user:
        return Reply(f"{name} is yours for {words.plural(minutes, 'minute')} from now{why}.")
    said = [
        f"{name} is yours for {words.plural(minutes, 'minute')}{why}.",
        "Until then only your runs start on it, and it is not stopped.",
        f"`/locations release {words.escape(facts.name, 60)}` gives it back before that.",
    ]
    holder = desk.store.holder(facts.name)
    if holder is not None and holder.user != call.user:
        said.append(f"Run {holder.id} of {desk.name_of(holder.user, holder)} is still on it, and goes on.")
    if before.state == "stopped" and facts.switchable:
        said.append(f"It is off: `/locations start {words.escape(facts.name, 60)}` switches it on.")
    return Reply(" ".join(said))


def _taken(facts: LocationFacts, call: Call, desk: Desk) -> str:
    name = words.code(facts.name)
    other = held_by_other(facts, call, desk)
    if other:
        return f"{name} cannot be held now: {other}. They or an admin can release it."
    waiting = [run for run in desk.store.queue(facts.line) if run.user != call.user]
    who = words.listing([f"{desk.name_of(run.user, run)} (run {run.id})" for run in waiting[:3]])
    return f"{name} cannot be held while others wait for it: {who or 'somebody'}. Try again when their turn has come."


def held_by_other(facts: LocationFacts, call: Call, desk: Desk) -> str:
    """`alice holds it for another 25 min: debugging`; empty when nobody but the caller does."""
    now = desk.clock.now()
    row = desk.store.machines.get(facts.name)
    by = row.holder(now)
    if by is None or by == call.user:
        return ""
    return held(desk.name_of(by), (row.held_until or now) - now, row.held_reason)


def release(given: list[str], call: Call, desk: Desk) -> Reply | None:
    """`[location]`; without one, the machine that the caller holds."""
    if len(given) > 1:
        return None
    mine = desk.store.holds.held(call.user)
    facts = machine_meant(given[0] if given else mine[0] if len(mine) == 1 else None, call, desk)
    if isinstance(facts, Reply):
        return facts
    name = words.code(facts.name)
    row = desk.store.holds.release(facts.name, by=call.user, anybodys=call.user in desk.admins)
    if row is not None:
        desk.wake()
        whose = "Your hold" if row.held_by == call.user else f"The hold of {desk.name_of(row.held_by or '')}"
        return Reply(f"{whose} on {name} has ended: others can use it again.")
    other = held_by_other(facts, call, desk)
    return Reply(f"{other}. Only they or an admin can end that." if other else f"Nobody holds {name}.")
