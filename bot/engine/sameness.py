"""Whether a training would only repeat a release: then no machine is started."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from bot.engine.plan import Plan, files_to_compare, files_to_read, plan
from bot.engine.sources import Source
from bot.engine.world import World
from bot.errors import DoorError, NotFound
from bot.ports import MOST_FILES
from bot.runs.model import TrainOptions
from trainer.definition.graph import LOCK_FILE

log = logging.getLogger(__name__)

RELEASES = 10
"""How many of the last releases are compared with the branch, to find the one with the same model."""


@dataclass(frozen=True)
class Released:
    """A release, and the page of it."""

    tag: str
    url: str


def planned_at(source: Source, options: TrainOptions) -> Plan:
    """What a training of that commit would do."""
    if source.paths is None:
        return Plan(problem=f"the branch has more than {MOST_FILES:,} files")
    source.fetch(files_to_read(source.paths))
    source.fetch(files_to_compare(source.paths, source.read))
    return plan(source.paths, source.read, options)


def same_release(commit: str, source: Source, planned: Plan, world: World) -> Released | None:
    """The release of exactly what the commit says, where it is certain that no stage would run."""
    if not planned.unchanged:
        return None
    for run in world.store.released(world.project.path, limit=RELEASES):
        made = str(run.result.get("commit") or "")
        if made and (made == commit or _locks(listed(made, world)) == _locks(source.paths)):
            found = world.code.release(run.tag)
            if found is not None:
                return Released(run.tag, str(run.result.get("release_url") or found.url))
    return None


def unchanged(branch: str, commit: str, options: TrainOptions, world: World) -> Released | None:
    """The release that a training of the commit would only repeat; None where there is none, or nobody can tell."""
    if options.force or options.smoke or not world.store.released(world.project.path, limit=1):
        return None
    try:
        source = world.sources.at(world.code, commit)
        return same_release(commit, source, planned_at(source, options), world)
    except DoorError as error:
        log.warning("whether %s has changed: %s", branch, error)
        return None


def listed(commit: str, world: World) -> Mapping[str, str] | None:
    """The files of a commit of the past; None also where nobody has that commit any more."""
    try:
        return world.sources.at(world.code, commit).paths
    except NotFound:
        return None


def _locks(paths: Mapping[str, str] | None) -> Mapping[str, str] | None:
    return None if paths is None else {path: oid for path, oid in paths.items() if path.endswith(LOCK_FILE)}
