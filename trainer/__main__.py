"""One step of a run: `python -m trainer prepare|repro|publish|compare --run-dir D --job N`.

Exit codes: 0 done; 1 failed, and a `failed` event says why; 3 a newer reservation owns the workspace; 4 cancelled
before anything was pushed.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path

from trainer import room, spec
from trainer.events import EventLog
from trainer.failure import CancelledError, FencedError, StepError
from trainer.job import credentials
from trainer.job.order import STEPS


def main(argv: list[str]) -> int:
    """Run the step and say in the run's events how it went; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m trainer")
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--job", required=True)
    options = parser.parse_args(argv)
    taken = credentials.take(options.run_dir / "jobs" / options.job)
    events = EventLog(options.run_dir / "events.jsonl")
    started = time.monotonic()
    try:
        job = spec.read(options.run_dir, options.job)
        events.emit("step", name=options.step, state="started")
        _say(f"{options.step}: {job.project} {job.branch} at {job.commit[:10]}, run {job.run}")
        _run(options.step, job, taken, events)
    except StepError as error:
        return _failed(events, options.step, error)
    except Exception as error:  # noqa: BLE001 - the edge of the process: whatever it is, the bot must hear of it
        traceback.print_exc()
        return _failed(events, options.step, _unforeseen(error))
    _say(f"{options.step}: done")
    extra: dict[str, object] = {"commit": job.commit} if options.step == "prepare" else {}
    if options.step != "repro":
        extra["disk_free"] = room.free(job.places.workdir)
    events.emit("step", name=options.step, state="finished", seconds=round(time.monotonic() - started, 3), **extra)
    return 0


def _run(step: str, job: spec.Spec, taken: credentials.Secrets, events: EventLog) -> None:
    """Each step loads its own module only: what publish needs would cost prepare its time."""
    if step == "prepare":
        from trainer import prepare  # noqa: PLC0415

        prepare.run(job, taken, events)
    elif step == "repro":
        from trainer import repro  # noqa: PLC0415

        repro.run(job, events)
    elif step == "compare":
        from trainer import compare  # noqa: PLC0415

        compare.run(job, events)
    else:
        from trainer import publish  # noqa: PLC0415

        publish.run(job, taken, events)


def _failed(events: EventLog, step: str, error: StepError) -> int:
    _say(f"{step}: {error}")
    if not isinstance(error, FencedError | CancelledError):
        events.emit(
            "failed",
            step=step,
            stage=error.stage,
            cause=error.cause,
            message=str(error),
            lines=list(error.lines),
        )
    return error.exit_code


def _say(text: str) -> None:
    """A line for the run's log."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _unforeseen(error: Exception) -> StepError:
    if isinstance(error, OSError) and error.errno == 28:  # noqa: PLR2004 - ENOSPC
        return StepError("disk-full", "The disk of this location is full. Free space there, then train again.")
    if isinstance(error, MemoryError):
        return StepError("out-of-memory", "The step itself ran out of memory.")
    return StepError("internal", f"Something unforeseen happened: {type(error).__name__}: {error}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
