"""Looking at a machine's power, with what the ledger and the bill want to know of it."""

from __future__ import annotations

from bot.engine.world import World
from bot.ports import PowerState


def look_at(world: World, name: str) -> PowerState:
    """Ask for the machine's power, note it, and say it."""
    location = world.locations[name]
    seen = location.look()
    # A machine whose power is not ours to switch is there anyway: only using it costs (docs/decisions.md).
    by_use = not location.stoppable
    world.store.machines.saw(name, seen.state, since=seen.since, price=world.price_of(name), by_use=by_use)
    return seen.state
