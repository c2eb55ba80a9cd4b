"""Wakes the threads that wait for work, so that a command is taken up at once and not at the next look."""

from __future__ import annotations

import threading


class Bell:
    """`ring` wakes every waiter. A ring between `count` and `wait` is not missed."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        """How often it rang; give it to `wait`."""
        return self._count

    def ring(self) -> None:
        """There may be something to do."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, since: int, seconds: float) -> None:
        """Wait until it rings after `since`, or `seconds` passed."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != since, timeout=max(0.0, seconds))
