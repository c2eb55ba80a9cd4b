"""Who is alive on this machine, and how a whole family of processes is ended. Standard library only.

A process is known by its number, its start time and the machine's boot: numbers are given out again, and a reboot
starts over. A family is what a job started: the descendants of its supervisor, its session, and whoever carries its
mark in the environment (that finds those who made themselves daemons after the supervisor was killed). Linux reads
/proc; elsewhere `ps` is asked, which does not tell the environment.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MARK = "STATIONMASTER_JOB"
"""The variable that every process of a job inherits: the folder of the job."""

PROC = Path("/proc")
LINUX = sys.platform == "linux"
PAUSE = 0.02
"""Seconds between two looks at a family that is being ended."""


@dataclass(frozen=True)
class Process:
    """One line of the process table. `start` is comparable for equality only."""

    pid: int
    parent: int
    session: int
    zombie: bool
    start: str


def table() -> dict[int, Process]:
    """All processes by number."""
    if not LINUX:
        return _asked_from_ps()
    found = (_from_proc(entry.name) for entry in os.scandir(PROC) if entry.name.isdigit())
    return {process.pid: process for process in found if process}


def identity(pid: int) -> dict[str, Any]:
    """What `is_alive` needs to know this very process again."""
    process = _from_proc(str(pid)) if LINUX else _asked_from_ps().get(pid)
    return {"pid": pid, "start": process.start if process else "", "boot": _boot()}


def is_alive(known: Mapping[str, Any] | None) -> bool:
    """Whether the process of that identity lives; a zombie does not."""
    if not known or known.get("boot") != _boot():
        return False
    pid = known.get("pid")
    process = _from_proc(str(pid)) if LINUX else _asked_from_ps().get(int(str(pid)))
    return process is not None and not process.zombie and process.start == known.get("start")


def descendants(root: int) -> set[int]:
    """Everybody below `root`, without it."""
    return _below(table(), {root})


def living_below(root: int) -> set[int]:
    """Those of them who are not dead and merely waited for."""
    everybody = table()
    return {pid for pid in _below(everybody, {root}) if not everybody[pid].zombie}


def family(mark: str, ancestor: Mapping[str, Any] | None, session: Mapping[str, Any] | None) -> set[int]:
    """The living processes of a job but `ancestor`: below it, in `session`, and below whoever carries `mark`."""
    everybody = table()
    roots = {pid for pid in everybody if _carries(pid, mark)}
    if is_alive(ancestor) and ancestor is not None:
        roots |= _below(everybody, {int(ancestor["pid"])})
    if session and session.get("boot") == _boot():
        roots |= {pid for pid, process in everybody.items() if process.session == session["pid"]}
    kept = {os.getpid()} | ({int(ancestor["pid"])} if ancestor else set())
    return {pid for pid in roots | _below(everybody, roots) if not everybody[pid].zombie} - kept


def end(members: Callable[[], set[int]], *, grace: float, limit: float = 6.0) -> bool:
    """Ask all members to end, and kill those who have not after `grace` seconds; True when nobody is left.

    Members are looked for again and again: somebody who forks all the time is caught in the end. Gives up `limit`
    seconds after the grace (a process that the kernel itself holds cannot be killed).
    """
    send(members(), signal.SIGTERM)
    if _gone(members, grace):
        return True
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        send(members(), signal.SIGKILL)
        if _gone(members, PAUSE):
            return True
    return False


def send(pids: Iterable[int], number: int) -> None:
    """Send a signal to each; somebody who is gone already is no error."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def _gone(members: Callable[[], set[int]], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while members():
        if time.monotonic() >= deadline:
            return False
        time.sleep(PAUSE)
    return True


def _below(everybody: Mapping[int, Process], roots: set[int]) -> set[int]:
    children: dict[int, list[int]] = {}
    for process in everybody.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def _from_proc(name: str) -> Process | None:
    try:
        text = (PROC / name / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name is in parentheses and may hold anything, parentheses included: read from the last one.
    fields = text[text.rindex(")") + 2 :].split()
    return Process(int(name), int(fields[1]), int(fields[3]), fields[0] in "ZX", fields[19])


def _carries(pid: int, mark: str) -> bool:
    if not LINUX or not mark:
        return False
    try:
        content = (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return f"{MARK}={mark}".encode() in content.split(b"\0")


def _boot() -> str:
    if not LINUX:
        return ""
    return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _asked_from_ps() -> dict[int, Process]:
    import subprocess  # noqa: PLC0415 - slow to import, and only needed where there is no /proc

    command = ["ps", "-axo", "pid=,ppid=,sess=,stat=,lstart="]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found = {}
    for line in lines:
        pid, parent, session, state, start = line.split(maxsplit=4)
        session_id = int(session) if session.isdigit() else 0
        found[int(pid)] = Process(int(pid), int(parent), session_id, state.startswith("Z"), start)
    return found
