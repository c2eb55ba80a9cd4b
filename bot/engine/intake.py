"""From an acknowledged command to a run or a refusal: everything that must hold before any machine starts."""

from __future__ import annotations

import logging

from bot.engine import policy, reproducing, retrying
from bot.engine.sameness import Released, unchanged
from bot.engine.world import World
from bot.errors import DoorError, NotFound, Unauthorised, Unavailable
from bot.ports import Person
from bot.runs.allowance import LimitReached
from bot.runs.model import Kind, Run
from bot.runs.names import nearest, next_version
from bot.runs.requests import Request
from trainer import parameters

log = logging.getLogger(__name__)

PATIENCE = 120.0
"""Seconds that GitLab or Slack may stay away before the caller is told that nothing was started."""
PERSON_KNOWN_SECONDS = 86_400.0


def check(request: Request, world: World) -> None:
    """Accept or refuse the request; put it back while GitLab or Slack does not answer."""
    if request.project and not world.knows(request.project):
        gone = f"Nothing was started: `{request.project}` is not in the settings any more."
        return world.store.requests.refuse(request, gone)
    world = world.of(request.project)
    try:
        refusal = _decide(request, world)
    except Unauthorised as error:
        log.error("request %s: %s", request.id, error)  # noqa: TRY400 - the sentence says all
        refusal = f"Nothing was started: {error}"
    except Unavailable as error:
        if world.clock.now() - request.created_at < PATIENCE:
            return world.store.requests.put_back(request, seconds=error.retry_after or policy.back_off(request.tries))
        refusal = f"Nothing was started: {error} Please try again in a few minutes."
    except (DoorError, LimitReached) as error:
        refusal = f"Nothing was started: {error}"
    if refusal:
        world.store.requests.refuse(request, refusal)
    return None


def _decide(request: Request, world: World) -> str | None:
    """The sentence that refuses, or None when the request became a run."""
    person = _person(request.user, world)
    if request.retry_of is not None:
        return retrying.decide(request, person, world)
    location = request.options.on or world.location_for(person.email)
    if location is None:
        return no_location(person, world)
    if request.kind is Kind.REPRODUCE:
        return reproducing.decide(request, person, location, world)
    if request.kind is Kind.BUILD and not _may_build(location, world):
        return _no_containers(location)
    commit = world.code.head(request.branch)
    if commit is None:
        return _no_branch(request, world)
    return _wrong(request, commit, world) or _accept(request, person, commit, location, world)


def _wrong(request: Request, commit: str, world: World) -> str | None:
    """What is wrong with tag or parameters; and why a training need not be, when there is its release already."""
    if request.kind is Kind.TRAIN and world.code.tag(request.tag) is not None:
        return _tag_taken(request, world)
    wrong = _wrong_parameters(request, commit, world)
    if wrong is not None or request.kind is not Kind.TRAIN:
        return wrong
    same = unchanged(request.branch, commit, request.options, world)
    return None if same is None else _nothing_changed(request, same)


def _accept(request: Request, person: Person, commit: str, location: str, world: World) -> str | None:
    """`location` may be a pool, one of its machines, or a machine of its own."""
    if request.options.pushed not in ("", commit):  # only the newest push is tested, and it has a request of its own
        world.store.requests.drop(request)
        return None
    run = world.store.requests.accept(
        request,
        project=world.project.path,
        commit=commit,
        email=person.email,
        location=world.store.lines.of(location),
        machine=location,
        allowance=world.allowance,
    )
    if run is None:
        return _tag_wanted(request, world.store.run_of_tag(world.project.path, request.tag))
    return None


def _person(user: str, world: World) -> Person:
    known = world.store.people.get(user)
    if known is not None and known.email:
        return known
    person = world.chat.person(user)
    world.store.people.remember(person)
    return person


def introduce(world: World) -> None:
    """Ask Slack who the strangers are: whose first command asks for their machine, or whom the settings name."""
    for user in world.store.people.strangers():
        try:
            person = world.chat.person(user)
        except NotFound:
            person = Person(user, user, "")
        except DoorError as error:
            log.warning("who %s is: %s", user, error)
            world.store.people.forget(user)  # their next command asks again
            continue
        world.store.people.remember(person)


def no_location(person: Person, world: World) -> str:
    """How to get a machine, and whom to ask."""
    who = f"`{person.email}`" if person.email else "you (Slack does not tell me your e-mail address)"
    return (
        f"Nothing was started: there is no training machine for {who} yet. {world.no_location_help} "
        "`/locations` shows which machines there are."
    ).replace("  ", " ")


def _may_build(location: str, world: World) -> bool:
    """Whether images are built there; also for a pool, of which only the machine that takes the run can say."""
    terms = world.terms.get(location)
    return terms is None or terms.builds


def _no_containers(location: str) -> str:
    return (
        f"Nothing was started: jobs at `{location}` do not run in containers, so there is no image to build. "
        'Whoever runs Stationmaster can change that (`runtime = "docker"`).'
    )


def _no_branch(request: Request, world: World) -> str:
    names = world.code.branches()
    near = nearest(names, request.branch)
    if near:
        hint = "Did you mean " + " or ".join(f"`{name}`" for name in near) + "?"
    else:
        hint = "There are: " + ", ".join(f"`{name}`" for name in names[:8]) + "."
    return f"Nothing was started: `{world.project.path}` has no branch `{request.branch}`. {hint}"


def _tag_taken(request: Request, world: World) -> str:
    free = next_version([tag.name for tag in world.code.tags()], request.tag)
    return (
        f"Nothing was started: the tag `{request.tag}` exists already, and a release is never overwritten. "
        f"The next free one is `{free}`: `/train {request.branch} {free}`"
    )


def _wrong_parameters(request: Request, commit: str, world: World) -> str | None:
    """Why the parameters cannot be as they were asked for, from what the commit holds; None when they can."""
    options = request.options
    if not (options.set or options.smoke):
        return None
    try:
        parameters.changed(world.code.file(parameters.FILE, commit), options.set, smoke=options.smoke)
    except parameters.ParameterError as error:
        return f"Nothing was started: {error}"
    return None


def _nothing_changed(request: Request, same: Released) -> str:
    return (
        f"Nothing changed since `{same.tag}`, so nothing was started: no stage of `{request.branch}` would run, "
        f"and that release has this very model: {same.url}\n"
        f"To train all the same: `/train {request.branch} {request.tag} --force`"
    )


def _tag_wanted(request: Request, other: Run | None) -> str:
    if request.kind is Kind.SMOKE:
        return f"Nothing was started: you are testing `{request.branch}` in the same way already. Look at its thread."
    if request.kind is Kind.BUILD:
        which = f"run {other.id} by <@{other.user}>" if other else "another run"
        return f"Nothing was started: {which} is building the image of `{request.branch}` already."
    if other is None:
        return f"Nothing was started: the tag `{request.tag}` is being used by another run."
    if (other.user, other.branch) == (request.user, request.branch):
        return f"That is run {other.id} already: `{other.branch}` as `{other.tag}`. One is enough; look at its thread."
    return (
        f"Nothing was started: run {other.id} by <@{other.user}> is making `{other.tag}` from `{other.branch}`. "
        "Pick another tag."
    )
