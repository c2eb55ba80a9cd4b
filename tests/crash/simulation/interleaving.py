"""One interleaving: a seed's own rules in a seed's own order, with the invariants looked at after each.

python -m tests.crash.simulation.interleaving 371      plays one and prints what happened
"""

import logging
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest

from tests.crash.simulation.bot_in_time import BotInTime
from tests.crash.simulation.invariants import broken, broken_at_the_end
from tests.crash.simulation.machine import ON
from tests.crash.simulation.rules import ALWAYS, SOMETIMES

STEPS = 35
GRACE = 4 * 3_600.0
"""Simulated seconds after the last fault within which every run must have come to its end."""
PAUSES = (0.0, 0.5, 3.0, 10.0, 10.0, 30.0, 60.0, 150.0)


class BrokenError(AssertionError):
    """An invariant does not hold; the message tells the whole story."""


def play(seed: int, patch: pytest.MonkeyPatch) -> BotInTime:
    """Play the interleaving of a seed to its end.

    Raises:
        BrokenError: something does not hold.
    """
    chance = Random(seed)
    with tempfile.TemporaryDirectory(dir=_quick_place()) as folder:
        bot = BotInTime(Path(folder), chance, patch)
        try:
            _play(bot, chance)
        except BrokenError:
            raise
        except Exception as error:
            raise BrokenError("\n".join([*bot.history, "", f"the bot stumbled: {error!r}"])) from error
        finally:
            bot.disarm()
            bot.store.close()
    return bot


def _play(bot: BotInTime, chance: Random) -> None:
    rules = {**ALWAYS, **{rule: weight for rule, weight in SOMETIMES.items() if chance.random() < 0.5}}
    for _ in range(STEPS):
        (rule,) = chance.choices(list(rules), list(rules.values()))
        bot.note(rule(bot))
        bot.pass_time(chance.choice(PAUSES))
        _hold(bot, broken(bot))
    bot.note("all faults are over")
    bot.disarm()
    bot.doors.heal()
    for machine in bot.machines.values():
        machine.heal()
    end = bot.hours.now + GRACE
    while bot.hours.now < end and not _is_quiet(bot):
        bot.pass_time(120.0)
        _hold(bot, broken(bot))
    _hold(bot, broken_at_the_end(bot))


def _is_quiet(bot: BotInTime) -> bool:
    """Nobody waits, nobody holds, and every machine is off."""
    if not bot.alive or any(machine.state in ON for machine in bot.machines.values()):
        return False
    return bot.store.next_due() is None


def _hold(bot: BotInTime, sentences: Iterable[str]) -> None:
    found = list(sentences)
    if found:
        raise BrokenError("\n".join([*bot.history, "", *found]))


def _quick_place() -> str | None:
    """A folder in memory, where the system has one: thousands of ledgers need no disk."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="           %(message)s")
    with pytest.MonkeyPatch.context() as patching:
        print("\n".join(play(int(sys.argv[1]), patching).history))
