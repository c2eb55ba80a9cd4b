"""The same by button: a machine of the home tab on, off, mine for a while, given back; and a run's machine held.

A press in the home tab is answered in that tab, any other one where it was pressed.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.slack.buttons import HOLD, HOLD_MINUTES
from bot.slack.home import MACHINE_HOLD, MACHINE_RELEASE, MACHINE_START, MACHINE_STOP
from commands.aside import as_call, aside
from commands.desk import Button, Call, Desk, Press, Reply
from commands.find import GONE, run_pressed
from commands.home import show
from commands.locations.holding import hold_on, release
from commands.locations.switching import start, stop

Verb = Callable[[list[str], Call, Desk], Reply | None]


def hold_machine(press: Press, desk: Desk) -> str | None:
    """Below a card: keep the run's machine, to look why it failed."""
    run = run_pressed(press, desk)
    if run is None:
        return GONE
    aside(hold_on(run.location, HOLD_MINUTES, as_call(press), desk), press, desk)
    return None


def _hold(given: list[str], call: Call, desk: Desk) -> Reply | None:
    return hold_on(given[0], HOLD_MINUTES, call, desk)


def _in_home(action: str, verb: Verb) -> Button:
    def press(press: Press, desk: Desk) -> str | None:
        reply = verb([press.value], as_call(press), desk)
        desk.store.homes.say(press.user, reply.text if reply is not None else "")
        desk.later(lambda: show(press.user, desk))
        return None

    return Button(action, press)


BUTTONS = (
    Button(HOLD, hold_machine),
    _in_home(MACHINE_START, start),
    _in_home(MACHINE_STOP, stop),
    _in_home(MACHINE_HOLD, _hold),
    _in_home(MACHINE_RELEASE, release),
)
