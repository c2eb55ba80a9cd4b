"""The Log button: a run's last lines, for whoever asks. Anybody who sees the thread may: it gets the whole log."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from bot.errors import DoorError
from bot.ports import View
from bot.runs.model import Run
from bot.slack import words
from bot.slack.blocks import Block, context, plain, section
from bot.slack.buttons import LOG
from commands.aside import aside
from commands.desk import Button, Desk, Press, Reply
from commands.find import GONE, run_pressed

log = logging.getLogger(__name__)

LINES = 200
"""Lines of the window: some screens of it. Who wants more takes the file."""
LINES_ASIDE = 30
"""Lines of the message that stands in for the window."""
BLOCKS = 40
_PER_BLOCK, _LONGEST = 2_400, 400
"""Of weight (`words.weight`), in a block and in a line of it."""


def press(press: Press, desk: Desk) -> str | None:
    """Show the last lines of what the run wrote so far, in a window that only this person sees."""
    run = run_pressed(press, desk)
    if run is None:
        return GONE
    lines = desk.log_tail(run.uid, LINES)
    if not words.fence(lines):
        return f"Run {run.id} has written nothing yet." if not run.phase.ended else f"Run {run.id} wrote nothing."
    screens = desk.screens
    if screens is None:
        _beside(run, lines, press, desk)
        return None

    def show() -> None:
        try:
            screens.open(press.trigger, window(run, lines))
        except DoorError as error:
            log.warning("the log of run %s goes into a message: %s", run.id, error)
            _beside(run, lines, press, desk)

    desk.later(show)
    return None


def window(run: Run, lines: Sequence[str]) -> View:
    """The lines in the order in which they were written, the newest last."""
    said = [section(text) for text in pieces(lines)]
    small = f"The last lines, the newest at the end. {_where_the_whole_is(run)}"
    return {
        "type": "modal",
        "title": plain(f"Log of run {run.id}", 24),
        "close": plain("Close", 24),
        "blocks": [context(small), *said],
    }


def pieces(lines: Sequence[str]) -> list[str]:
    """The lines as blocks of code that Slack takes, as many of the last ones as there is room for."""
    found: list[str] = []
    piece: list[str] = []
    room = _PER_BLOCK
    for line in reversed([part.rstrip() for text in lines for part in words.clean(text).split("\n") if part.strip()]):
        # As `fence` will count it: no line may be lost between two blocks.
        weight = min(_LONGEST, words.weight(words.entities(line).replace("`", "`\u200b"))) + 2
        if weight > room:
            found.append(words.fence(reversed(piece)))
            piece, room = [], _PER_BLOCK
        piece.append(line)
        room -= weight
    found.append(words.fence(reversed(piece)))
    return [text for text in reversed(found[:BLOCKS]) if text]


def _beside(run: Run, lines: Sequence[str], press: Press, desk: Desk) -> None:
    heading = f"The last lines of run {run.id}:"
    tail = words.fence(lines[-LINES_ASIDE:])
    blocks: list[Block] = [section(heading), section(tail), context(_where_the_whole_is(run))]
    aside(Reply(heading, blocks), press, desk)


def _where_the_whole_is(run: Run) -> str:
    if run.phase.ended:
        return "The thread has the whole log as a file."
    return "When the run ends, its thread gets the whole log as a file."


BUTTON = Button(LOG, press)
