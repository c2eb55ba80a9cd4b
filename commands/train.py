"""`/train <branch> <tag>`, with its flags: note the request; the engine checks it and makes a run of it."""

from __future__ import annotations

from dataclasses import replace

from bot.crashpoints import crash_point
from bot.errors import UserError
from bot.runs.model import Kind, Run, TrainOptions
from bot.slack import words
from commands import flags, modal, request
from commands.desk import Call, Command, Desk, Reply
from commands.find import one_line
from commands.locations.meant import line_meant
from commands.request import Wanted


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
    options = placed(wanted.options, call, desk)
    if isinstance(options, Reply):
        return options
    return note(replace(wanted, options=options), call, desk)


def placed(options: TrainOptions, call: Call, desk: Desk) -> TrainOptions | Reply:
    """The options with the machine's or pool's own name, or the refusal for somebody who may not use it."""
    if options.on is None:
        return without_location(call, desk) or options
    found = line_meant(options.on, call, desk)
    if isinstance(found, Reply):
        return replace(found, text=f"Nothing was started. {found.text}")
    return replace(options, on=found.name if found.name.casefold() == options.on.casefold() else found.pool)


def note(wanted: Wanted, call: Call, desk: Desk) -> Reply | None:
    """Write the request, for a run whose machine its person may use; None when it is new."""
    run = _run_of(wanted, desk)
    if run is not None and not run.phase.ended:
        return _that_run(run, call, desk)
    added = desk.store.requests.add(
        delivery=call.delivery,
        user=call.user,
        channel=call.channel,
        branch=wanted.branch,
        tag=wanted.tag,
        options=wanted.options,
        project=desk.project,
    )
    if added:
        crash_point("request-added")
        desk.wake()
        return None
    run = _run_of(wanted, desk)
    if run is not None:
        return _that_run(run, call, desk)
    return Reply(f"I have that already: {_named(wanted)} is being looked at.")


def _run_of(wanted: Wanted, desk: Desk) -> Run | None:
    """The newest run that makes the tag; a smoke test is in nobody's way, and the engine knows the same one."""
    run = None if wanted.options.smoke else desk.store.run_of_tag(desk.project, wanted.tag)
    return run if run is not None and run.kind is not Kind.SMOKE else None


def _named(wanted: Wanted) -> str:
    if wanted.options.smoke:
        return f"a smoke test of {words.code(wanted.branch)}"
    return f"{words.code(wanted.branch)} as {words.code(wanted.tag)}"


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
    usage=f"<branch> <tag> {flags.FLAGS}",
    description="Train a branch and release the model under a tag; `--smoke` only tries it out, and needs no tag",
    example="/train main v1.0.0",
    handle=begin,
)
