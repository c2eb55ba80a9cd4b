"""The Log button: a run's last lines, for whoever asks. Anybody who sees the thread may: it gets the whole log."""

from __future__ import annotations

from bot.slack import words
from bot.slack.blocks import context, section
from bot.slack.buttons import LOG
from commands.aside import aside
from commands.desk import Button, Desk, Press, Reply
from commands.find import GONE, run_pressed

LINES = 30


def press(press: Press, desk: Desk) -> str | None:
    """Show the last lines of what the run wrote so far."""
    run = run_pressed(press, desk)
    if run is None:
        return GONE
    tail = words.fence(desk.log_tail(run.uid, LINES))
    if not tail:
        return f"Run {run.id} has written nothing yet." if not run.phase.ended else f"Run {run.id} wrote nothing."
    ended = run.phase.ended
    small = "The thread has the whole log as a file." if ended else "When the run ends, its thread gets the whole log."
    heading = f"The last lines of run {run.id}:"
    aside(Reply(heading, [section(heading), section(tail), context(small)]), press, desk)
    return None


BUTTON = Button(LOG, press)
