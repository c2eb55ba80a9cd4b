"""`/locations`: the machines; and with a verb, one of them on, off, or kept for a while.

Each verb writes one row at most: what a machine has to be asked for is done by the engine (bot/engine/wishes.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from commands import request
from commands.desk import Call, Command, Desk, Reply
from commands.locations.holding import hold, release
from commands.locations.listing import listing
from commands.locations.switching import start, stop

USAGE = (
    "`/locations` lists the machines. With a word it does something with yours, or with the one that you name:\n"
    "• `/locations start` and `/locations stop` switch it on and off, for example `/locations start rack-1`\n"
    "• `/locations hold <minutes> [why]` keeps it for you, for example `/locations hold 60 debugging`\n"
    "• `/locations release` gives it back before that"
)
_VERBS: Mapping[str, Callable[[list[str], Call, Desk], Reply | None]] = {
    "hold": hold,
    "release": release,
    "start": start,
    "stop": stop,
}
"""Verb -> what does it; None when the words after the verb say nothing that it understands."""


def handle(call: Call, desk: Desk) -> Reply | None:
    """The list, or what a verb came to."""
    given = request.words(call.text)
    if not desk.locations:
        return Reply(f"There is no training machine yet. Ask {desk.whom_to_ask} to add one.")
    if not given:
        return listing(call, desk)
    verb = _VERBS.get(given[0].casefold())
    return (verb(given[1:], call, desk) if verb else None) or Reply(USAGE)


COMMAND = Command(
    name="/locations",
    usage="[start | stop | hold <minutes> | release]",
    description="The training machines: who has them, who waits; `start`, `stop`, `hold 60` and `release` one",
    example="/locations",
    handle=handle,
)
