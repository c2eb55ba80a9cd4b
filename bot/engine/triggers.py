"""Commits that ask for a run: `trigger training <tag>` and `build image` at the beginning of their message.

Where branches stand is asked for now and again, for every project; a push that GitLab tells of only makes it sooner.
The first look at a branch only notes where it stands. A commit counts once, on the branch where it is seen first.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence

from bot.engine.world import World
from bot.errors import DoorError, NotFound
from bot.ports import Commit, Person
from bot.runs.heads import Asked
from bot.runs.model import Kind
from bot.runs.names import image_tag, wrong_with_branch, wrong_with_tag

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
# The whole first line, so that prose which happens to begin like that asks for nothing.
_TRAIN = re.compile(r"trigger training(?:[ \t]+(\S+))?[ \t]*$", re.MULTILINE)
_BUILD = re.compile(r"build image[ \t]*$", re.MULTILINE)
_OURS = re.compile(r"^Run-Uid: ", re.MULTILINE)
"""What each commit of our own says (trainer/code/ship.py)."""


def look(world: World, channels: Mapping[str, str]) -> bool:
    """Look at the branches of every project once; True when something was asked for.

    `channels`: project -> where its threads go.
    """
    asked = [_look_at(world.of(project), channel) for project, channel in channels.items()]
    return any(asked)


def _look_at(world: World, channel: str) -> bool:
    """A door that fails leaves the branch where it was, for the next look."""
    project, asked = world.project.path, False
    try:
        before, now = world.store.heads.of(project), world.code.tips()
        for branch, commit in now.items():
            if before.get(branch) != commit:
                found = _asked(world, channel, branch, before.get(branch), commit)
                world.store.heads.move(project, branch, commit, found)
                asked = asked or bool(found)
        world.store.heads.forget(project, before.keys() - now.keys())
    except DoorError as error:
        log.warning("looking for commits that ask for something in %s: %s", project, error)
    return asked


def _asked(world: World, channel: str, branch: str, before: str | None, now: str) -> Sequence[Asked]:
    if before is None or wrong_with_branch(branch):
        return ()
    try:
        commits = world.code.commits(before, now)
    except NotFound:  # it was force-pushed, and what stood there is gone
        return ()
    found = (_wish(world, channel, branch, commit) for commit in commits)
    return [each for each in found if each is not None]


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
