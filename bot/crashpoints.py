"""Named moments at which a test may kill the bot.

`STATIONMASTER_CRASH=<name>[:<n>]` dies there, the n-th time.

The names are where a real kill -9 hurts most: between an intent and its deed, between the deed and its record.
"""

from __future__ import annotations

import os
from collections.abc import Callable

POINTS = (
    "request-added",
    "request-claimed",
    "reserved",
    "starting-before",
    "starting-after",
    "starting-recorded",
    "preparing-before",
    "preparing-after",
    "preparing-recorded",
    "building-before",
    "building-after",
    "building-recorded",
    "training-before",
    "training-after",
    "training-recorded",
    "publishing-before",
    "publishing-after",
    "publishing-recorded",
    "comparing-before",
    "comparing-after",
    "comparing-recorded",
    "releasing-before",
    "releasing-after",
    "releasing-recorded",
    "held-back-before",
    "held-back-after",
    "held-back-recorded",
    "tested-before",
    "tested-after",
    "compared-before",
    "compared-after",
    "built-before",
    "built-after",
    "failed-before",
    "failed-after",
    "released-recorded",
    "message-intended",
    "message-sent",
)
_passed: dict[str, int] = {}


def _die() -> None:
    os._exit(137)


die: Callable[[], None] = _die
"""What a crash does; a test in the same process puts an exception here."""


def crash_point(name: str) -> None:
    """Die here, as kill -9 would, if the environment asks for it."""
    wanted = os.environ.get("STATIONMASTER_CRASH")
    if not wanted:
        return
    point, _, times = wanted.partition(":")
    if point != name:
        return
    _passed[name] = _passed.get(name, 0) + 1
    if _passed[name] == int(times or 1):
        die()
