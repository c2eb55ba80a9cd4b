"""`/release <run> <reason>`: release a model that its gates held back. For those whom the settings name."""

from __future__ import annotations

from bot.slack import words
from commands import request, verdict
from commands.desk import Call, Command, Desk, Reply
from commands.find import run_meant

USAGE = "/release <run> <reason>"


def handle(call: Call, desk: Desk) -> Reply:
    """Find the run that is meant, and let it be released."""
    meant, reason = request.run_and_reason(call.text)
    run = run_meant(meant, desk, USAGE)
    if isinstance(run, Reply):
        return run
    refusal = verdict.release(run, call.user, reason, desk)
    return Reply(refusal or f"Releasing {words.code(run.tag)}. Its thread says when it is done.")


COMMAND = Command(
    name="/release",
    usage="<run> <reason>",
    description="Release a model that was held back because it is worse; the reason goes into the release notes",
    example="/release 42 the test images are harder now",
    handle=handle,
)
