"""One of the steps as a job at the location: start it, hear it, go on when it ended well. Idempotent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bot.engine import orders, policy
from bot.engine.budget import Budget, budget_of, too_expensive, warned
from bot.engine.orders import deadline, run_dir
from bot.engine.policy import Outcome, milestone
from bot.engine.world import World
from bot.errors import Conflict, NotFound, Unavailable
from bot.ports import Job, JobState, JobStatus, Location, PowerState
from bot.runs import plots
from bot.runs.model import Kind, Note, Phase, Reason, Run
from bot.runs.progress import building, fold, ran
from trainer.events import Event, parse

CHUNK = 1_000_000
"""Bytes of events or log that are read at a time; a shell with a smaller limit returns less."""
LARGEST_DISK = 2**60
"""Bytes."""
Ended = Callable[[Run, World, tuple[Note, ...]], Outcome]
"""What follows a step that ended well, with what is to be said already."""
Failed = Callable[[Run, World, str, JobStatus, tuple[Note, ...]], Outcome]
"""What follows one that did not; it is told which step, and how it ended."""

_TELLERS: Mapping[str, tuple[Phase, ...]] = {
    "image": (Phase.PREPARING, Phase.BUILDING),
    "plots": (Phase.PUBLISHING,),
    "restored": (Phase.PREPARING,),
    "published": (Phase.PUBLISHING,),
    "compared": (Phase.COMPARING,),
}
"""Kinds of events that only some phases' steps may tell."""


def prepare(run: Run, world: World, then: Ended) -> Outcome:
    """Have code and data fetched; `then` says where a prepared run goes on."""
    return _work(run, world, "prepare", then)


def train(run: Run, world: World) -> Outcome:
    """Have the team's code run, in the branch's own image where it has one."""
    return _work(run, world, "repro", _trained)


def publish(run: Run, world: World) -> Outcome:
    """Have the result pushed."""
    return _work(run, world, "publish", _saved)


def compare(run: Run, world: World) -> Outcome:
    """Have what was made again set against what was released."""
    return _work(run, world, "compare", _compared)


def _work(run: Run, world: World, step: str, ended: Ended) -> Outcome:
    """Start the step's job if it is not there, else hear it; when it ended well, go on."""
    if run.progress.get("launched") == run.job(step):
        return hear(run, world, step, ended, _failed)
    location = world.locations[run.location]
    try:
        extra = _image_of(run) if step == "repro" else {}
        return launch(run, world, location, orders.job(run, world, location, step, extra))
    except NotFound as error:
        if step == "repro" and _image_of(run):
            return policy.fail(run, Reason.IMAGE, message=str(error))
        raise


def hear(run: Run, world: World, step: str, ended: Ended, failed: Failed) -> Outcome:
    """Hear the step's job, which was launched; `ended` or `failed` says what follows when it is over."""
    location = world.locations[run.location]
    name = run.job(step)
    # The job is asked for before it is heard: what an ended job wrote is then all there to be read.
    budget = budget_of(run, world)
    is_due = _is_status_due(run, world, step) or (budget is not None and budget.is_over)
    status = location.status(name, run_dir(run, location)) if is_due else None
    began = world.clock.monotonic()
    run, notes, more = listen(run, world, location)
    run = policy.calm(run)
    if more:
        return policy.wait(run, 0.0, *notes)
    if status is None or status.state is JobState.RUNNING:
        world.asked[name] = world.asked.get(name, 0.0) if status is None else world.clock.now()
        run, warning = warned(run, budget)
        took = world.clock.monotonic() - began
        return _still_running(run, world, step, (*notes, *warning), budget=budget, cost=took)
    if status.state is JobState.EXITED and status.exit_code == 0:
        world.asked.pop(name, None)
        return ended(run, world, notes)
    return failed(run, world, step, status, notes)


def listen(run: Run, world: World, location: Location) -> tuple[Run, tuple[Note, ...], bool]:
    """Read what the job wrote since the last look, a piece of each file; True when there may be more."""
    folder = run_dir(run, location)
    told, used = _events(location, f"{folder}/events.jsonl", run.events_read)
    events = [event for event in told if _believed(run, event)]
    piece = location.read(f"{folder}/log", run.log_read, CHUNK)
    if piece and not world.logs.write(run.uid, run.log_read, piece):
        piece = b""  # our own disk is full: the training goes on, and the log is fetched again later
    if run.phase is Phase.BUILDING:
        run = replace(run, progress=building(run.progress, piece))
    run = replace(run, events_read=run.events_read + used, log_read=run.log_read + len(piece))
    run, notes = _absorb(run, events)
    _note_room(run, world, events)
    _keep_plots(run, world, events)
    return run, notes, bool(piece) or used > 0


