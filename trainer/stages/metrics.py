"""Metrics while a training runs: DVCLive's metrics.json and every metrics file that dvc.yaml names, as they change."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from trainer.events import EventLog

INTERVAL = 0.3
"""Seconds between two looks at the files."""
LARGEST = 1024 * 1024
"""Bytes of a metrics file that is read; a larger one is none."""
_EPOCH = re.compile(r"\bEpoch\s*\[?\s*(\d+)\s*/\s*(\d+)", re.IGNORECASE)


def numbers(values: Any, prefix: str = "") -> dict[str, float]:
    """All numbers in nested values, under dotted names; what is no number is left out."""
    if isinstance(values, Mapping):
        found: dict[str, float] = {}
        for key, value in values.items():
            found |= numbers(value, f"{prefix}.{key}" if prefix else str(key))
        return found
    if isinstance(values, bool) or not isinstance(values, int | float) or values != values:  # noqa: PLR0124 - a NaN
        return {}
    return {prefix: values} if prefix and abs(values) != float("inf") else {}


def epoch(line: str) -> tuple[int, int] | None:
    """The numbers in a line like `Epoch 3/12`."""
    match = _EPOCH.search(line)
    return (int(match.group(1)), int(match.group(2))) if match else None


class Watch:
    """Looks at files again and again in a thread, and emits a `metric` event whenever one says something new."""

    def __init__(self, events: EventLog, paths: Callable[[], Iterable[Path]]) -> None:
        self._events = events
        self._paths = paths
        self._seen: dict[Path, tuple[int, int]] = {}
        self._epoch: tuple[int, int] | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        """Take what is there now for old, and look from now on."""
        for path in self._paths():
            self._seen[path] = _stamp(path)
        self._thread.start()

    def stop(self) -> None:
        """Look a last time, and no more; without a start there is nothing to look for."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
            self.look()

    def begin_stage(self) -> None:
        """Epochs of another stage do not count for this one."""
        self._epoch = None

    def hear(self, line: str) -> None:
        """A line of output; it may say which epoch of how many this is."""
        self._epoch = epoch(line) or self._epoch

    def look(self) -> None:
        """One look at all files."""
        with self._lock:
            for path in self._paths():
                now = _stamp(path)
                if now != self._seen.get(path, (0, 0)) and self._tell(path):
                    self._seen[path] = now

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL):
            self.look()

    def _tell(self, path: Path) -> bool:
        """Whether the file could be read: one that is being written is tried again."""
        record = _read(path)
        if record is None:
            return False
        step = record.pop("step", None)
        values = numbers(record)
        if not values:
            return True
        now, of = self._epoch or (0, None)
        # DVCLive counts from 0 and writes when a step is over; without it the last epoch line is the best guess.
        done = step + 1 if isinstance(step, int) and not isinstance(step, bool) else now
        self._events.emit("metric", step=done, of=of, values=values)
        return True


def _read(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            record = json.loads(file.read(LARGEST))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)
