"""The bot as a child process: `stationmaster serve`, with nothing but the environment that it is given."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from bot.sandbox.inherited import inherited
from bot.sandbox.plain_text import indented

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a bot that ended by itself is started again; doubled each time."""
HEALTHY_SECONDS = 60.0
"""A bot that lived this long was all right: the pauses start from the first again."""
STOP_SECONDS = 15.0
LAST_LINES = 5
LOG_LIMIT = 5_000_000
"""Bytes from which on a log is put aside when a new one is begun."""
SERVE = ("-P", "-m", "bot", "serve")
"""`-P`: a folder named `bot` where the demo was started is not taken for this one."""


class BotProcess:
    """Keeps one bot alive between `start` and `stop`. Its output goes to `log`; `say` is told of each restart.

    Ctrl-C in the terminal does not reach the bot (it leads a session of its own), so that it is ended in good order.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        log: Path,
        pid_file: Path,
        say: Callable[[str], None],
        argv: Sequence[str] = (sys.executable, *SERVE),
        pause: float = FIRST_PAUSE,
    ) -> None:
        self._environment = {**inherited(), **environment, "PYTHONUNBUFFERED": "1"}
        self._argv = list(argv)
        self._first_pause = pause
        self._log = log
        self._pid_file = pid_file
        self._say = say
        self._last_words = ""
        self._stopping = threading.Event()
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_alive, name="bot-keeper", daemon=True)
        self.restarts = 0
        """How often in a row it ended by itself before it had lived long enough."""

    def start(self) -> Self:
        """Start it, after ending one that a killed demo left behind."""
        end_leftover(self._pid_file)
        if self._log.exists() and self._log.stat().st_size > LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".old.log"))
        self._thread.start()
        return self

    def stop(self) -> None:
        """End it: first politely, then not."""
        self._stopping.set()
        with self._guard:
            process = self._process
        if process is not None:
            _end(process)
        if self._thread.is_alive():
            self._thread.join()
        self._pid_file.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process now, if there is one."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def last_lines(self, count: int = LAST_LINES) -> str:
        """The end of its log, for a message."""
        try:
            with self._log.open("rb") as file:
                file.seek(max(0, self._log.stat().st_size - 8_192))
                return "\n".join(file.read().decode("utf-8", errors="replace").splitlines()[-count:])
        except OSError:
            return ""

    def _keep_alive(self) -> None:
        pause = self._first_pause
        while (process := self._launch()) is not None:
            started = time.monotonic()
            code = process.wait()
            if self._stopping.is_set():
                return
            if time.monotonic() - started > HEALTHY_SECONDS:
                pause, self.restarts = self._first_pause, 0
            self.restarts += 1
            self._tell(code)
            self._stopping.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _tell(self, code: int) -> None:
        self._say(f"The bot ended ({_how(code)}); starting it again. Its log is {self._log}.")
        words = self.last_lines()
        if code > 0 and words != self._last_words:  # a bot that was killed had no say in it
            self._say(f"The last it said:\n{indented(words, '    ')}")
            self._last_words = words

    def _launch(self) -> subprocess.Popen[bytes] | None:
        """A new process, or None when it is over. Under the guard: `stop` sees the process or prevents it."""
        with self._guard, self._log.open("ab") as log:
            if self._stopping.is_set():
                return None
            self._process = subprocess.Popen(
                self._argv,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._pid_file.write_text(f"{self._process.pid}\n", "ascii")
            return self._process


def end_leftover(pid_file: Path) -> None:
    """End the bot that `pid_file` names, when it is one: its demo was killed and could not do it."""
    try:
        pid = int(pid_file.read_text("ascii"))
    except (OSError, ValueError):
        return
    for name in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + STOP_SECONDS
        if not _is_bot(pid):
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, name)
        while _is_bot(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
    pid_file.unlink(missing_ok=True)


def _is_bot(pid: int) -> bool:
    """Whether the process is ours and not one that got the number later."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        listed = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, check=False)
        words = listed.stdout.split()
    return all(word.encode() in words for word in SERVE)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _how(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit status {code}"
