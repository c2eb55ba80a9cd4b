"""`/discard <run>`: do not release a model that its gates held back. Its owner may, and those who may release it."""

from __future__ import annotations

from bot.slack import words
from commands import verdict
from commands.desk import Call, Command, Desk, Reply
from commands.find import run_meant

USAGE = "/discard <run>"


def handle(call: Call, desk: Desk) -> Reply:
    """Find the run that is meant, and end it."""
    run = run_meant(call.text, desk, USAGE)
    if isinstance(run, Reply):
        return run
    refusal = verdict.discard(run, call.user, desk)
    return Reply(refusal or f"Discarding run {run.id} ({words.code(run.tag)}). Its data, commit and tag are kept.")


COMMAND = Command(
    name="/discard",
    usage="<run>",
    description="Do not release a model that was held back; what was saved of it is kept",
    example="/discard 42",
    handle=handle,
)
