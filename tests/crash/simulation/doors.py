"""What can happen to a call on its way: it takes time, others go on meanwhile, it is refused, or its answer is lost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

from bot.errors import Unavailable
from tests.crash.simulation.hours import Hours

FAULTS = ("refused", "lost", "crash before", "crash after", "pause")
"""One of a call: no effect and no answer, an effect without an answer, kill -9 on either side of the effect, and a
thread that stands still before the effect for longer than its lease lasts."""
PAUSE = 130.0
MEANWHILE = 0.03
"""How likely it is that the bot's other threads go on in the middle of a call."""


class Crash(BaseException):
    """kill -9. Not an Exception: nothing in the bot may catch it."""


class Doors:
    def __init__(self, hours: Hours, chance: Random, note: Callable[[str], None]) -> None:
        self._hours, self._chance, self._note = hours, chance, note
        self._armed: dict[str, list[str]] = {}
        self._shut_until: dict[str, float] = {}
        self._stuck: set[str] = set()
        self.meanwhile: Callable[[float], None] = lambda _seconds: None
        """Lets the bot's other threads go on for so many seconds."""

    def arm(self, call: str, fault: str) -> None:
        """The next call of that name meets the fault."""
        self._armed.setdefault(call, []).append(fault)

    def shut(self, door: str, seconds: float) -> None:
        """Whatever goes to that door is refused for so long."""
        self._shut_until[door] = self._hours.now + seconds

    def is_shut(self, door: str) -> bool:
        return self._hours.now < self._shut_until.get(door, 0.0)

    def is_out_of_reach(self, door: str) -> bool:
        """Whether it is refused to the bot, or a call to it stands still."""
        return self.is_shut(door) or door in self._stuck

    def heal(self) -> None:
        """No fault is left."""
        self._armed.clear()
        self._shut_until.clear()

    @contextmanager
    def call(self, door: str, call: str, seconds: float) -> Iterator[None]:
        armed = self._armed.get(call)
        fault = armed.pop() if armed else ""
        if fault:
            self._note(f"{door} {call}: {fault}")
        self._hours.spend(seconds)
        if fault == "pause":
            self._stand_still(door)
        elif self._chance.random() < MEANWHILE:
            self.meanwhile(self._chance.choice((0.0, 0.0, 2.0, 10.0)))
        if fault == "crash before":
            raise Crash(f"before {door} {call}")
        if fault == "refused" or self.is_shut(door):
            raise Unavailable(f"{door} does not answer.")
        yield
        if fault == "crash after":
            raise Crash(f"after {door} {call}")
        if fault == "lost":
            self.shut(
                door, self._chance.choice((0.0, 20.0, 60.0))
            )  # a connection that breaks is often gone for a while
            raise Unavailable(f"The answer of {door} was lost.")

    def _stand_still(self, door: str) -> None:
        self._stuck.add(door)
        try:
            self.meanwhile(PAUSE)
        finally:
            self._stuck.discard(door)
