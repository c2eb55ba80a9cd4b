"""A release that is made again: the commit of its tag, on the caller's own machine, and never a tag of its own."""

from __future__ import annotations

from dataclasses import replace

from bot.engine.world import World
from bot.ports import Person, Tag
from bot.runs.names import did_you_mean
from bot.runs.requests import Request

_SHOWN = 5
"""Releases that are named to somebody who named none."""


def decide(request: Request, person: Person, location: str, world: World) -> str | None:
    """The sentence that refuses, or None when the request became a run."""
    tag = world.code.tag(request.tag)
    if tag is None:
        return _no_tag(request, world)
    branch = _branch(tag, world)
    if branch is None:
        return (
            f"Nothing was started: the tag `{request.tag}` is no release that Stationmaster made, so there is nothing "
            f"to compare with. {_releases(world)}"
        )
    run = world.store.requests.accept(
        replace(request, branch=branch),
        project=world.project.path,
        commit=tag.commit,
        email=person.email,
        location=world.store.lines.of(location),
        machine=location,
        allowance=world.allowance,
    )
    return None if run else f"Nothing was started: you are reproducing `{request.tag}` already. Look at its thread."


def _branch(tag: Tag, world: World) -> str | None:
    """The branch that the release was made from; None when it is none of ours.

    A ledger that was lost does not know its releases, but their tags say who made them (trainer/code/ship.py).
    """
    made_by = world.store.release(world.project.path, tag.name)
    if made_by is not None:
        return made_by.branch
    ours = any(line.startswith("Run-Uid: ") for line in tag.message.splitlines())
    return world.code.default_branch() if ours else None


def _no_tag(request: Request, world: World) -> str:
    tags = [run.tag for run in world.store.released(world.project.path)]
    hint = did_you_mean(tags, request.tag) or _releases(world)
    return f"Nothing was started: `{world.project.path}` has no tag `{request.tag}`. {hint}"


def _releases(world: World) -> str:
    newest = [f"`{run.tag}`" for run in world.store.released(world.project.path, limit=_SHOWN)]
    return f"The newest releases are {', '.join(newest)}." if newest else "There is no release yet."
