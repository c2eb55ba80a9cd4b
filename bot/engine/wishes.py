"""What people asked of machines beside training: on, off, mine for a while. Done here, never in a listener.

A wish is a row of the ledger: after a crash it is looked at again, and every call to a machine may be repeated.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bot.engine import policy, reaper
from bot.engine.errands import run_errands
from bot.engine.intake import introduce
from bot.engine.look import look_at
from bot.engine.world import World
from bot.errors import DoorError, NoCapacity, Unavailable
from bot.ports import Location, PowerState
from bot.runs.machines import MachineRow

log = logging.getLogger(__name__)

STOP_PATIENCE = 600.0
"""Seconds until somebody hears that a machine which they wanted off is still not."""
MINUTE = 60


@dataclass(frozen=True)
class Answer:
    """What a wish came to. `stays`: the machine could not be stopped, and is not about to be."""

    text: str
    stays: bool = False


def answer_people(world: World) -> bool:
    """Look once at every hold, wish and errand; True when there is something to be said or a run may have its turn."""
    introduce(world)
    told = world.store.holds.end_expired()
    told = run_errands(world) or told
    for row in world.store.wishes.open():
        try:
            answer = _look(row, world)
            if answer is not None:
                told = world.store.wishes.end(row, answer.text, stays=answer.stays) or told
        except Exception:
            log.exception("machine %s: the wish for %s stumbled", row.name, row.wanted)
    return told


def _look(row: MachineRow, world: World) -> Answer | None:
    """Do what the wish needs now; None while it is on its way."""
    location = world.locations.get(row.name)
    if location is None:
        return Answer(f"There is no location `{row.name}` any more.", stays=True)
    waited = world.clock.now() - (row.wanted_at or 0.0)
    patience = STOP_PATIENCE if row.wanted == "off" else world.terms[row.name].start_seconds
    try:
        answer = _off(row, location, world) if row.wanted == "off" else _on(row, location, world)
    except NoCapacity as error:
        return _in_vain(row, str(error)) if waited > policy.CAPACITY_PATIENCE else None
    except Unavailable as error:
        return _in_vain(row, str(error)) if waited > patience else None
    except DoorError as error:
        return _in_vain(row, str(error))
    if answer is None and waited > patience:
        doing = "switched off" if row.wanted == "off" else "ready"
        return _in_vain(row, f"It is not {doing} after {round(waited / MINUTE)} min.")
    return answer


def _on(row: MachineRow, location: Location, world: World) -> Answer | None:
    power = look_at(world, row.name)
    if power is PowerState.STOPPED:
        location.start()
    if power is PowerState.GONE:
        return _in_vain(row, "The machine does not exist any more.")
    if power is not PowerState.RUNNING or world.store.machines.get(row.name).stopping or not location.answers():
        return None
    idle = world.terms[row.name].idle_seconds / MINUTE
    return Answer(
        f"`{row.name}` is on and answers. It is stopped again when nobody has used it for {idle:g} min; "
        f"`/locations hold {row.name} 60` keeps it for you for an hour."
    )


def _off(row: MachineRow, location: Location, world: World) -> Answer | None:
    """Stop it, while the right to that is still ours: once it was off, somebody else may have started it again."""
    power = look_at(world, row.name)
    if power in (PowerState.STOPPED, PowerState.GONE) or not world.store.machines.get(row.name).stopping:
        return Answer(f"`{row.name}` is off.")
    if power is PowerState.RUNNING and not _nothing_runs(row.name, world):
        return _in_vain(row, "Something runs there that this Stationmaster does not know, and it is left alone.")
    if power in (PowerState.RUNNING, PowerState.STARTING):
        location.stop()
    return None


def _nothing_runs(name: str, world: World) -> bool:
    """Whether the machine is free of jobs; one that does not say is taken to be: a person wants it off by hand."""
    try:
        return reaper.reap(world, name)
    except DoorError as error:
        world.watch(name).said(f"it is stopped by hand without saying what runs there: {error}")
        return True


def _in_vain(row: MachineRow, why: str) -> Answer:
    what = "could not be stopped" if row.wanted == "off" else "could not be started"
    again = f"`/locations {'stop' if row.wanted == 'off' else 'start'} {row.name}` tries again."
    return Answer(f"`{row.name}` {what}. {why} {again}", stays=True)
