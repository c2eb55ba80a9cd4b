"""From the reservation until the machine answers: each way in which that fails has its reason within a minute.

A machine of a pool that cannot be turned on is given back for another one that is free and was not tried; the next one
is asked at once. Only when there is none does the run stay where it is, and fail when the patience is over.
"""

from __future__ import annotations

from dataclasses import replace

from bot.engine import policy
from bot.engine.elsewhere import or_elsewhere, refused_by
from bot.engine.look import look_at
from bot.engine.policy import Outcome, milestone
from bot.engine.world import World
from bot.errors import DoorError, NoCapacity, NotFound, QuotaReached, Unauthorised, Unavailable
from bot.ports import Location, PowerState
from bot.runs.model import Phase, Reason, Run


def start(run: Run, world: World) -> Outcome:
    """Bring the machine up and wait until it answers."""
    try:
        outcome = _look(run, world)
    except Unavailable as error:
        outcome = _no_answer(run, world, error)
    return _patience(run, world, outcome)


def stop_again(run: Run, world: World) -> bool:
    """Take back the power that this run asked for in vain; True when the machine is being stopped.

    Still under the run's reservation, so that nobody else can be on it; not when somebody waits for it. The upkeep
    keeps asking until the power says that it is off. One that the cloud takes back is stopped whoever waits: it would
    be taken from under them a minute later.
    """
    location = world.locations[run.location]
    if not location.stoppable or not _takes_for_stop(run, world):
        return False
    try:
        location.stop()
    except DoorError as error:
        world.watch(run.location).said(f"could not be stopped at once, it is asked again: {error}")
    return True


def _takes_for_stop(run: Run, world: World) -> bool:
    if run.reason is Reason.INTERRUPTED:
        world.store.machines.take_back(run.location)
        return True
    in_vain = run.phase is Phase.FAILED and run.progress.get("power_asked") and Phase.PREPARING not in run.times
    return bool(in_vain) and world.store.machines.take_after_start(run.location)


def _look(run: Run, world: World) -> Outcome:
    location = world.locations[run.location]
    now = world.clock.now()
    power = look_at(world, run.location)
    world.watch(run.location).saw(power)
    if power is PowerState.RUNNING and location.answers():
        notes = (milestone("machine-ready", seconds=now - run.phase_at),) if run.progress.get("power_asked") else ()
        return policy.advance(run, Phase.PREPARING, *notes, progress=_settled(run))
    if power is PowerState.GONE:
        return or_elsewhere(run, world.store.lines, policy.fail(run, Reason.NO_MACHINE), why="gone")
    if now - run.phase_at > world.terms[run.location].start_seconds:
        return policy.fail(run, Reason.NO_MACHINE if power is PowerState.UNKNOWN else Reason.START_TIMEOUT)
    if power is PowerState.STOPPED:
        return _ask_for_power(run, world, location, now)
    run = _waiting_for(run, power.value)
    return policy.wait(run, 0.5 if now - run.phase_at < 10 else 2.0)  # noqa: PLR2004 - quick machines first


def _ask_for_power(run: Run, world: World, location: Location, now: float) -> Outcome:
    if not run.progress.get("power_asked"):
        # The intent goes to the ledger first: a machine whose start was answered by nobody is stopped again, too.
        asked = replace(run, progress={**run.progress, "power_asked": True})
        # Who moved on was told which machine is tried now.
        notes = () if run.progress.get("refused") else (milestone("machine-starting", location=run.location),)
        return policy.wait(asked, 0.0, *notes)
    tries = int(run.progress.get("start_tries", 0))
    if tries and now - run.progress["started_at"] < policy.START_PAUSE:
        return policy.wait(_waiting_for(run, "starting"), 1.0)
    if tries >= policy.START_TRIES:
        return policy.fail(run, Reason.START_FAILED)
    counted = {**run.progress, "start_tries": tries + 1, "started_at": now, "waits_for": "starting"}
    started = policy.wait(policy.calm(replace(run, progress=counted)), 0.5)
    return _refusal(run, world, location, now) or started


def _refusal(run: Run, world: World, location: Location, now: float) -> Outcome | None:
    """Ask for power; what the cloud's no comes to, None when it said yes."""
    try:
        location.start()
    except NoCapacity as error:
        return _no_capacity(run, world, now, error)
    except NotFound as error:
        unknown = policy.fail(_never_started(run), Reason.NO_MACHINE, message=str(error))
        return or_elsewhere(run, world.store.lines, unknown, why="gone")
    except Unauthorised as error:
        return policy.fail(_never_started(run), Reason.START_REFUSED, message=str(error))
    return None


def _no_capacity(run: Run, world: World, now: float, error: NoCapacity) -> Outcome:
    since = float(run.progress.get("refused_since", now))
    quota = isinstance(error, QuotaReached)
    refused = {"refused_since": since, "refused": refused_by(run), "waits_for": "capacity"}
    run = replace(run, progress={**run.progress, **refused})
    outcome = policy.wait(policy.in_trouble(run, now, str(error)), 10.0)
    if now - since > policy.CAPACITY_PATIENCE:
        reason = Reason.QUOTA if quota else Reason.NO_CAPACITY
        outcome = policy.fail(_never_started(run), reason, message=str(error))
    return or_elsewhere(run, world.store.lines, outcome, why="quota" if quota else "capacity")


def _no_answer(run: Run, world: World, error: Unavailable) -> Outcome:
    now = world.clock.now()
    run = policy.in_trouble(_waiting_for(run, "answer"), now, str(error))
    if now - run.phase_at > world.terms[run.location].start_seconds:
        return policy.fail(run, Reason.START_TIMEOUT, message=str(error))
    return policy.wait(run, error.retry_after or policy.back_off(run.progress["trouble"]["tries"]))


def _patience(before: Run, world: World, outcome: Outcome) -> Outcome:
    """Say once what a start that takes long is waiting for."""
    run = outcome.run
    late = world.clock.now() - before.phase_at > policy.SLOW_START
    if run.phase is not Phase.STARTING or not late or run.progress.get("slow_said"):
        return outcome
    told = replace(run, progress={**run.progress, "slow_said": True})
    note = milestone("start-slow", location=run.location, waits_for=run.progress.get("waits_for", "starting"))
    return replace(outcome, run=told, notes=(*outcome.notes, note))


def _waiting_for(run: Run, what: str) -> Run:
    return replace(run, progress={**run.progress, "waits_for": what})


def _never_started(run: Run) -> Run:
    """The cloud said no, and no earlier yes is known: there is nothing to stop again."""
    if run.progress.get("start_tries"):
        return run
    return replace(run, progress={**run.progress, "power_asked": False})


def _settled(run: Run) -> dict[str, object]:
    passing = ("waits_for", "refused_since", "refused", "start_tries", "started_at", "slow_said")
    return {key: value for key, value in run.progress.items() if key not in passing}
