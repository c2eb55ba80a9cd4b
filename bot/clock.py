"""Time, sleeping and random ids: their only source, so that a test can own all three."""

from __future__ import annotations

import secrets
import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the engine knows of time."""

    def now(self) -> float:
        """Wall time in seconds since the epoch (UTC). May jump; never subtract two of them for a timeout."""

    def monotonic(self) -> float:
        """Seconds that only grow, for timeouts and pacing within one process."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set or `seconds` passed; True when it was set."""

    def token(self) -> str:
        """A fresh random id of 16 hexadecimal digits, for leases."""


class SystemClock:
    """The real one."""

    def now(self) -> float:
        """See `Clock.now`."""
        return time.time()

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """See `Clock.wait`."""
        return event.wait(max(0.0, seconds))

    def token(self) -> str:
        """See `Clock.token`."""
        return secrets.token_hex(8)


def iso(timestamp: float) -> str:
    """`timestamp` as `2026-01-02T03:04:05Z`."""
    return datetime.fromtimestamp(timestamp, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
