"""The cloud's notice that it takes the machine back, two minutes before it does. Standard library only.

EC2 puts it into a spot instance's metadata, and recommends to ask every 5 seconds (AWS, "Spot Instance interruption
notices"): 404 while there is none, then `{"action": "stop", "time": "2026-01-02T03:04:05Z"}`; the action may be
`terminate` or `hibernate` as well. It is asked with a token (IMDSv2), and never through a proxy. A service that fails
is no notice, and one that has never answered is not there: then nobody asks any more.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from trainer.events import EventLog
from trainer.job import decision, processes
from trainer.job.order import Order

INTERVAL = 5.0
"""Seconds between two questions."""
GRACE = 60.0
"""Seconds in which the step may keep what it has; the rest of the two minutes is for the bot to hear of it."""
TIMEOUT = 1.0
"""Seconds that the service, which is part of the host, gets for an answer."""
TRIES = 3
"""How often a service that has never answered is asked."""
FILE = "notice"
"""In a run's folder: what was heard, for a step that can reach no metadata service itself."""

_TOKEN_SECONDS = 21_600  # six hours, the most that there is
_PASSIVE = {"stop": "stopped", "terminate": "terminated", "hibernate": "hibernated"}


@dataclass(frozen=True)
class Notice:
    """What happens to the machine (`stop`, `terminate`, `hibernate`), and about when, as the cloud writes it."""

    action: str
    time: str


Ask = Callable[[], Notice | None]
"""Raises `OSError` when nobody answers."""


class Metadata:
    """The metadata service at `address`, such as http://169.254.169.254."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._path = parts.path.rstrip("/")
        self._token = ""

    def ask(self) -> Notice | None:
        """The notice, None while there is none.

        Raises:
            OSError: it does not answer, or says something else.
        """
        if not self._token:
            self._token = self._take_token()
        status, body = self._call("GET", "meta-data/spot/instance-action", {"X-aws-ec2-metadata-token": self._token})
        if status == http.client.OK:
            return read(body)
        self._token = "" if status == http.client.UNAUTHORIZED else self._token
        if status != http.client.NOT_FOUND:
            raise OSError(f"the metadata service answers {status}")
        return None

    def _take_token(self) -> str:
        status, body = self._call("PUT", "api/token", {"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_SECONDS)})
        if status != http.client.OK:
            raise OSError(f"the metadata service gives no token: {status}")
        return body.decode("ascii", errors="replace").strip()

    def _call(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT)) as connection:
            try:
                connection.request(method, f"{self._path}/latest/{path}", headers=dict(headers))
                answer = connection.getresponse()
                return answer.status, answer.read(4096)
            except (http.client.HTTPException, ValueError) as error:
                raise OSError(f"the metadata service does not speak HTTP: {error!r}") from error


class Watch(threading.Thread):
    """Asks while a step runs; on a notice everything that this process started is asked to end.

    A result that is on its way out is not torn off: like a cancel, a notice comes too late once the push is decided.
    """

    def __init__(self, step: str, run_dir: Path, ask: Ask, interval: float = INTERVAL) -> None:
        super().__init__(name="notice", daemon=True)
        self.step = step
        self._run_dir = run_dir
        self._ask = ask
        self._interval = interval
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._obeyed: Notice | None = None

    def end(self) -> Notice | None:
        """Ask no more; the notice for which the step was asked to end."""
        with self._lock:
            self._over.set()
        return self._obeyed

    def run(self) -> None:
        """Ask, and obey."""
        notice = hear(self._ask, self._over, self._interval)
        if notice is None:
            return
        with self._lock:
            if self._over.is_set():
                return
            log(f"A notice of the cloud: this machine is to be {done(notice)} at {notice.time}.")
            if self.step == "publish" and decision.take(self._run_dir, "cancel") != "cancel":
                log("The result is being pushed already, and that goes on.")
                return
            self._obeyed = notice
            processes.send(processes.living_below(os.getpid()), signal.SIGTERM)
        while not self._over.wait(GRACE):
            processes.send(processes.living_below(os.getpid()), signal.SIGKILL)


def watch(job: Order, *, walled_in: bool = False) -> Watch | None:
    """What was ordered; None where the machine is nobody's to take back.

    `walled_in`: where the step runs there is no metadata service, and somebody else asks and writes it down (`main`).
    """
    address = job.spec.get("notices")
    if not isinstance(address, str) or not address:
        return None
    seconds = job.spec.get("notice_seconds")
    interval = float(seconds) if isinstance(seconds, int | float) and seconds > 0 else INTERVAL
    ask = (lambda: written(job.run_dir / FILE)) if walled_in else Metadata(address).ask
    return Watch(job.step, job.run_dir, ask, interval)


def hear(ask: Ask, over: threading.Event, interval: float) -> Notice | None:
    """Ask until there is a notice; None when it is over, or there is nobody to ask."""
    answered, tries = False, 0
    while not over.is_set():
        try:
            notice = ask()
        except OSError as error:
            tries += 1
            if not answered and tries >= TRIES:
                log(f"Nobody tells here whether the machine is taken back ({error}); nobody is asked any more.")
                return None
        else:
            answered = True
            if notice is not None:
                return notice
        over.wait(interval)
    return None


def read(body: bytes) -> Notice:
    """The notice in what the service says.

    Raises:
        OSError: it is none.
    """
    try:
        said = json.loads(body)
    except ValueError as error:
        raise OSError("the metadata service says something else than a notice") from error
    action = said.get("action") if isinstance(said, dict) else None
    if action not in _PASSIVE:
        raise OSError("the metadata service names no action that is known")
    return Notice(action, str(said.get("time") or "")[:40])


def written(path: Path) -> Notice | None:
    """The notice that somebody else heard; the file is there from the start, and empty until then."""
    body = path.read_bytes()
    return read(body) if body.endswith(b"\n") else None


def done(notice: Notice) -> str:
    """`stopped`, for `stop`."""
    return _PASSIVE[notice.action]


def say(notice: Notice, step: str, run_dir: Path) -> None:
    """Leave the cause for whoever reads the events next, however much later."""
    when = notice.time.replace("T", " ").replace("Z", " UTC")
    with suppress(OSError):  # the disk is full; that the step was ended is still said
        EventLog(run_dir / "events.jsonl").emit(
            "failed",
            step=step,
            stage=None,
            cause="interrupted",
            message=f"The notice said that the machine would be {done(notice)} at {when}.",
            action=notice.action,
            lines=[],
        )


def log(text: str) -> None:
    """A line for the run's log."""
    with suppress(OSError):
        os.write(1, f"{text}\n".encode())


def main(argv: list[str]) -> int:
    """Hear for a step that is walled in, and write it down: `python -P -m trainer.job.notice ADDRESS FILE`.

    The file is written in place: the step has it mounted, and would never see another one of that name.
    """
    address, path = argv
    notice = hear(Metadata(address).ask, threading.Event(), INTERVAL)
    if notice is not None:
        Path(path).write_text(json.dumps({"action": notice.action, "time": notice.time}) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
