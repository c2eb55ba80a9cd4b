"""One idempotent function a phase: look at the world, do the phase's deed if it is not done, say what it came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bot.engine import images, policy, steps
from bot.engine.elsewhere import or_elsewhere
from bot.engine.gate import judged
from bot.engine.orders import run_dir
from bot.engine.policy import Outcome, milestone
from bot.engine.predecessors import compared, own_fingerprint
from bot.engine.release_notes import asset_path, description
from bot.engine.starting import start, stop_again
from bot.engine.steps import listen
from bot.engine.world import World
from bot.errors import Conflict, DoorError, Unauthorised, Unavailable
from bot.ports import Location, PowerState, Release, ReleaseLink
from bot.runs import plots
from bot.runs.gates import is_held_back
from bot.runs.model import WORKING, Note, Phase, Reason, Run

_STEPS = {
    Phase.PREPARING: "prepare",
    Phase.BUILDING: "build",
    Phase.TRAINING: "repro",
    Phase.PUBLISHING: "publish",
    Phase.COMPARING: "compare",
}
"""The job of each phase that has one, in the order of a run."""
LAST_PIECES = 300
"""How many pieces of a log are fetched at the end of a run, at most: 300 MB, the limit of what a job keeps."""


def process(run: Run, world: World) -> Outcome:
    """Do what the run needs now. Never raises a `DoorError`: a door that fails is part of the decision."""
    world = world.of(run.project)
    try:
        return _deed(run, world)(run, world)
    except Unauthorised as error:
        return _refused(run, error)
    except Unavailable as error:
        return _unavailable(run, world, error)
    except DoorError as error:
        return _ended_by(run, Reason.INTERNAL, error)


def _deed(run: Run, world: World) -> Callable[[Run, World], Outcome]:
    if run.holds and run.location not in world.locations:
        return _without_its_machine
    if run.phase.ended:
        return give_back
    if not world.knows(run.project):
        return _without_its_project
    if run.cancelled_by:
        return cancel
    return _work if run.phase in WORKING else _DEEDS[run.phase]


def _work(run: Run, world: World) -> Outcome:
    if world.watch(run.location).lost(run.uid):
        # The shell may answer all the same (the local one does); what the power says decides.
        return policy.fail(run, Reason.MACHINE_LOST, message="Its power went off under the run.")
    return _DEEDS[run.phase](run, world)


def _without_its_project(run: Run, world: World) -> Outcome:
    """Its project was taken out of the settings: no other project's GitLab is asked in its place.

    A push that has begun is listened to until its end, as with a cancel.
    """
    location = world.locations[run.location] if run.phase is Phase.PUBLISHING else None
    if location is not None and location.decide(run_dir(run, location), "cancel") != "cancel":
        return _work(run, world)
    return _ended_by(run, Reason.PROJECT_REMOVED, DoorError(f"There is no project {run.project} there."))


def _without_its_machine(run: Run, world: World) -> Outcome:
    """Its machine was taken out of the settings: nobody can look at it any more, so nothing there is waited for.

    What may still run there cannot publish over a newer reservation of the machine: its fence is older.
    """
    if not run.phase.ended:
        said = f"There is no location `{run.location}` any more."
        outcome = policy.fail(run, Reason.LOCATION_REMOVED, message=said)
        if run.phase is not Phase.STARTING:
            return outcome
        return or_elsewhere(run, world.store.lines, outcome, why="removed")
    return Outcome(replace(run, holds=False), 0.0, farewell(run))  # what was said before is not said again


def release(run: Run, world: World) -> Outcome:
    """Copy the pointer to the public bucket, then make the GitLab release that links it. Both look before they act.

    What the release says of earlier ones is decided once: a second try, after others were released, must say the same.
    So is whether it is good enough to be released without anybody being asked.
    """
    if not {"compared", "gate"} <= run.progress.keys():
        return _decided(run, world)
    if is_held_back(run):
        return policy.advance(run, Phase.HELD_BACK, milestone("held-back", approvers=sorted(world.approvers)))
    pointer = str(run.result.get("pointer", "train.dvc"))
    content = str(run.result.get("pointer_text", "")).encode()
    try:
        public_url = world.public.publish(f"{run.project}/{run.tag}/{pointer}", content)
    except (Conflict, Unauthorised) as error:
        return _ended_by(run, Reason.PUBLIC_LINK, error)
    result = {**run.result, "public_url": public_url, "fingerprint": own_fingerprint(run)}
    if run.result.get("diverged"):
        result["merge_request_url"] = _merge_request(run, world)
    run = replace(run, result=result)
    decided = run.progress["compared"]
    wanted = Release(
        tag=run.tag,
        name=run.tag,
        description=description(run, same_as=decided["same_as"]),
        links=(ReleaseLink(pointer, public_url, asset_path(pointer)),),
    )
    try:
        made = world.code.create_release(wanted)
    except Conflict as error:
        return _ended_by(run, Reason.RELEASE_CONFLICT, error)
    terminal = Note("terminal", data=decided)
    return policy.advance(run, Phase.RELEASED, terminal, *_pictures(run), result={**result, "release_url": made.url})


def _decided(run: Run, world: World) -> Outcome:
    progress = {"compared": run.progress.get("compared") or compared(run, world), "gate": judged(run, world)}
    return policy.wait(policy.calm(replace(run, progress={**run.progress, **progress})), 0.0)


def _merge_request(run: Run, world: World) -> str | None:
    """The address of the merge request that brings the result over; None when its branch was deleted meanwhile."""
    if world.code.head(run.branch) is None:
        return None
    title = f"Result of run {run.id} ({run.tag})"
    why = f"`{run.branch}` moved on while run {run.id} trained."
    return world.code.ensure_merge_request(str(run.result["branch"]), run.branch, title, why)


def cancel(run: Run, world: World) -> Outcome:
    """Somebody wants it to end: possible until the result is being pushed."""
    if run.phase is Phase.HELD_BACK:
        ended = policy.discarded(run)
        return replace(ended, notes=farewell(ended.run))
    if run.phase is Phase.RELEASING:
        return Outcome(run, 0.0, (milestone("cancel-too-late"),), uncancel=True)
    if run.phase is Phase.PUBLISHING:
        location = world.locations[run.location]
        if location.decide(run_dir(run, location), "cancel") != "cancel":
            return Outcome(run, 0.0, (milestone("cancel-too-late"),), uncancel=True)
    return policy.cancelled(run)


def give_back(run: Run, world: World) -> Outcome:
    """End what still runs, keep the log, free the location; then the thread hears how it ended.

    A machine that cannot be reached stays reserved until it answers or is off: freeing it could put two jobs on it.
    """
    location = world.locations[run.location]
    now = world.clock.now()
    try:
        gone = _end_job(run, location)
        if gone:
            run = _last_words(run, world, location)
    except DoorError:
        gone = location.power() in (PowerState.STOPPED, PowerState.GONE)
    told = bool(run.progress.get("told"))
    if gone:
        stopping = stop_again(run, world)
        notes = () if told else farewell(run, stopping=stopping)
        return Outcome(replace(run, holds=False, progress={**run.progress, "told": True}), 0.0, notes)
    if not told and now - (run.ended_at or now) > policy.GIVE_BACK_PATIENCE:
        warning = milestone("still-there", location=run.location)
        return Outcome(replace(run, progress={**run.progress, "told": True}), 10.0, (warning, *farewell(run)))
    return policy.wait(run, 30.0 if told else 1.0)


def _prepare(run: Run, world: World) -> Outcome:
    return steps.prepare(run, world, images.after_preparing)


def farewell(run: Run, **facts: Any) -> tuple[Note, ...]:
    """What the thread hears last: one terminal message, then its pictures and the full log where there are any."""
    terminal = Note("terminal", data={name: fact for name, fact in facts.items() if fact})
    return (terminal, *_pictures(run), *([Note("log-file")] if run.log_read else []))


def _pictures(run: Run) -> list[Note]:
    """Those of the result; of a training that did not end the curves, as far as they came."""
    names = run.progress.get("pictures", ())
    if not names and run.phase in (Phase.FAILED, Phase.CANCELLED):
        names = plots.pictures(plots.as_far_as_it_came(run.progress.get("curve") or {}))
    return [Note("picture", data={"picture": name}) for name in names]


def _end_job(run: Run, location: Location) -> bool:
    """End the job of the last step that was entered, whether its launch is known or its answer was lost.

    A job that was not launched yet never will be, so that a launch still on its way comes too late.
    """
    step = _last_step(run)
    return True if step is None else location.kill(run.job(step), run_dir(run, location))


def _last_step(run: Run) -> str | None:
    return next((step for phase, step in reversed(_STEPS.items()) if phase in run.times), None)


def _last_words(run: Run, world: World, location: Location) -> Run:
    """Keep what the job wrote before its end; the thread is past hearing of stages."""
    if _last_step(run) is None:
        return run
    for _ in range(LAST_PIECES):
        heard, _notes, more = listen(run, world, location)
        run = replace(run, log_read=heard.log_read, events_read=heard.events_read)
        if not more:
            break
    return run


def _refused(run: Run, error: Unauthorised) -> Outcome:
    return _ended_by(run, Reason.CREDENTIALS, error)


def _ended_by(run: Run, reason: Reason, error: DoorError) -> Outcome:
    if run.phase.ended:
        return policy.wait(run, 30.0)
    outcome = policy.fail(run, reason, message=str(error))
    return outcome if run.holds else Outcome(outcome.run, 0.0, farewell(run))


def _unavailable(run: Run, world: World, error: Unavailable) -> Outcome:
    now = world.clock.now()
    if run.phase.ended:
        return policy.wait(run, 10.0)
    run = policy.in_trouble(run, now, str(error))
    for_seconds = policy.trouble_seconds(run, now)
    seconds = error.retry_after or policy.back_off(run.progress["trouble"]["tries"])
    if run.phase is Phase.RELEASING:
        return (
            _ended_by(run, Reason.NETWORK, error) if for_seconds > policy.DOOR_PATIENCE else policy.wait(run, seconds)
        )
    if _machine_is_off(run, world) or for_seconds > policy.LOST_PATIENCE:
        return policy.fail(run, Reason.MACHINE_LOST, message=str(error))
    return policy.wait(run, seconds)


def _machine_is_off(run: Run, world: World) -> bool:
    try:
        return world.locations[run.location].power() in (PowerState.STOPPED, PowerState.GONE)
    except DoorError:
        return False


_DEEDS: Mapping[Phase, Callable[[Run, World], Outcome]] = {
    Phase.STARTING: start,
    Phase.PREPARING: _prepare,
    Phase.BUILDING: images.build,
    Phase.TRAINING: steps.train,
    Phase.PUBLISHING: steps.publish,
    Phase.COMPARING: steps.compare,
    Phase.RELEASING: release,
}
"""The deed of each phase that moves a run on."""
