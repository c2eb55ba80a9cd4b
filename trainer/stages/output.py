"""What a stage prints: kept whole in the log, and its last lines remembered as a person would have seen them."""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from trainer.events import LINE_LIMIT, TAIL_LINES

LOG_LIMIT = 256 * 1024 * 1024
"""Bytes of output of one step that are kept; more than that helps nobody and fills the disk."""
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_LONGEST = 64 * 1024
_OURS = b"\x1e\x02"
"""Stands before a line of our own (the control characters keep it apart from what a stage prints)."""


def clean(line: bytes) -> str:
    """A line as it would stand on a terminal: no colours, of a progress bar its last state, cut to 2,000 characters."""
    text = _ANSI.sub("", line.decode("utf-8", errors="replace")).rstrip("\r\n")
    states = [state for state in re.split(r"\r|\x08+", text) if state.strip()]
    return _CONTROL.sub("", states[-1] if states else "")[:LINE_LIMIT]


class Tail:
    """The last lines of an output, with those of a stage that begins alone."""

    def __init__(self, lines: int = TAIL_LINES) -> None:
        self._lines: deque[str] = deque(maxlen=lines)

    def add(self, line: str) -> None:
        """One line more; empty ones are not worth their place."""
        if line.strip():
            self._lines.append(line)

    def clear(self) -> None:
        """Begin anew."""
        self._lines.clear()

    @property
    def lines(self) -> list[str]:
        """Oldest first."""
        return list(self._lines)


class Capture:
    """Standard output and error of this process and all that it starts, read line by line while it runs.

    Everything goes on to where it went before, unchanged, up to `LOG_LIMIT`. `on_line` is called for each line, in a
    thread of its own. `flush` returns when all that was printed before it has been seen.
    """

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._seen = threading.Event()
        self._mark = f"\x1e{os.urandom(8).hex()}\x1e".encode("ascii")
        self._thread = threading.Thread(target=self._read, name="output", daemon=True)
        self._written = 0

    def __enter__(self) -> Self:
        self._before = (os.dup(1), os.dup(2))
        self._reader, writer = os.pipe()
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        os.close(writer)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()
        os.dup2(self._before[0], 1)
        os.dup2(self._before[1], 2)

    def flush(self, timeout: float = 5.0) -> None:
        """Wait until all that was printed so far has been read; a process left behind may print on."""
        self._seen.clear()
        os.write(1, self._mark + b"\n")
        self._seen.wait(timeout)

    def say(self, text: str) -> None:
        """Lines of our own into the log, among the output; `on_line` does not hear of them."""
        for line in text.splitlines():
            os.write(1, _OURS + line.encode("utf-8", errors="replace") + b"\n")

    def _read(self) -> None:
        rest = b""
        while chunk := os.read(self._reader, 65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._take(line)
            if len(rest) > _LONGEST:
                self._take(rest)
                rest = b""

    def _take(self, line: bytes) -> None:
        text, mark, _ = line.partition(self._mark)
        before, ours, said = text.partition(_OURS)
        if before or not (mark or ours):
            self._keep(before + b"\n")
            self._on_line(clean(before))
        if ours:
            self._keep(said + b"\n")
        if mark:
            self._seen.set()

    def _keep(self, line: bytes) -> None:
        if self._written > LOG_LIMIT:
            return
        self._written += len(line)
        os.write(self._before[0], line)
        if self._written > LOG_LIMIT:
            os.write(self._before[0], b"... the log is full; further output is not kept\n")