def _events(location: Location, path: str, offset: int) -> tuple[list[Event], int]:
    """The next whole lines of a file of events, and their bytes. A shell may bring a long line in several pieces."""
    chunk = b""
    while len(chunk) < CHUNK:
        piece = location.read(path, offset + len(chunk), CHUNK - len(chunk))
        chunk += piece
        if not piece or b"\n" in piece:
            return parse(chunk)
    return [], len(chunk)  # none of ours is that long: it is passed over, as what follows of it will be


def _keep_plots(run: Run, world: World, events: list[Event]) -> None:
    """Before what the run says of them is written: a look that is repeated keeps the same again."""
    for event in events:
        if event.kind == "plots":
            world.store.gallery.keep(run.id, plots.read(event.data.get("plots")))


def _note_room(run: Run, world: World, events: list[Event]) -> None:
    """How much of the machine's disk is free, as its last step said; what a location writes may be anything."""
    said = [event.data["disk_free"] for event in events if event.kind == "step" and "disk_free" in event.data]
    if said and type(said[-1]) is int and 0 <= said[-1] < LARGEST_DISK:
        world.store.machines.disk(run.location, said[-1])


def _is_status_due(run: Run, world: World, step: str) -> bool:
    """Whether to ask for the job itself: it wrote its last, or nothing was asked for a while and it may be dead."""
    if _said_its_last(run, step):
        return True
    now = world.clock.now()
    return now >= world.asked.get(run.job(step), 0.0) + policy.status_delay(now - run.phase_at)


def _said_its_last(run: Run, step: str) -> bool:
    """Whether the job wrote that it is done or failed, so that its exit is a matter of moments."""
    if step == "build":
        return (run.progress.get("image") or {}).get("state") not in (None, "building")
    return step in run.progress.get("seconds", {}) or "failure" in run.progress


def _absorb(run: Run, events: list[Event]) -> tuple[Run, tuple[Note, ...]]:
    notes: list[Note] = []
    stages: list[Mapping[str, Any]] = []
    for event in events:
        if event.kind == "stage" and event.data.get("state") in ("finished", "skipped", "cached"):
            stages.append(event.data)
        notes += _told(run, event, events)
        run = _learned(run, event)
    if any(stage.get("state") == "finished" for stage in stages):
        notes.append(milestone("stages", items=stages))
    return replace(run, progress=fold(run.progress, events)), tuple(notes)


def _told(run: Run, event: Event, events: list[Event]) -> list[Note]:
    """What the thread hears of one event."""
    if _is_prepared(run, event):
        moved = fold(run.progress, events).get("moved", {}).get("pull", {})
        return [milestone("prepared", seconds=event.data.get("seconds"), **moved)]
    if event.kind == "image" and event.data.get("state") == "building":
        return [milestone("image-building", why=(run.progress.get("image") or {}).get("why"))]
    if event.kind == "restored" and not run.progress.get("restored"):
        return [milestone("restored", uid=str(event.data.get("uid")))]
    if event.kind == "warning":
        return [milestone("warning", text=event.data.get("text", ""))]
    return []


def _learned(run: Run, event: Event) -> Run:
    """What the ledger keeps of one event beside its progress (`fold`)."""
    if event.kind == "published":
        return replace(run, result={**run.result, **event.data})
    if event.kind == "compared":
        return replace(run, result={**run.result, "compared": dict(event.data)})
    if event.kind == "plots":
        names = list(plots.pictures(plots.read(event.data.get("plots"))))
        return replace(run, progress={**run.progress, "pictures": names})
    if event.kind == "failed":
        return replace(run, progress={**run.progress, "failure": dict(event.data)})
    return run


def _believed(run: Run, event: Event) -> bool:
    """The team's code may write what it likes into the events: what our own steps tell is heard from them alone."""
    return run.phase in _TELLERS.get(event.kind, (run.phase,))


def _is_prepared(run: Run, event: Event) -> bool:
    """Whether it tells that code and data are there; a run for an image has no data."""
    data = event.data
    told = event.kind == "step" and data.get("name") == "prepare" and data.get("state") == "finished"
    return told and run.kind is not Kind.BUILD


def launch(run: Run, world: World, location: Location, job: Job) -> Outcome:
    """Start the job while there is time for it, and remember that it was."""
    if world.clock.now() > deadline(run, world):
        return _too_long(run, world)
    budget = budget_of(run, world)
    if budget is not None and budget.is_over:
        return too_expensive(run, budget)
    try:
        location.launch(job)
    except Conflict:
        return policy.fail(run, Reason.FENCED)
    launched = {**policy.calm(run).progress, "launched": job.name}
    return policy.wait(replace(run, progress=launched), policy.look_delay(0.0, 0.0))


def _image_of(run: Run) -> dict[str, Any]:
    """The branch's own image, where one was made; the location's is used without."""
    name = (run.progress.get("image") or {}).get("name")
    return {"image": name} if name else {}


