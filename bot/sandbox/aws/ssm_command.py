"""One command of SSM's Run Command: what SSM says of it, and what really happens at the instance."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LOST = "lost"
UNDELIVERABLE = "undeliverable"
SILENT = "silent"
FAILED = "failed"
TIMED_OUT = "timed_out"
IN_PROGRESS = "in_progress"
LIES = (LOST, UNDELIVERABLE, SILENT, FAILED, TIMED_OUT, IN_PROGRESS)
"""`lost` and `undeliverable`: it never runs. The others: it runs to its end, and SSM tells nothing of its output, calls
it failed or timed out at once, or in progress for ever."""
STDOUT_CHARACTERS = 24000
STDERR_CHARACTERS = 8000
_LOOK = 0.05


@dataclass(frozen=True)
class Host:
    """Where the instance's commands run: `via` goes before them (`podman exec -i name`)."""

    via: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Command:
    """A command as SSM knows it: it may run for `seconds`, and is lost when no agent fetched it until `expires`."""

    id: str
    instance: str
    document: str
    comment: str
    parameters: Mapping[str, Sequence[str]]
    script: str
    seconds: int
    sent: float
    expires: float
    lie: str = ""
    status: str = "Pending"
    details: str = "Pending"
    code: int = -1
    stdout: str = ""
    stderr: str = ""
    cancelled: bool = False

    def say(self, status: str, details: str = "") -> None:
        """Let SSM say this of it from now on."""
        self.status, self.details = status, details or status

    def run(self, host: Host, alive: Callable[[], bool]) -> None:
        """Run it on `host` as long as `alive` says that the machine is on."""
        self.say("InProgress")
        if self.lie == FAILED:
            self.say("Failed")
        if self.lie == TIMED_OUT:
            self.say("TimedOut", "ExecutionTimedOut")
        code, stdout, stderr = _executed([*host.via, "sh", "-c", self.script], host.environment, self.seconds, alive)
        if code is None or self.lie in (FAILED, TIMED_OUT, IN_PROGRESS):
            return
        self.code = code
        if self.lie != SILENT:
            self.stdout = stdout.decode("utf-8", errors="replace")[:STDOUT_CHARACTERS]
            self.stderr = stderr.decode("utf-8", errors="replace")[:STDERR_CHARACTERS]
        self.say("Success" if code == 0 else "Failed")

    def facts(self) -> dict[str, Any]:
        """Everything that SSM's history holds of it, for as long as AWS keeps it."""
        return {
            "Comment": self.comment,
            "Parameters": dict(self.parameters),
            "Status": self.status,
            "StandardOutputContent": self.stdout,
            "StandardErrorContent": self.stderr,
        }


def _executed(
    argv: Sequence[str], environment: Mapping[str, str], seconds: int, alive: Callable[[], bool]
) -> tuple[int | None, bytes, bytes]:
    """Code and outputs; no code when the machine went off, or `seconds` were over, before it ended."""
    clean = {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/root", **environment}
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean,
        cwd="/",
        start_new_session=True,
    )
    with process:
        for _ in range(int(seconds / _LOOK)):
            try:
                stdout, stderr = process.communicate(timeout=_LOOK)
            except subprocess.TimeoutExpired:
                if alive():
                    continue
                break
            return process.returncode, stdout, stderr
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    return None, b"", b""


def thread(deed: Callable[[], None]) -> threading.Thread:
    """Do it beside everything else."""
    started = threading.Thread(target=deed, name="sandbox-ssm", daemon=True)
    started.start()
    return started
