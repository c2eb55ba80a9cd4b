"""`/retry <run>`: try a run again that failed or was cancelled. Its owner may, and an admin."""

from __future__ import annotations

from bot.crashpoints import crash_point
from bot.runs.model import Run
from bot.runs.retries import may_retry, nothing_to_retry
from bot.slack import words
from bot.slack.buttons import RETRY
from commands.aside import aside
from commands.desk import Button, Call, Command, Desk, Press, Reply
from commands.find import GONE, run_meant, run_pressed

USAGE = "/retry <run>"


def handle(call: Call, desk: Desk) -> Reply | None:
    """Find the run that is meant, and note that it is to be tried again; its card appears within a second."""
    run = run_meant(call.text, desk, USAGE)
    if isinstance(run, Reply):
        return run
    refusal = retry(run, call.user, desk, delivery=call.delivery)
    return Reply(refusal) if refusal else None


def retry(run: Run, user: str, desk: Desk, *, delivery: str) -> str | None:
    """Note that the run is to be tried again; a sentence when that is refused, None when it was done.

    The new run's card comes to the channel of the old one.
    """
    if not may_retry(run, user, desk.admins):
        whose = f"Run {run.id} ({words.code(run.tag)}) belongs to {desk.name_of(run.user, run)}"
        return f"{whose}: only they or an admin can try it again."
    refusal = nothing_to_retry(
        run, retried=desk.store.retry_of(run.id), newest=desk.store.run_of_tag(run.project, run.tag)
    )
    if refusal:
        return words.prose(refusal)
    added = desk.store.requests.add(
        delivery=delivery,
        user=user,
        channel=run.channel,
        branch=run.branch,
        tag=run.tag,
        kind=run.kind,
        options=run.options,
        retry_of=run.id,
    )
    if not added:
        return f"I have that already: run {run.id} is being tried again."
    crash_point("request-added")
    desk.wake()
    return None


def press(press: Press, desk: Desk) -> str | None:
    """The button of a run that failed or was cancelled."""
    run = run_pressed(press, desk)
    if run is None:
        return GONE
    refusal = retry(run, press.user, desk, delivery=press.trigger)
    if refusal:
        aside(Reply(refusal), press, desk)
    return None


BUTTON = Button(RETRY, press)
COMMAND = Command(
    name="/retry",
    usage="<run>",
    description="Try a run again that came to no good end: the same commit, and what is saved is not trained twice",
    example="/retry 42",
    handle=handle,
)
