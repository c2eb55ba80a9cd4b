"""What is done by the clock: look at the machines, stop the idle ones, keep a copy of the ledger."""

from __future__ import annotations

import logging

from bot.engine.look import look_at
from bot.engine.world import World
from bot.errors import DoorError
from bot.ports import PowerState

log = logging.getLogger(__name__)


def look_after_machines(world: World) -> None:
    """Compare every machine with the ledger; stop those that idled long enough and are nobody's.

    A machine whose state is unknown is left alone, and one that somebody waits for or works on is never stopped: the
    compare-and-set in the ledger decides (house.md: "release, then stop" races).
    """
    for name, location in world.locations.items():
        try:
            _look_after(world, name)
        except DoorError as error:
            log.warning("machine %s: %s", name, error)
        except Exception:
            log.exception("machine %s: the look stumbled", location.name)


def _look_after(world: World, name: str) -> None:
    location = world.locations[name]
    power = look_at(world, name)
    if not location.stoppable or power is not PowerState.RUNNING:
        return
    idle = world.terms[name].idle_seconds
    taken = world.store.machines.get(name).stopping
    if taken or world.store.machines.take_for_stop(name, idle_for=idle):
        log.info("machine %s idled for %.0f s: stopping it", name, idle)
        location.stop()
