"""`/reproduce <tag>`: note the request; the engine makes the release again, in a run, and compares the two."""

from __future__ import annotations

from bot.crashpoints import crash_point
from bot.errors import UserError
from bot.runs.model import Kind
from bot.slack import words
from commands import request
from commands.desk import Call, Command, Desk, Reply
from commands.train import without_location


def handle(call: Call, desk: Desk) -> Reply | None:
    """Answer nothing when all is well: the card appears within a second."""
    try:
        tag = request.reproduce(call.text)
    except UserError as error:
        return Reply(str(error))
    refusal = without_location(call, desk)
    if refusal is not None:
        return refusal
    added = desk.store.requests.add(
        delivery=call.delivery,
        user=call.user,
        channel=call.channel,
        branch="",  # the release says which
        tag=tag,
        kind=Kind.REPRODUCE,
        project=desk.project,
    )
    if added:
        crash_point("request-added")
        desk.wake()
        return None
    return Reply(f"I have that already: the release {words.code(tag)} is being looked at.")


COMMAND = Command(
    name="/reproduce",
    usage="<tag>",
    description="Make a release again from its code and data, and say output by output whether it is equal",
    example="/reproduce v1.0.0",
    handle=handle,
)
