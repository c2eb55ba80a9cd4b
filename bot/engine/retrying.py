"""A run that is tried again: the same commit, options and line, and never a second training of what is saved."""

from __future__ import annotations

from bot.engine.budget import not_raised
from bot.engine.world import World
from bot.ports import Person
from bot.runs import retries
from bot.runs.model import Kind, Phase, Run
from bot.runs.requests import Request


def decide(request: Request, person: Person, world: World) -> str | None:
    """The sentence that refuses, or None when the request became a run."""
    run = world.store.run(request.retry_of or 0)
    if run is None:
        return "Nothing was started: there is no such run."
    refusal = refused(run, world)
    if refusal is None:
        refusal = not_raised(run, run.options.on or run.queue, world) or _tag_of_somebody_else(run, world)
    if refusal is not None:
        return f"Nothing was started. {refusal}"
    made = world.store.requests.accept(
        request,
        project=run.project,
        commit=run.commit,
        email=person.email,
        location=run.queue,
        machine=_machine(run, world),
        saved=run if retries.is_saved(run) else None,
        allowance=world.allowance,
    )
    # Another one may have been quicker, in the same moment.
    return None if made else f"Nothing was started. {refused(run, world) or f'Run {run.id} is being tried again.'}"


def refused(run: Run, world: World) -> str | None:
    """Why it cannot be tried again, by what the ledger knows."""
    newest = world.store.run_of_tag(run.project, run.tag)
    return retries.nothing_to_retry(run, retried=world.store.retry_of(run.id), newest=newest)


def _tag_of_somebody_else(run: Run, world: World) -> str | None:
    """Its tag may be its own: the machine was lost right after the push, or only the release is missing."""
    tag = world.code.tag(run.tag) if run.kind is Kind.TRAIN else None
    if tag is None or retries.is_own_tag(tag.message, (run, *world.store.tries(run))):
        return None
    return f"The tag `{run.tag}` was made by somebody else meanwhile, and a tag is never overwritten. Use another one."


def _machine(run: Run, world: World) -> str | None:
    """The one machine of a pool that it may have: the one asked for, or that on which its result still is."""
    made = (each.location for each in (run, *world.store.tries(run)) if Phase.PUBLISHING in each.times)
    machine = run.options.on or next(made, None)
    if machine not in world.store.lines.machines(run.queue) or world.store.machines.get(machine).state == "gone":
        return None
    return machine
