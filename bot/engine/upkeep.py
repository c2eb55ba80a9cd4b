"""What is done by the clock for each machine: compare it with the ledger, renew its timer, stop it when it idles."""

from __future__ import annotations

import logging

from bot.engine import reaper
from bot.engine.look import look_at
from bot.engine.watch import Watch
from bot.engine.world import World
from bot.errors import DoorError
from bot.ports import Location, PowerState
from bot.runs.model import WORKING, Phase, Run

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
"""Seconds between two looks at each machine."""
MINUTE = 60.0
"""Seconds between two questions to a machine itself: each costs the training there a little."""
SILENCE = 300.0
"""Seconds that a machine may be on without telling its jobs until it is decided without its word."""
LEAST_LEFT = 3_600.0
"""Seconds beyond the location's `max_hours` after which a machine without a bot powers itself off whatever runs."""


def look_after_machines(world: World) -> None:
    """Look after every machine, one after the other. The wiring gives each its own schedule instead."""
    for name in world.locations:
        look_after(world, name)


def look_after(world: World, name: str) -> None:
    """Compare one machine with the ledger, both ways, and stop it when it idled long enough. Never raises.

    A machine whose state is unknown is left alone, and one that somebody waits for or works on is never stopped: the
    compare-and-set in the ledger decides (house.md: "release, then stop" races).
    """
    try:
        _look_after(world, name)
    except DoorError as error:
        world.watch(name).said(str(error))
    except Exception:
        log.exception("machine %s: the look stumbled", name)


def _look_after(world: World, name: str) -> None:
    location, watch = world.locations[name], world.watch(name)
    # In this order: what the power says is then newer than what the ledger said, also of a machine that just started.
    holder = world.store.holder(name)
    power = look_at(world, name)
    watch.saw(power)
    watch.found(power, holder.uid if holder and holder.phase in WORKING else "")
    if power is not PowerState.RUNNING:
        return
    starts = holder is not None and holder.phase is Phase.STARTING
    now = world.clock.now()
    if now - watch.asked_at >= MINUTE and not starts and not watch.stop_asked:
        watch.asked_at = now
        _guard(world, location, holder)
        _compare(world, location)
    if location.stoppable:
        _stop_idle(world, location)


def _guard(world: World, location: Location, holder: Run | None) -> None:
    """Renew the lease of a machine in the ledger's care: held by a run or a person, waited for, or idle for a while."""
    terms = world.terms[location.name]
    if not terms.lease_seconds or not location.stoppable or not _in_care(world, location.name, holder):
        return
    try:
        location.guard(lease_seconds=terms.lease_seconds, hard_seconds=terms.max_hours * 3600 + LEAST_LEFT)
    except DoorError as error:
        world.watch(location.name).said(f"its own timer is not set: {error}")


def _in_care(world: World, name: str, holder: Run | None) -> bool:
    now, row = world.clock.now(), world.store.machines.get(name)
    if holder is not None or world.store.queue(name) or (row.held_until or 0.0) > now:
        return True
    return not row.stopping and now - (row.idle_since or now) <= world.terms[name].idle_seconds


def _compare(world: World, location: Location) -> bool | None:
    """Whether nothing runs there; None when it does not say."""
    watch = world.watch(location.name)
    try:
        free = reaper.reap(world, location.name)
    except DoorError as error:
        if watch.silent_since is None:
            watch.silent_since = world.clock.now()
        watch.said(f"it does not say what runs there: {error}")
        return None
    watch.silent_since = None
    return free


def _stop_idle(world: World, location: Location) -> None:
    name, watch, machines = location.name, world.watch(location.name), world.store.machines
    # At the last look within the idle time, not at the first one after it: nobody pays for longer than was promised.
    row, idle = machines.get(name), max(0.0, world.terms[location.name].idle_seconds - LOOK_SECONDS)
    if not row.stopping and (row.idle_since is None or world.clock.now() - row.idle_since < idle):
        return
    if watch.silent_since is not None and not _sure(world, watch):
        _leave_on(world, watch, taken=row.stopping)
        return
    if not row.stopping and not machines.take_for_stop(name, idle_for=idle):
        return
    # Nobody can reserve it from here on, so what runs there now is an orphan or a stranger's.
    free = True if watch.stop_asked else _compare(world, location)
    if free or (free is None and _sure(world, watch)):
        log.info("machine %s is nobody's: stopping it", name)
        location.stop()
        watch.stop_asked = True
    else:
        machines.give_back_stop(name, busy=free is False)


def _sure(world: World, watch: Watch) -> bool:
    """Whether a machine that does not answer can be stopped all the same: the ledger knows of all that ran there.

    Every run that had it was given back, which needs its job's end to be seen. What remains is a job that this ledger
    does not know; and that cannot be where the power was seen off since the last time something was launched: by this
    process, or by the run that had it last and started it. Else the machine's own timer decides.
    """
    last = world.store.last_at(watch.name)
    started = last is not None and bool(last.progress.get("power_asked"))
    if started and last is not None and last.phase.ended and Phase.PREPARING not in last.times:
        return True  # its shell never came up, which is why it is stopped
    silent = world.clock.now() - (watch.silent_since or world.clock.now())
    return silent >= SILENCE and (watch.seen_off or started)


def _leave_on(world: World, watch: Watch, *, taken: bool) -> None:
    """Neither stop it nor forget it: a person has to look."""
    if taken:
        world.store.machines.give_back_stop(watch.name, busy=False)
    since = watch.silent_since or world.clock.now()
    if world.clock.now() - since < SILENCE:
        return
    watch.said("it is on and nobody's, but does not say what runs there: it is not stopped")
    text = (
        f"`{watch.name}` is on and nobody's, but does not answer, so nobody can tell whether something runs there. "
        "It was not stopped. Please look at it, and stop it by hand when nothing does."
    )
    if world.fallback_channel:
        world.store.notices.tell(
            text,
            key=f"silent-{watch.name}-{since:.0f}",
            deed="left-on",
            location=watch.name,
            run=None,
            channel=world.fallback_channel,
            data={},
        )
