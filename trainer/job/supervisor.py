"""Who stays with a job: starts the step, waits, ends what is left, writes how it ended. Standard library only.

It runs in a session of its own and, on Linux, adopts every orphan of the job, so that a process that made itself a
daemon is still found. The step dies with it. Nothing but SIGKILL ends it before its job is over.

A job's folder holds: job.json (what was ordered), secrets.json (until the step has read it), supervisor.json and
step.json (who they are), exit.json (how it ended; written last, and at once).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from trainer import durable
from trainer.job import limit, memory, notice, processes
from trainer.job.limit import Limit
from trainer.job.notice import Watch

SUPERVISOR = "supervisor.json"
STEP = "step.json"
EXIT = "exit.json"
SECRETS = "secrets.json"
STRAY_GRACE = 1.0
"""Seconds that processes left behind by a finished step get to end by themselves."""


def supervise(
    folder: Path,
    run_dir: Path,
    argv: list[str],
    environment: Mapping[str, str],
    within: Limit | None = None,
    *,
    watch: Watch | None = None,
) -> None:
    """Run the step to its end, in a forked child that has left its caller's session; returns when all is over.

    A step that is not through `within` its limit is ended, and so is one whose machine the cloud takes back, whether or
    not a bot is there.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    durable.write_json(folder / SUPERVISOR, processes.identity(os.getpid()))
    _let_go_of_the_caller(run_dir / "log")
    _adopt_orphans()
    kills = memory.oom_kills()
    pid = _start(run_dir, argv, environment)
    durable.write_json(folder / STEP, processes.identity(pid))
    lift = limit.enforce(within, run_dir) if within else None
    if watch:
        watch.start()  # a thread, so only after the fork
    status = _wait_for(pid)
    late = lift is not None and lift()
    taken_back = watch.end() if watch else None
    _end_strays()
    if watch and taken_back and status:
        notice.say(taken_back, watch.step, run_dir)
    elif within and late:
        limit.say(within, run_dir)
    (folder / SECRETS).unlink(missing_ok=True)
    oom = _signal(status) == signal.SIGKILL and memory.oom_kills() > kills
    write_exit(folder, code=_code(status), number=_signal(status), oom=oom)


def write_exit(folder: Path, *, code: int, number: int | None, oom: bool) -> None:
    """Say how the job ended; the first to say it is believed."""
    record = f'{{"exit_code": {code}, "signal": {number or "null"}, "oom": {str(oom).lower()}}}\n'
    durable.create(folder / EXIT, record.encode("ascii"))


def _start(run_dir: Path, argv: list[str], environment: Mapping[str, str]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        _die_with_the_parent()
        os.chdir(run_dir)
        os.execve(argv[0], argv, dict(environment))  # noqa: S606 - an argv list, no shell
    finally:
        os._exit(126)


def _let_go_of_the_caller(log: Path) -> None:
    """No pipe or lock of the caller stays open (it waits for their end), and all output of the job goes to the log."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, 256)


def _wait_for(pid: int) -> int:
    while True:
        found, status = os.wait()
        if found == pid:
            return status


def _end_strays() -> None:
    def left() -> set[int]:
        _reap()
        return processes.descendants(os.getpid())

    if left():
        processes.end(left, grace=STRAY_GRACE)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _signal(status: int) -> int | None:
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else None


def _code(status: int) -> int:
    number = _signal(status)
    return 128 + number if number else os.waitstatus_to_exitcode(status)


def _adopt_orphans() -> None:
    _prctl(36)  # PR_SET_CHILD_SUBREAPER, linux/prctl.h


def _die_with_the_parent() -> None:
    _prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, linux/prctl.h


def _prctl(option: int, value: int = 1) -> None:
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - slow to import; the caller of `launch` need not wait for it

    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
