"""What can be said of a training before any machine starts: asked of GitLab and the ledger, decided in `plan`.

Nothing here is a promise: the branch may move before the run begins. What cannot be known is said as unknown.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.engine import forecast
from bot.engine.forecast import Pull
from bot.engine.plan import (
    Plan,
    files_to_compare,
    files_to_read,
    parameters,
    plan,
    smoke_overrides,
    typed,
)
from bot.engine.sources import Source
from bot.engine.world import World
from bot.errors import DoorError, NotFound
from bot.ports import MOST_FILES
from bot.runs.model import Kind, Phase, Run, TrainOptions
from bot.runs.names import nearest, newest_after, next_version
from trainer.definition import dockerfile
from trainer.definition.graph import LOCK_FILE, Out

log = logging.getLogger(__name__)

RELEASES = 10
"""How many of the last releases are compared with the branch, to find the one with the same model."""
PRECEDING = 3
"""How many of a machine's last runs say what data it has."""
LOOKED_AT = 30
"""How many of the last runs an estimate is looked for in."""
KNOWN_RUNS = 500
DOCKERFILE = "Dockerfile.train"
_CONTROL = (DOCKERFILE, ".dockerignore", f"{DOCKERFILE}.dockerignore")


class Image(StrEnum):
    """What the branch would train in. `NONE`: no container. `LOCATION`: the location's own image."""

    NONE = "none"
    LOCATION = "location"
    READY = "ready"
    BUILD = "build"


@dataclass(frozen=True)
class Released:
    """A release, and the page of it."""

    tag: str
    url: str


@dataclass(frozen=True)
class Preflight:
    """The answer. `near`: branches that may be meant where there is no such branch (`commit` is None then).

    `taken`: the tag exists, or a run is making it; `next_tag` is the next free one. `same_as`: the release that has
    the very model that this commit stands for. `seconds` and `dollars` are None where past runs do not tell.
    `parameters` are those of params.yaml, nested as there.
    """

    branch: str
    commit: str | None = None
    near: tuple[str, ...] = ()
    taken: bool = False
    next_tag: str = ""
    plan: Plan = field(default_factory=Plan)
    same_as: Released | None = None
    image: Image = Image.NONE
    pull: Pull = field(default_factory=lambda: Pull(None))
    seconds: float | None = None
    dollars: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


def look(branch: str, tag: str, options: TrainOptions, line: str | None, world: World) -> Preflight:
    """Ask whatever is not remembered. `line` is where the run would wait; None for nowhere. Raises `DoorError`."""
    commit = world.code.head(branch)
    if commit is None:
        return Preflight(branch, near=tuple(nearest(world.code.branches(), branch)))
    world.refs.refresh(world.code)
    source = world.sources.at(world.code, commit)
    planned = planned_at(source, options)
    machines = world.store.lines.machines(line) if line else ()
    past = [run for run in world.store.released(world.project.path, limit=LOOKED_AT) if run.queue == line]
    took = forecast.seconds(planned.running, planned.stages, past) if planned.stages else None
    return Preflight(
        branch,
        commit,
        taken=_is_taken(tag, world),
        next_tag=next_tag(tag, world),
        plan=planned,
        same_as=same_release(commit, source, planned, world),
        image=_image(branch, source, machines, world),
        pull=_pull(planned, machines, world),
        seconds=took,
        dollars=forecast.dollars(took, [world.price_of(machine) for machine in machines]),
        parameters=parameters(source.read),
    )


def planned_at(source: Source, options: TrainOptions) -> Plan:
    """What a training of that commit would do."""
    if source.paths is None:
        return Plan(problem=f"the branch has more than {MOST_FILES:,} files")
    source.fetch(files_to_read(source.paths))
    source.fetch(files_to_compare(source.paths, source.read))
    overrides = typed(options.set)
    if options.smoke:
        overrides = {**smoke_overrides(parameters(source.read)), **overrides}
    return plan(source.paths, source.read, overrides, force=options.force)


