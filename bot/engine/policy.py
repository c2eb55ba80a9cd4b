"""What to do next: advance, wait, try again or fail. Pure; a decision is a value that the worker applies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.runs.model import Elsewhere, Note, Phase, Reason, Run, legal

START_PATIENCE = 600.0
"""Seconds from the reservation until a machine that does not answer is given up (fault 20)."""
CAPACITY_PATIENCE = 45.0
"""Seconds of asking again for a machine that the cloud has no room for: the reason is in the thread within 60 s."""
SLOW_START = 45.0
"""Seconds of starting after which the thread hears once what is being waited for."""
START_TRIES = 3
"""How often a machine is asked to start that goes off again by itself."""
START_PAUSE = 30.0
"""Seconds until a machine that was asked to start, and still says that it is off, is asked again (Describe lags)."""
LEAST_PUBLISHING = 600.0
"""Seconds that saving a result gets at least, however long the training took: it would be lost otherwise."""
LOST_PATIENCE = 900.0
"""Seconds without an answer from a machine that should run a job, until it counts as lost (fault 25)."""
DOOR_PATIENCE = 3_600.0
"""Seconds that GitLab or S3 may stay away in the last phase: the result is safe by then, so there is no hurry."""
SURE_TRIES = 8
"""How often something must have been asked in vain before any of these patiences can be at its end."""
GIVE_BACK_PATIENCE = 60.0
"""Seconds of trying to end what still runs before the thread is told without waiting any longer."""

STEP_TRIES = {"prepare": 3, "build": 3, "repro": 1, "publish": 4, "compare": 3}
"""How often a step's job is started: training never twice (invariant 10); the others only repeat what is idempotent."""
NEW_LOGIN_TRIES = 2
"""How often a registry may refuse the login. It is made anew for each try: it may have ended meanwhile (fault 44)."""
PASSING = frozenset({"network", "lock", "killed", "internal"})
"""Causes of a failed step that another try may not meet again."""


@dataclass(frozen=True)
class Outcome:
    """What a deed came to: the run as it should be written, when to look again, and what to say."""

    run: Run
    due_in: float
    notes: tuple[Note, ...] = ()
    uncancel: bool = False
    """The cancel came too late and is taken back."""
    elsewhere: Elsewhere | None = None
    """What holds instead of all this when another machine of the run's line is free for it."""


def milestone(what: str, **data: Any) -> Note:
    """Something worth a line in the thread (bot/slack/blocks.py has the words)."""
    return Note("milestone", data={"what": what, **data})


def advance(run: Run, phase: Phase, *notes: Note, **changes: Any) -> Outcome:
    """Enter the next phase, at once, with a clean slate of tries."""
    if not legal(run.phase, phase):
        raise ValueError(f"run {run.id} cannot go from {run.phase} to {phase}")
    progress = changes.pop("progress", run.progress)
    calm = {key: value for key, value in progress.items() if key not in ("trouble", "launched")}
    return Outcome(replace(run, phase=phase, attempt=1, progress=calm, **changes), 0.0, notes)


def wait(run: Run, seconds: float, *notes: Note) -> Outcome:
    """Stay, and look again after `seconds`."""
    return Outcome(run, seconds, notes)


def fail(run: Run, reason: Reason, *notes: Note, **detail: Any) -> Outcome:
    """End without a release. The location is given back, and the thread told, in the deed that follows."""
    kept = {key: value for key, value in detail.items() if value not in (None, "", [], ())}
    return Outcome(replace(run, phase=Phase.FAILED, reason=reason, detail=kept), 0.0, notes)


def cancelled(run: Run) -> Outcome:
    """End because somebody asked for it."""
    return Outcome(replace(run, phase=Phase.CANCELLED, reason=Reason.CANCELLED), 0.0)


def deadline(run: Run, max_hours: float) -> float:
    """Until when (epoch seconds) the run may have its machine: `max_hours` from its reservation, whatever it does."""
    end = run.times.get(Phase.STARTING, run.phase_at) + max_hours * 3600
    return max(end, run.phase_at + LEAST_PUBLISHING) if run.phase is Phase.PUBLISHING else end


def discarded(run: Run) -> Outcome:
    """End because somebody decided that the result is not to be released."""
    return Outcome(replace(run, phase=Phase.CANCELLED, reason=Reason.DISCARDED), 0.0)


def look_delay(age: float, cost: float) -> float:
    """Seconds until a job that is `age` seconds old is heard again, when hearing it takes `cost` seconds.

    Often at first; and never so often that it takes more than a twentieth of the time, so that a slow shell (SSM) is
    asked seldom and a local file often.
    """
    return min(15.0, max(0.05, min(0.2, age / 50), 20 * cost))


def status_delay(age: float) -> float:
    """Seconds after which the job itself is asked for, although it wrote nothing: it may have died silently.

    Asking starts a program at the location, which takes from the training what it needs itself.
    """
    return min(10.0, max(0.25, age / 3))


def back_off(tries: int) -> float:
    """Seconds before the next try of something that did not answer."""
    return min(30.0, 0.5 * 2.0 ** min(tries, 10))


def in_trouble(run: Run, now: float, what: str) -> Run:
    """Note that something does not answer, and since when; the card says so."""
    trouble: Mapping[str, Any] = run.progress.get("trouble") or {"since": now, "tries": 0}
    trouble = {**trouble, "tries": trouble["tries"] + 1, "what": what}
    return replace(run, progress={**run.progress, "trouble": trouble})


def trouble_seconds(run: Run, now: float) -> float:
    """For how long it has not answered; 0 until it was asked often enough.

    A bot that was down for hours, or whose clock was set forth, has asked only once or twice in all that time.
    """
    trouble = run.progress.get("trouble")
    return now - trouble["since"] if trouble and trouble["tries"] >= SURE_TRIES else 0.0


def calm(run: Run) -> Run:
    """It answers again."""
    if "trouble" not in run.progress:
        return run
    return replace(run, progress={key: value for key, value in run.progress.items() if key != "trouble"})


def after_failed_step(run: Run, step: str, cause: str) -> float | None:
    """Seconds until the step's next try, or None when another try would not help."""
    if step == "build" and cause == "credentials":
        return 0.0 if run.attempt < NEW_LOGIN_TRIES else None
    if cause not in PASSING or run.attempt >= STEP_TRIES[step]:
        return None
    return 5.0 * run.attempt


def reason_of(cause: str) -> Reason:
    """The reason for a cause that the trainer named (trainer/events.py, CAUSES)."""
    try:
        return Reason(cause)
    except ValueError:
        return Reason.INTERNAL
