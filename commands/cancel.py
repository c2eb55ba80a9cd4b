"""`/cancel <run>`, and the card's button: ask for a run's end. Its owner may, and an admin."""

from __future__ import annotations

from bot.runs.model import Phase, Run
from bot.slack import words
from bot.slack.buttons import CANCEL
from bot.slack.card import DOING
from commands.desk import Button, Call, Command, Desk, Press, Reply
from commands.find import GONE, run_meant, run_pressed

USAGE = "/cancel <run>"


def handle(call: Call, desk: Desk) -> Reply | None:
    """Find the run that is meant, and ask for its end."""
    run = run_meant(call.text, desk, USAGE)
    if isinstance(run, Reply):
        return run
    refusal = cancel(run, call.user, desk)
    return Reply(refusal or f"Cancelling run {run.id} ({words.code(run.tag)}). Its thread says when it is done.")


def cancel(run: Run, user: str, desk: Desk) -> str | None:
    """Ask for the run's end; a sentence when that is refused, None when it was done."""
    name = f"Run {run.id} ({words.code(run.tag)})"
    if run.user != user and user not in desk.admins:
        return f"{name} belongs to {desk.name_of(run.user, run)}: only they or an admin can cancel it."
    if run.phase.ended:
        return f"{name} has ended already: {DOING[run.phase].lower()}."
    if run.phase in (Phase.RELEASING, Phase.HELD_BACK):
        return f"{name} cannot be cancelled any more: its result is saved, and {_why_not(run)}."
    if run.cancelled_by:
        return f"{name} is being cancelled already."
    if desk.store.cancel(run.id, user) is None:
        return f"{name} has ended already."
    desk.wake()
    return None


def _why_not(run: Run) -> str:
    if run.phase is Phase.HELD_BACK:
        return f"its release waits. {words.code(f'/discard {run.id}')} ends it"
    return "the release is being made"


def press(press: Press, desk: Desk) -> str | None:
    """The card's button."""
    run = run_pressed(press, desk)
    return cancel(run, press.user, desk) if run is not None else GONE


BUTTON = Button(CANCEL, press)
COMMAND = Command(
    name="/cancel",
    usage="<run>",
    description="End a run that you started; its number or its tag says which",
    example="/cancel 42",
    handle=handle,
)
