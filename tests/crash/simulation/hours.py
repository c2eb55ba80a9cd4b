"""True time of a simulated world, and the clocks that show it to one process after the other."""

from collections.abc import Callable
from random import Random

from bot.clock import SystemClock

EPOCH = 1_800_000_000.0


class Hours:
    """True seconds since the world began. The wall may be set wrong; the steady clock of a computer never is."""

    def __init__(self) -> None:
        self.now = 0.0
        self.wall_is_wrong_by = 0.0
        self.lives: list[Callable[[], None]] = []
        """What goes on by itself as time passes, whether the bot is there or not."""

    def spend(self, seconds: float) -> None:
        self.now += seconds
        for live in self.lives:
            live()

    def wall(self) -> float:
        return EPOCH + self.now + self.wall_is_wrong_by

    def steady(self) -> float:
        return self.now


class ProcessClock(SystemClock):
    """The real clock of one process of the bot, over the simulated time, with ids that a seed decides."""

    def __init__(self, hours: Hours, chance: Random) -> None:
        super().__init__(wall=hours.wall, steady=hours.steady)
        self._chance = chance

    def token(self) -> str:
        return f"{self._chance.getrandbits(64):016x}"
