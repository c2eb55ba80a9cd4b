"""`stationmaster serve` as a process of its own, with nothing but the environment that it is given."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bot.sandbox.inherited import inherited
from tests.scenario.waiting import until

ARGV = (sys.executable, "-P", "-m", "bot", "serve")
READY = "bot: ready"
KILLED_BY_CRASH_POINT = 137


class ServedBot:
    """One bot, from one life to the next; each life has a log of its own."""

    def __init__(self, environment, folder):
        self._environment = {**inherited(), **environment, "PYTHONUNBUFFERED": "1"}
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lives = itertools.count(1)
        self._process = None
        self.log = folder / "never-started.log"

    def start(self, *, crash="", wait=True, **environment):
        """Begin a life; `crash` names the point of bot/crashpoints.py at which it ends."""
        given = {**self._environment, **environment, **({"STATIONMASTER_CRASH": crash} if crash else {})}
        self.log = self._folder / f"life-{next(self._lives)}.log"
        began = time.monotonic()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                ARGV, env=given, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        if wait:
            until(lambda: READY in self.said or not self.alive, "the bot is ready", context=lambda: self.said)
            assert self.alive, self.said
        self.seconds_to_ready = time.monotonic() - began
        return self

    @property
    def alive(self):
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self):
        return self._process.pid

    @property
    def returncode(self):
        return self._process.poll()

    @property
    def said(self):
        """The log of this life."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def logs(self):
        """What all lives said."""
        return "".join(log.read_text(errors="replace") for log in sorted(self._folder.glob("life-*.log")))

    def peak_memory(self):
        """The most that it ever had, in MB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def until_dead(self, seconds=60):
        """Wait for its end; how it ended, as `subprocess` says it."""
        until(lambda: not self.alive, "the bot has ended", seconds, context=lambda: self.said)
        return self._process.returncode

    def kill(self):
        """`kill -9`."""
        self._process.kill()
        self._process.wait()

    def pause(self):
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.pid, signal.SIGCONT)

    def stop(self):
        """End it in good order, and as a last resort in bad."""
        if not self.alive:
            return
        self._process.terminate()
        try:
            self._process.wait(40)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the bot does not end on SIGTERM:\n{self.said[-3000:]}") from None
