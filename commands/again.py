"""The Train again button: the form of `/train`, filled in as the run was asked for, with the next free tag.

Anybody may who has a machine: it is a new run, and theirs.
"""

from __future__ import annotations

from bot.slack import words
from bot.slack.buttons import AGAIN
from commands import modal
from commands.aside import as_call, aside
from commands.desk import Button, Desk, Press, Reply
from commands.find import GONE, run_pressed
from commands.train import without_location


def press(press: Press, desk: Desk) -> str | None:
    """Open the form; whoever has no machine hears whom to ask."""
    run = run_pressed(press, desk)
    if run is None:
        return GONE
    refusal = without_location(as_call(press), desk)
    if refusal is not None:
        aside(refusal, press, desk)
        return None
    channel = press.channel or run.channel
    if modal.open_modal(desk, press.trigger, channel, press.user, branch=run.branch, options=run.options):
        return None
    aside(Reply(f"{words.code(f'/train {run.branch} <tag>')} trains it again, under a tag that is free."), press, desk)
    return None


BUTTON = Button(AGAIN, press)
