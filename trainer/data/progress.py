"""How far a transfer is: counts from many threads, told at most twice a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from trainer.events import EventLog

INTERVAL = 0.5
"""Seconds between two `transfer` events."""


class Transfer:
    """Counts files and bytes in one direction. `bytes_total` is None while a size is unknown."""

    def __init__(
        self,
        events: EventLog,
        direction: str,
        *,
        files_total: int,
        bytes_total: int | None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._events = events
        self._direction = direction
        self._files_total = files_total
        self._bytes_total = bytes_total
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._files = 0
        self._bytes = 0
        self._told_at = float("-inf")

    @property
    def bytes(self) -> int:
        """Bytes moved so far."""
        return self._bytes

    def add_bytes(self, count: int) -> None:
        """Some bytes more."""
        self._add(0, count)

    def add_file(self) -> None:
        """One file is through."""
        self._add(1, 0)

    def finish(self) -> None:
        """Tell the last figures, whenever the ones before were told."""
        with self._lock:
            self._tell()

    def _add(self, files: int, count: int) -> None:
        with self._lock:
            self._files += files
            self._bytes += count
            if self._monotonic() - self._told_at >= INTERVAL:
                self._tell()

    def _tell(self) -> None:
        self._told_at = self._monotonic()
        self._events.emit(
            "transfer",
            direction=self._direction,
            files=self._files,
            files_total=self._files_total,
            bytes=self._bytes,
            bytes_total=self._bytes_total,
        )
