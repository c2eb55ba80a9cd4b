"""The location's half of the `process` runtime, called by the bot through the location's shell. Standard library only.

    python -P -m trainer.jobs launch                                  (the order is a JSON object on standard input)
    python -P -m trainer.jobs status --run-dir D --job N
    python -P -m trainer.jobs kill   --run-dir D --job N [--grace 5]
    python -P -m trainer.jobs decide --run-dir D --as push|cancel
    python -P -m trainer.jobs list   --workdir W
    python -P -m trainer.jobs fence  --workdir W --project P

Each answers one JSON object on standard output. A job is its folder, `<run_dir>/jobs/<name>`: of several launches of
one name one starts it, and a launch after a kill starts nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from trainer import durable
from trainer.failure import FencedError
from trainer.job import decision, fence, limit, notice, order, processes, supervisor
from trainer.job.order import Order, OrderError
from trainer.places import Places

KILL_LIMIT = 12.0
"""Seconds in which `kill` is through, whatever it meets."""
LONGEST_GRACE = 8.0

Answer = dict[str, Any]


def launch(record: Mapping[str, Any], caller: Mapping[str, str]) -> Answer:
    """Start the ordered step, detached. A second launch of the name is no error; one with an older fence is refused."""
    job = order.read(record)
    environment = order.environment(job.spec, caller)
    try:
        with fence.raised(Places(job.workdir, job.project).fence, job.fence), _alone(job.run_dir):
            return _launch(job, environment)
    except FencedError as error:
        return {"ok": False, "fenced": True, "message": str(error)}


def status(run_dir: Path, name: str) -> Answer:
    """What became of the job. One whose supervisor vanished is `lost`, and what is left of it is ended first."""
    sizes = {"events_size": _size(run_dir / "events.jsonl"), "log_size": _size(run_dir / "log")}
    folder = run_dir / "jobs" / name
    keeper = durable.read_json(folder / supervisor.SUPERVISOR)
    alive = processes.is_alive(keeper)
    ended = durable.read_json(folder / supervisor.EXIT)
    if ended is not None:
        return {"state": "exited", "exit_code": ended.get("exit_code"), "oom": ended.get("oom") is True, **sizes}
    if keeper is None:
        return {"state": "absent", **sizes}
    if alive:
        return {"state": "running", **sizes}
    processes.end(_members(folder), grace=0)
    return {"state": "lost", **sizes}


def kill(run_dir: Path, name: str, grace: float = 5.0) -> Answer:
    """End the job and everything it started; a job that was not launched yet never will be."""
    folder = run_dir / "jobs" / name
    if _forestalled(run_dir, folder):
        return {"gone": True}
    deadline = time.monotonic() + KILL_LIMIT
    keeper = durable.read_json(folder / supervisor.SUPERVISOR)
    members = _members(folder)
    while time.monotonic() < deadline:
        ended = (folder / supervisor.EXIT).exists()
        processes.end(members, grace=0 if ended else min(grace, LONGEST_GRACE), limit=deadline - time.monotonic())
        if not processes.is_alive(keeper):
            break
        time.sleep(processes.PAUSE)
    if processes.is_alive(keeper) and keeper:
        processes.send([int(keeper["pid"])], signal.SIGKILL)
    supervisor.write_exit(folder, code=128 + signal.SIGKILL, number=signal.SIGKILL, oom=False)
    return {"gone": not members()}


def decide(run_dir: Path, choice: str) -> Answer:
    """Take the run's one decision; the answer is what holds, whoever asked first."""
    return {"decision": decision.take(run_dir, choice)}


def running(workdir: Path) -> Answer:
    """Every job of ours that lives at this location, whoever ordered it: what a ledger is compared with."""
    found = []
    for keeper in sorted(workdir.glob("runs/*/jobs/*/" + supervisor.SUPERVISOR)):
        folder = keeper.parent
        if (folder / supervisor.EXIT).exists():
            continue
        known = durable.read_json(keeper)
        if not processes.is_alive(known) and not _members(folder)():
            continue
        job = durable.read_json(folder / "job.json") or {}
        spec = job.get("spec") or {}
        found.append(
            {
                "name": folder.name,
                "uid": str(spec.get("uid") or folder.parents[1].name),
                "fence": int(job.get("fence") or 0),
                "step": str(job.get("step") or ""),
                "seconds": max(0.0, time.time() - keeper.stat().st_mtime),
            }
        )
    return {"jobs": found}


