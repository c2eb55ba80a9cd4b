"""`/build-image <branch>`: note the request; the engine makes a run of it that ends with the branch's image."""

from __future__ import annotations

from bot.crashpoints import crash_point
from bot.errors import UserError
from bot.runs.model import Kind
from bot.runs.names import image_tag
from bot.slack import words
from commands import request
from commands.desk import Call, Command, Desk, Reply
from commands.find import one_line
from commands.train import without_location


def handle(call: Call, desk: Desk) -> Reply | None:
    """Answer nothing when all is well: the card appears within a second."""
    try:
        branch = request.build_image(call.text)
    except UserError as error:
        return Reply(str(error))
    refusal = without_location(call, desk)
    if refusal is not None:
        return refusal
    tag = image_tag(branch)
    run = desk.store.run_of_tag(desk.project, tag)
    if run is not None and not run.phase.ended:
        return Reply(f"That image is being built already:\n{one_line(run, call, desk)}")
    added = desk.store.requests.add(
        delivery=call.delivery,
        user=call.user,
        channel=call.channel,
        branch=branch,
        tag=tag,
        kind=Kind.BUILD,
        project=desk.project,
    )
    if added:
        crash_point("request-added")
        desk.wake()
        return None
    return Reply(f"I have that already: the image of {words.code(branch)} is being looked at.")


COMMAND = Command(
    name="/build-image",
    usage="<branch>",
    description="Build the image that a branch trains in, and push it; `/train` does so by itself when it has to",
    example="/build-image main",
    handle=handle,
)
