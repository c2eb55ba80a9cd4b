"""The first program of a step's container: takes the order, and keeps the step until its end. Standard library only.

    python -P -m trainer.contained --run-dir D --job N

The order, with the credentials of the steps that have any, is written by the launcher into the job's folder, which is
a tmpfs of this container alone: no argument, no variable and no disk ever holds it. It is taken once.

Exit codes: the step's own; 75 when no order came; 251 when the kernel killed the step for want of memory (docker's
OOMKilled can be false for a real one).
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from trainer import durable
from trainer.job import limit, notice, order, supervisor

PATIENCE = 120.0
"""Seconds until a container that nobody tells what to do gives up."""
PAUSE = 0.02
NO_ORDER = 75
OUT_OF_MEMORY = 251


def main(argv: list[str]) -> int:
    """Take the order and run its step; returns the container's exit code."""
    options = dict(zip(argv[::2], argv[1::2], strict=False))
    run_dir = order.folder("--run-dir", options.get("--run-dir"))
    folder = run_dir / "jobs" / order.job_name(options.get("--job"))
    taken = take(folder, time.monotonic() + PATIENCE)
    if taken is None:
        return NO_ORDER
    environment = {**os.environ, **order.environment(taken.spec, os.environ)}
    watch = notice.watch(taken, walled_in=taken.step == "repro")
    supervisor.supervise(folder, run_dir, taken.argv, environment, limit.of(taken), watch=watch)
    ended = durable.read_json(folder / supervisor.EXIT) or {}
    return OUT_OF_MEMORY if ended.get("oom") else int(ended.get("exit_code", 1))


def take(folder: Path, deadline: float) -> order.Order | None:
    """Wait for the order, divide it into the step's two files, and forget it; None when none came.

    Raises:
        OrderError: it is not one.
    """
    path = folder / "order.json"
    while not path.exists():
        if time.monotonic() > deadline:
            return None
        time.sleep(PAUSE)
    (folder / "taken").touch()
    taken = order.read(json.loads(path.read_bytes()))
    path.unlink()
    durable.write_json(folder / "job.json", taken.record)
    if taken.step != "repro":
        durable.write(folder / supervisor.SECRETS, json.dumps(dict(taken.secrets)).encode(), mode=0o600)
    return taken


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
