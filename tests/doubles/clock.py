"""A clock that a test owns."""

import itertools
import threading


class TestClock:
    """Time stands still until `advance`; tokens count up."""

    __test__ = False

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self._now = start
        self._tokens = itertools.count(1)

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.advance(seconds)
        return event.is_set()

    def token(self) -> str:
        return f"{next(self._tokens):016x}"

    def advance(self, seconds: float) -> None:
        self._now += seconds