def main(argv: list[str], stdin: Callable[[], str]) -> Answer:
    """Do what the command line says.

    Raises:
        OrderError: it says nothing that can be done.
    """
    verb, *words = argv or [""]
    options = dict(zip(words[::2], words[1::2], strict=False))
    if verb == "launch":
        return launch(_order(stdin()), os.environ)
    if verb == "fence":
        return {"fence": fence.read(Places(_folder(options, "--workdir"), options.get("--project", "")).fence)}
    if verb == "list":
        return running(_folder(options, "--workdir"))
    if verb == "decide":
        return decide(_folder(options, "--run-dir"), options.get("--as", ""))
    if verb == "status":
        return status(_folder(options, "--run-dir"), order.job_name(options.get("--job")))
    if verb == "kill":
        grace = float(options.get("--grace", "5"))
        return kill(_folder(options, "--run-dir"), order.job_name(options.get("--job")), grace)
    raise OrderError(f"{verb!r} is no verb; say launch, status, kill, decide, list or fence")


def _launch(job: Order, environment: dict[str, str]) -> Answer:
    """Called by nobody else at the same time: a folder without a supervisor is one whose launcher died on the way."""
    folder = job.run_dir / "jobs" / job.name
    folder.mkdir(mode=0o700, exist_ok=True)
    if any((folder / name).exists() for name in (supervisor.SUPERVISOR, supervisor.EXIT)):
        return {"ok": True, "already": True}
    durable.write_json(folder / "job.json", job.record)
    if job.step != "repro":
        durable.write(folder / supervisor.SECRETS, json.dumps(dict(job.secrets)).encode(), mode=0o600)
    marked = {**environment, processes.MARK: str(folder)}
    _detach(lambda: supervisor.supervise(folder, job.run_dir, job.argv, marked, limit.of(job), watch=notice.watch(job)))
    if not (folder / supervisor.SUPERVISOR).exists():
        raise OrderError(f"{job.name} could not be started: nothing can be written to {folder}")
    return {"ok": True, "already": False}


def _detach(work: Callable[[], None]) -> None:
    """Run `work` in a process that outlives this one; returns when it has let go of everything that is ours."""
    ready, done = os.pipe()
    if os.fork():
        os.close(done)
        os.read(ready, 1)
        os.close(ready)
        return
    try:
        os.setsid()
        work()
    except BaseException:  # noqa: BLE001 - a forked child must never return into its parent's code
        traceback.print_exc()
    finally:
        os._exit(0)


def _forestalled(run_dir: Path, folder: Path) -> bool:
    """Where nothing was started yet: make sure that nothing will be."""
    with _alone(run_dir):
        if (folder / supervisor.SUPERVISOR).exists():
            return False
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / supervisor.SECRETS).unlink(missing_ok=True)
        supervisor.write_exit(folder, code=128 + signal.SIGKILL, number=signal.SIGKILL, oom=False)
        return True


@contextlib.contextmanager
def _alone(run_dir: Path) -> Iterator[None]:
    """One launch or kill of a run at a time. A supervisor inherits the lock until it has written who it is."""
    jobs = run_dir / "jobs"
    jobs.mkdir(parents=True, exist_ok=True)
    with (jobs / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _members(folder: Path) -> Callable[[], set[int]]:
    def look() -> set[int]:
        keeper = durable.read_json(folder / supervisor.SUPERVISOR)
        step = durable.read_json(folder / supervisor.STEP)
        return processes.family(str(folder), keeper, step)

    return look


def _order(text: str) -> Mapping[str, Any]:
    try:
        record = json.loads(text)
    except ValueError as error:
        raise OrderError("standard input must hold the order as a JSON object") from error
    if not isinstance(record, dict):
        raise OrderError("standard input must hold the order as a JSON object")
    return record


def _folder(options: Mapping[str, str], name: str) -> Path:
    return order.folder(name, options.get(name))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(main(sys.argv[1:], sys.stdin.read)) + "\n")
    except (OrderError, ValueError) as error:
        sys.exit(f"trainer.jobs: {error}")
