"""`/train <branch> <tag>`: note the request; the engine checks it and makes a run of it."""

from __future__ import annotations

from bot.crashpoints import crash_point
from bot.errors import UserError
from bot.runs.model import Run
from bot.slack import words
from commands import modal, request
from commands.desk import Call, Command, Desk, Reply
from commands.find import one_line


def begin(call: Call, desk: Desk) -> Reply | None:
    """With a branch and a tag, start; with less, open the modal that asks for the rest."""
    if not modal.is_meant(call.text, desk):
        return handle(call, desk)
    refusal = without_location(call, desk)
    if refusal is not None and not modal.has_choice(call.user, desk):
        return refusal
    modal.open_for(call, desk)
    return None


def handle(call: Call, desk: Desk) -> Reply | None:
    """Answer nothing when all is well: the card appears within a second."""
    try:
        wanted = request.train(call.text)
    except UserError as error:
        return Reply(str(error))
    refusal = without_location(call, desk)
    if refusal is not None:
        return refusal
    run = _open_run(wanted.tag, desk)
    if run is not None:
        return _that_run(run, call, desk)
    added = desk.store.requests.add(
        delivery=call.delivery, user=call.user, channel=call.channel, branch=wanted.branch, tag=wanted.tag
    )
    if added:
        crash_point("request-added")
        desk.wake()
        return None
    run = desk.store.run_of_tag(desk.project, wanted.tag)
    if run is not None:
        return _that_run(run, call, desk)
    return Reply(f"I have that already: {words.code(wanted.branch)} as {words.code(wanted.tag)} is being looked at.")


def _open_run(tag: str, desk: Desk) -> Run | None:
    run = desk.store.run_of_tag(desk.project, tag)
    return run if run is not None and not run.phase.ended else None


def _that_run(run: Run, call: Call, desk: Desk) -> Reply:
    mine = run.user == call.user
    said = "That is this run already, and one is enough:" if mine else "Nothing was started, this run makes that tag:"
    return Reply(f"{said}\n{one_line(run, call, desk)}")


def without_location(call: Call, desk: Desk) -> Reply | None:
    """The refusal for somebody who has no machine; None for all others, also those who were never seen before."""
    person = desk.person(call.user)
    if person is None or not person.email or desk.location_for(person.email) is not None:
        return None
    return Reply(
        f"Nothing was started: there is no training machine for {words.code(person.email)} yet. "
        f"Ask {desk.whom_to_ask} to add one for you. `/locations` shows which machines there are."
    )


COMMAND = Command(
    name="/train",
    usage="<branch> <tag>",
    description="Train a branch and release the model under a tag",
    example="/train main v1.0.0",
    handle=begin,
)