def same_release(commit: str, source: Source, planned: Plan, world: World) -> Released | None:
    """The release of exactly what the commit says, where it is certain that no stage would run."""
    if not planned.unchanged:
        return None
    for run in world.store.released(world.project.path, limit=RELEASES):
        made = str(run.result.get("commit") or "")
        if made and (made == commit or _locks(_listed(made, world)) == _locks(source.paths)):
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


def _listed(commit: str, world: World) -> Mapping[str, str] | None:
    """The files of a commit of the past; None also where nobody has that commit any more."""
    try:
        return world.sources.at(world.code, commit).paths
    except NotFound:
        return None


def _locks(paths: Mapping[str, str] | None) -> Mapping[str, str] | None:
    return None if paths is None else {path: oid for path, oid in paths.items() if path.endswith(LOCK_FILE)}


def _is_taken(tag: str, world: World) -> bool:
    if not tag:
        return False
    run = world.store.run_of_tag(world.project.path, tag)
    return (run is not None and not run.phase.ended) or world.code.tag(tag) is not None


def next_tag(tag: str, world: World) -> str:
    """The next version that nobody has, after `tag` in its own style, or after the newest: as far as is remembered."""
    ours = (*world.store.runs(only_open=True, limit=KNOWN_RUNS), *world.store.released(world.project.path))
    taken = world.refs.tags | {run.tag for run in ours}
    return next_version(taken, tag) if tag else newest_after(taken)


def _pull(planned: Plan, machines: tuple[str, ...], world: World) -> Pull:
    """The most that any of the machines would fetch."""
    if planned.problem or not machines:
        return Pull(None)
    found = []
    for machine in machines:
        there = [out for run in _preceding(machine, world) for out in _left_by(run, world)]
        paths = {out.path for out in there}
        found.append(forecast.pull(planned.needed, {out.oid for out in there if out.oid}, paths))
    if any(each.size is None for each in found):
        return Pull(None)
    most = max(found, key=lambda each: each.size or 0)
    return Pull(most.size, most.at_most or len({each.size for each in found}) > 1)


def _preceding(machine: str, world: World) -> list[Run]:
    """The last runs that brought data to the machine."""
    runs = world.store.runs(location=machine, limit=LOOKED_AT)
    prepared = (run for run in runs if run.kind is not Kind.BUILD and Phase.TRAINING in run.times)
    return [run for run in prepared if run.project == world.project.path][:PRECEDING]


def _left_by(run: Run, world: World) -> Iterator[Out]:
    """The data that a run needed, and what it made if it came to that."""
    try:
        began = planned_at(world.sources.at(world.code, run.commit), run.options)
        made = str(run.result.get("commit") or "")
        after = planned_at(world.sources.at(world.code, made), TrainOptions()) if made else Plan()
    except DoorError as error:
        log.warning("what run %s left at its machine: %s", run.id, error)
        return
    yield from began.needed
    for stage in began.running:
        yield from after.made.get(stage, ())


def _image(branch: str, source: Source, machines: tuple[str, ...], world: World) -> Image:
    """Whether the branch's own image has to be built, as far as the files that it is made from tell."""
    if not any(terms.builds for machine in machines if (terms := world.terms.get(machine)) is not None):
        return Image.NONE
    if DOCKERFILE not in (source.paths or {}):
        return Image.LOCATION
    runs = world.store.runs(limit=LOOKED_AT * 3)
    built = (run for run in runs if run.branch == branch and run.progress.get("image", {}).get("name"))
    last = next((run for run in built if world.project.registry or run.location in machines), None)
    if last is None:
        return Image.BUILD
    before, now = _listed(last.commit, world) or {}, source.paths or {}
    changed = [path for path in before.keys() | now.keys() if before.get(path) != now.get(path)]
    text = (source.read(DOCKERFILE) or b"").decode("utf-8", errors="replace")
    return Image.BUILD if _touched(changed, dockerfile.sources(text)) else Image.READY


def _touched(changed: list[str], sources: dockerfile.Sources) -> bool:
    if sources is None:
        return bool(changed)
    takes = [dockerfile.taking(each) for each in sources]
    return any(path in _CONTROL or any(take(path) for take in takes) for path in changed)
