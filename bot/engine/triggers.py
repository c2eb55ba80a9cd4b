"""Pushes that ask for a run: by a message (`trigger training <tag>`, `build image`), or by a branch that is watched.

Where branches stand is asked for now and again, for every project; a push that GitLab tells of only makes it sooner.
The first look at a branch only notes where it stands. A commit counts once, on the branch where it is seen first.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bot.engine.world import World
from bot.errors import DoorError, NotFound
from bot.ports import Commit, Person
from bot.runs.heads import Asked
from bot.runs.model import Kind
from bot.runs.names import image_tag, smoke_name, wrong_with_branch, wrong_with_tag

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
# The whole first line, so that prose which happens to begin like that asks for nothing.
_TRAIN = re.compile(r"trigger training(?:[ \t]+(\S+))?[ \t]*$", re.MULTILINE)
_BUILD = re.compile(r"build image[ \t]*$", re.MULTILINE)
_OURS = re.compile(r"^Run-Uid: ", re.MULTILINE)
"""What each commit of our own says (trainer/code/ship.py)."""


@dataclass(frozen=True)
class Wanted:
    """What is looked for. `channels`: project -> where its threads go. `messages`: whether commits may ask for runs.

    `watched`: patterns of the branches of which each push is tested, at the location `at`.
    """

    channels: Mapping[str, str]
    messages: bool = True
    watched: tuple[str, ...] = ()
    at: str = ""


def look(world: World, wanted: Wanted) -> bool:
    """Look at the branches of every project once; True when something was asked for."""
    asked = [_look_at(world.of(project), channel, wanted) for project, channel in wanted.channels.items()]
    return any(asked)


def _look_at(world: World, channel: str, wanted: Wanted) -> bool:
    """A door that fails leaves the branch where it was, for the next look."""
    project, asked = world.project.path, False
    try:
        before, now = world.store.heads.of(project), world.code.tips()
        for branch, commit in now.items():
            if before.get(branch) != commit:
                found = _asked(world, channel, branch, _new(world, branch, before.get(branch), commit), wanted)
                world.store.heads.move(project, branch, commit, found)
                asked = asked or bool(found)
        world.store.heads.forget(project, before.keys() - now.keys())
    except DoorError as error:
        log.warning("looking for commits that ask for something in %s: %s", project, error)
    return asked


def _new(world: World, branch: str, before: str | None, now: str) -> Sequence[Commit]:
    """What was pushed to a branch since it was seen last; nothing for one that is seen for the first time."""
    if before is None or wrong_with_branch(branch):
        return ()
    try:
        return world.code.commits(before, now)
    except NotFound:  # it was force-pushed, and what stood there is gone
        return ()


def _asked(world: World, channel: str, branch: str, commits: Sequence[Commit], wanted: Wanted) -> Sequence[Asked]:
    found = [_wish(world, channel, branch, commit) for commit in commits] if wanted.messages else []
    if commits and any(fnmatchcase(branch, pattern) for pattern in wanted.watched):
        found.append(_test(world, channel, branch, commits[-1], wanted.at))
    return [each for each in found if each is not None]


def _test(world: World, channel: str, branch: str, newest: Commit, at: str) -> Asked | None:
    """A smoke test of the newest commit, in place of those that still wait; our own results need none."""
    if _OURS.search(newest.message):
        return None
    person = _committer(world, newest)
    if person is None:
        log.warning("commit %s is not tested: nobody in Slack has the address %s", newest.id[:10], newest.email)
        return None
    for run in world.store.waiting_tests(world.project.path, branch):
        world.store.cancel(run.id, person.id)
    return Asked(newest.id, person.id, channel, branch, smoke_name(branch), Kind.SMOKE, on=at)


def _wish(world: World, channel: str, branch: str, commit: Commit) -> Asked | None:
    """What one commit asks for; None for the most of them."""
    train, build = _TRAIN.match(commit.message), _BUILD.match(commit.message)
    if not (train or build) or _OURS.search(commit.message):
        return None
    person = _committer(world, commit)
    if person is None:
        log.warning("commit %s asks for a run, but nobody in Slack has the address %s", commit.id[:10], commit.email)
        return None
    if train is None:
        return Asked(commit.id, person.id, channel, branch, image_tag(branch), Kind.BUILD)
    tag = train[1] or ""
    wrong = wrong_with_tag(tag) if tag else "is missing"
    refusal = (
        f"Nothing was started: commit `{commit.id[:10]}` asks for a training, but its tag {wrong}." if wrong else ""
    )
    return Asked(commit.id, person.id, channel, branch, tag, Kind.TRAIN, refusal)


def _committer(world: World, commit: Commit) -> Person | None:
    """Who made it, as Slack knows the address."""
    if not commit.email:
        return None
    person = world.chat.person_of(commit.email)
    if person is not None:
        world.store.people.remember(person)
    return person
