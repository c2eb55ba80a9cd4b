"""Machines against the ledger: whose job is it that runs there? Orphans are ended; somebody else's work never is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from enum import Enum, auto

from bot.engine.orders import folder_of
from bot.engine.world import World
from bot.ports import JobSeen, Location
from bot.runs.model import Run

log = logging.getLogger(__name__)


class Whose(Enum):
    """What the ledger says of a job that lives at a machine."""

    OURS = auto()
    """Its run has the machine."""
    ORPHAN = auto()
    """Its run has it no more, or a newer reservation has it, or it is over the location's time: it is ended."""
    STRANGER = auto()
    """This ledger does not know it (a restored or a lost one; another bot): nobody here may end it."""


def whose(job: JobSeen, run: Run | None, holder: Run | None, max_hours: float) -> Whose:
    """Decide by the fence where somebody has the machine, and by the run where nobody has. Pure.

    A job with a newer fence than the ledger gave its run is a stranger: the ledger is older than the job. A stranger is
    left alone until `max_hours`, or until a newer reservation: its fence keeps it from publishing from then on.
    """
    known = run is not None and run.fence > 0 and job.fence <= run.fence
    if known and run is not None and run.holds and job.fence == run.fence:
        return Whose.OURS
    if known or (holder is not None and job.fence < holder.fence) or job.seconds > max_hours * 3600:
        return Whose.ORPHAN
    return Whose.STRANGER


def reap(world: World, name: str) -> bool:
    """Ask the machine for its jobs, and end the orphans; True when nothing of ours, or of a stranger, is left there.

    Raises:
        DoorError: the machine does not say for certain what runs there.
    """
    location = world.locations[name]
    jobs = location.living()
    suspects = {job.name for job in jobs if _judge(world, name, job) is Whose.ORPHAN}
    if suspects:
        # The ledger was read after the first answer: who is still there now has no business there for certain.
        jobs = location.living()
    kept = [job for job in jobs if job.name not in suspects or not _end(world, location, job)]
    _tell_of_strangers(world, name, kept)
    return not kept


def _judge(world: World, name: str, job: JobSeen) -> Whose:
    holder, run = world.store.holder(name), world.store.run_by_uid(job.uid)
    return whose(job, run, holder, world.terms[name].max_hours)


def _end(world: World, location: Location, job: JobSeen) -> bool:
    if not location.kill(job.name, folder_of(job.uid, location)):
        log.warning("machine %s: the orphan %s cannot be ended", location.name, job.name)
        return False
    run = world.store.run_by_uid(job.uid)
    why = _why(job, run, world.store.holder(location.name))
    log.warning("machine %s: ended the orphan %s (fence %d): %s", location.name, job.name, job.fence, why)
    text = (
        f"Something of {_title(run, job)} still ran on `{location.name}` (`{job.step}`, for {_lasting(job.seconds)}), "
        f"and was ended: {why}"
    )
    _tell(world, location.name, job, text, deed="reap", run=run)
    return True


def _why(job: JobSeen, run: Run | None, holder: Run | None) -> str:
    if run is not None and run.phase.ended:
        return "the run has ended."
    if holder is not None and job.fence < holder.fence:
        return "a newer run has the machine now."
    if run is None or job.fence > run.fence:
        return "it ran longer than this machine allows."
    return "the run does not have this machine any more."


def _tell_of_strangers(world: World, name: str, jobs: Sequence[JobSeen]) -> None:
    for job in jobs:
        if _judge(world, name, job) is not Whose.STRANGER:
            continue
        hours = world.terms[name].max_hours
        text = (
            f"`{job.name}` runs on `{name}`, and this Stationmaster does not know it: it is of another ledger, or of "
            f"a lost one. It was left alone, and the machine stays on for it, for {hours:g} hours in all at most."
        )
        world.watch(name).said(f"{job.name} is of no run of this ledger; it is left alone")
        if world.fallback_channel:
            _tell(world, name, job, text, deed="stranger", run=None)


def _tell(world: World, name: str, job: JobSeen, text: str, *, deed: str, run: Run | None) -> None:
    world.store.notices.tell(
        text,
        key=f"{deed}-{job.name}-{job.fence}",
        deed=deed,
        location=name,
        run=run,
        channel=world.fallback_channel,
        data={"job": job.name, "fence": job.fence, "step": job.step, "seconds": round(job.seconds)},
    )


def _title(run: Run | None, job: JobSeen) -> str:
    return f"run {run.id}" if run else f"`{job.name}`"


def _lasting(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"  # noqa: PLR2004 - an hour
