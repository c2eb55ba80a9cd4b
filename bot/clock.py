"""Time, sleeping and random ids: their only source, so that a test can own all three."""

from __future__ import annotations

import secrets
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the engine knows of time."""

    def now(self) -> float:
        """Seconds since the epoch (UTC): the wall's time when the process began, carried on by a steady clock.

        So two of one process may be subtracted for a timeout: a wall that is set back or forth meanwhile moves
        nothing. Of another process's the ledger may hold later ones (`Store.requeue_all`).
        """

    def monotonic(self) -> float:
        """Seconds that only grow, for timeouts and pacing within one process."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set or `seconds` passed; True when it was set."""

    def token(self) -> str:
        """A fresh random id of 16 hexadecimal digits, for leases."""


def _steady() -> float:
    """Seconds that no one sets, and that go on while the computer sleeps where the system counts that."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()


class SystemClock:
    """The real one."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = _steady) -> None:
        self._steady = steady
        self._ahead = wall() - steady()

    def now(self) -> float:
        """See `Clock.now`."""
        return self._steady() + self._ahead

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self._steady()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """See `Clock.wait`."""
        return event.wait(max(0.0, seconds))

    def token(self) -> str:
        """See `Clock.token`."""
        return secrets.token_hex(8)


def iso(timestamp: float) -> str:
    """`timestamp` as `2026-01-02T03:04:05Z`."""
    return datetime.fromtimestamp(timestamp, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
