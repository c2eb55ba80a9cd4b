"""The second step: the team's code, under `dvc repro`. No credentials are here, and none are needed."""

from __future__ import annotations

import os
import signal
import threading
import time

from trainer import crashpoints
from trainer.events import EventLog
from trainer.failure import StepError
from trainer.job import fence, processes
from trainer.spec import Spec
from trainer.stages import stamp
from trainer.stages.checkpoints import Checkpoints
from trainer.stages.metrics import Watch
from trainer.stages.output import Capture, Tail
from trainer.stages.stamp import Stamp

_ENVIRONMENT = {"DVC_NO_ANALYTICS": "1", "DVC_STUDIO_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
"""For DVC and for the stages: nobody is called, and output comes while it is made."""


def run(spec: Spec, events: EventLog) -> None:
    """Do the step.

    Raises:
        StepError: a stage failed, or DVC could not run the pipeline.
    """
    fence.check(spec.places.fence, spec.fence)
    repo = spec.places.repo
    if not (repo / ".git").exists() or not (repo / ".dvc").exists():
        raise StepError("internal", "The workspace is not prepared; the prepare step has to run first.")
    known = stamp.holding(repo) if spec.remembered and not spec.force else None
    if known is not None:
        _say_unchanged(known, events)
        return
    stamp.forget(repo)
    checkpoints = Checkpoints(repo, (spec.project, spec.commit))
    checkpoints.tidy()
    os.chdir(repo)
    os.environ.update(_ENVIRONMENT)
    crashpoints.reach("repro.before")
    made = _reproduce(spec, events, checkpoints)
    crashpoints.reach("repro.after")
    if made is not None and spec.remembered:
        made.save(repo)


def _reproduce(spec: Spec, events: EventLog, checkpoints: Checkpoints) -> Stamp | None:
    from trainer.stages.reproduction import Reproduction  # noqa: PLC0415 - DVC itself; a second that an unchanged run saves

    tail = Tail()
    found: list[Reproduction] = []
    watch = Watch(events, lambda: found[0].metric_files() if found else [])

    def hear(line: str) -> None:
        tail.add(line)
        watch.hear(line)

    with Capture(hear) as capture:
        _obey(capture)
        reproduction = _open(events, capture, tail, watch, checkpoints)
        found.append(reproduction)
        try:
            reproduction.run(force=spec.force, remembered=spec.remembered, anew=spec.reproduces)
        finally:
            watch.stop()
            reproduction.repo.close()
        return stamp.of_steps(spec.places.repo, reproduction.steps)


def _obey(capture: Capture) -> None:
    """When the job is asked to end, end after the stage, which was asked as well and may have something to keep.

    Its output is heard until then, so that no write of its fails. Even if it then says that all went well, what it left
    is not the result of a whole training: DVC does not get to see it. Who waits too long is killed.
    """

    def end(number: int, _frame: object) -> None:
        while processes.living_below(os.getpid()):
            time.sleep(processes.PAUSE)
        # In a thread: the one that was interrupted here may be flushing itself.
        flushing = threading.Thread(target=capture.flush, daemon=True)
        flushing.start()
        flushing.join(1.0)
        os._exit(128 + number)

    signal.signal(signal.SIGTERM, end)


def _open(  # type: ignore[no-untyped-def] # noqa: ANN202
    events: EventLog, capture: Capture, tail: Tail, watch: Watch, checkpoints: Checkpoints
):
    from trainer.stages import causes  # noqa: PLC0415
    from trainer.stages.reproduction import Reproduction  # noqa: PLC0415

    try:
        return Reproduction(events, capture, tail, watch, checkpoints)
    except Exception as error:
        cause = causes.of_exception([error])
        raise StepError(cause.name, cause.message) from error


def _say_unchanged(known: Stamp, events: EventLog) -> None:
    for index, name in enumerate(known.stages, start=1):
        events.emit("stage", name=name, index=index, of=len(known.stages), state="skipped")