def _still_running(
    run: Run, world: World, step: str, notes: tuple[Note, ...], *, budget: Budget | None, cost: float
) -> Outcome:
    """`cost` is how many seconds it took to hear the job."""
    age = world.clock.now() - run.phase_at
    if budget is not None and budget.is_over:
        return too_expensive(run, budget, *notes)
    if world.clock.now() > deadline(run, world) and _may_end(run, world):
        return _too_long(run, world, *notes)
    return policy.wait(run, 0.02 if _said_its_last(run, step) else policy.look_delay(age, cost), *notes)


def _may_end(run: Run, world: World) -> bool:
    """Whether the job may be ended: like a cancel, it comes too late for a result that is being pushed."""
    location = world.locations[run.location]
    return run.phase is not Phase.PUBLISHING or location.decide(run_dir(run, location), "cancel") == "cancel"


def _too_long(run: Run, world: World, *notes: Note) -> Outcome:
    hours = world.terms[run.location].max_hours
    said = f"The limit here is {hours:g} hours (max_hours)."
    return policy.fail(run, Reason.TOO_LONG, *notes, hours=hours, message=said)


def _trained(run: Run, _world: World, notes: tuple[Note, ...]) -> Outcome:
    if run.kind is Kind.SMOKE:
        return policy.advance(run, Phase.TESTED, *notes)
    if run.kind is Kind.REPRODUCE:
        return policy.advance(run, Phase.COMPARING, *notes)
    if not ran(run.progress):
        notes = (*notes, milestone("unchanged"))
    return policy.advance(run, Phase.PUBLISHING, *notes)


def _compared(run: Run, _world: World, notes: tuple[Note, ...]) -> Outcome:
    if "compared" not in run.result:
        return policy.fail(run, Reason.INTERNAL, *notes, message="The comparing step ended without its result.")
    return policy.advance(run, Phase.COMPARED, *notes)


def _saved(run: Run, world: World, notes: tuple[Note, ...]) -> Outcome:
    location = world.locations[run.location]
    if "commit" not in run.result:
        return policy.fail(run, Reason.INTERNAL, *notes, message="The publishing step ended without its result.")
    pointer = str(run.result.get("pointer") or "")
    text = location.read(f"{run_dir(run, location)}/{pointer}", 0, CHUNK).decode("utf-8", errors="replace")
    result = {**run.result, "pointer_text": text}
    # The machine has done its part: whoever waits for it can start while the release is written.
    return policy.advance(run, Phase.RELEASING, *notes, _published(run), result=result, holds=False)


def _published(run: Run) -> Note:
    names = ("commit", "tag", "branch", "diverged", "objects", "bytes", "changed")
    return milestone("published", **{name: run.result.get(name) for name in names})


def _failed(run: Run, world: World, step: str, status: JobStatus, notes: tuple[Note, ...]) -> Outcome:
    failure = dict(run.progress.get("failure") or {})
    cause = str(failure.get("cause") or cause_without_word(world.locations[run.location], status))
    facts = {name: failure.get(name) for name in ("stage", "message", "lines", "action")}
    if cause == Reason.INTERRUPTED:
        facts["stage"] = _stage_on_its_way(run)
    if cause == Reason.TOO_EXPENSIVE:
        facts["limit"] = world.terms[run.location].max_cost
    return again(run, step, cause, notes) or policy.fail(run, reason(cause), *notes, step=step, **facts)


def _stage_on_its_way(run: Run) -> str | None:
    """Whoever ended the step knows no stages."""
    stage = run.progress.get("stage") or {}
    return str(stage["name"]) if stage.get("state") == "started" else None


def again(run: Run, step: str, cause: str, notes: tuple[Note, ...]) -> Outcome | None:
    """The step's next try, where that may help; None otherwise."""
    seconds = policy.after_failed_step(run, step, cause)
    if seconds is None:
        return None
    progress = {key: value for key, value in run.progress.items() if key not in ("failure", "launched")}
    note = milestone("retrying", step=step, attempt=run.attempt + 1, cause=cause, seconds=seconds)
    return policy.wait(replace(run, attempt=run.attempt + 1, progress=progress), seconds, *notes, note)


def reason(cause: str) -> Reason:
    """The reason for what ended a step."""
    return Reason.MACHINE_LOST if cause == "machine-lost" else policy.reason_of(cause)


def cause_without_word(location: Location, status: JobStatus) -> str:
    """What ended a step that could not say so itself."""
    if status.oom:
        return "out-of-memory"
    if status.state is JobState.EXITED:
        return "fenced" if status.exit_code == 3 else "killed"  # noqa: PLR2004 - trainer/__main__.py has the codes
    try:
        running = location.power() is PowerState.RUNNING
    except Unavailable:
        running = False
    return "killed" if running else "machine-lost"
