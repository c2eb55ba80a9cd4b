"""Has pictures drawn: one process at a time, apart from the bot, with a limit of time. Never waits for it."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from bot.clock import Clock
from bot.runs.plots import Plot, written

log = logging.getLogger(__name__)

PATIENCE = 120.0
"""Seconds that a picture may take; it takes one or two, and more the first time on a machine (matplotlib's fonts)."""
LARGEST = 8_000_000
"""Bytes of a picture."""
_KEPT = 8


class CannotDrawError(Exception):
    """There will be no such picture; the message is for the log."""


class Painter:
    """Draws. `folder` is where matplotlib remembers which fonts there are. For one thread at a time."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._running: _Running | None = None
        self._drawn: dict[str, bytes | CannotDrawError] = {}

    def draw(self, key: str, plots: Sequence[Plot]) -> bytes | None:
        """The picture as PNG; None while it is being drawn, so ask again.

        Raises:
            CannotDrawError: it cannot be drawn, or takes too long.
        """
        self._look()
        if key not in self._drawn and self._running is None:
            self._start(key, plots)
        found = self._drawn.get(key)
        if isinstance(found, CannotDrawError):
            raise found
        return found

    def close(self) -> None:
        """End what is being drawn."""
        if self._running is not None:
            self._running.end()
            self._running = None

    def _look(self) -> None:
        """See whether the process is done."""
        if self._running is None:
            return
        late = self._clock.monotonic() > self._running.until
        if self._running.process.poll() is None and not late:
            return
        self._keep(self._running.key, self._running.result())
        self.close()

    def _start(self, key: str, plots: Sequence[Plot]) -> None:
        try:
            self._running = _Running(key, plots, self._folder, self._clock.monotonic() + PATIENCE)
        except OSError as error:
            self._keep(key, CannotDrawError(f"its process could not be started ({error})"))

    def _keep(self, key: str, result: bytes | CannotDrawError) -> None:
        self._drawn[key] = result
        for old in list(self._drawn)[:-_KEPT]:
            del self._drawn[old]


class _Running:
    """A process that draws. Its input and output are files, so that neither side waits for the other."""

    def __init__(self, key: str, plots: Sequence[Plot], folder: Path, until: float) -> None:
        self.key, self.until = key, until
        folder.mkdir(parents=True, exist_ok=True)
        self._out: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._err: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        with tempfile.TemporaryFile() as given:
            given.write(json.dumps([written(plot) for plot in plots]).encode())
            given.seek(0)
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "bot.slack.drawing"],  # nothing from the folder it happens to run in
                stdin=given,
                stdout=self._out,
                stderr=self._err,
                env=_environment(folder),
                start_new_session=True,
            )

    def result(self) -> bytes | CannotDrawError:
        """The picture, or why there is none."""
        if self.process.poll() is None:
            return CannotDrawError(f"it took longer than {PATIENCE:.0f} s")
        content = _all_of(self._out)
        if self.process.returncode == 0 and content.startswith(b"\x89PNG") and len(content) <= LARGEST:
            return content
        said = _all_of(self._err).decode("utf-8", errors="replace").strip().splitlines()
        return CannotDrawError(f"its process ended with {self.process.returncode}: {said[-1] if said else ''}")

    def end(self) -> None:
        """Kill it, if it is still there, and forget its files."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._out.close()
        self._err.close()


def _environment(folder: Path) -> dict[str, str]:
    """No secrets; one thread is enough for a picture."""
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    mine = {"MPLCONFIGDIR": str(folder), "MPLBACKEND": "agg", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    return {"PATH": os.environ.get("PATH", os.defpath), **mine, **threads}


def _all_of(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(LARGEST + 1)
