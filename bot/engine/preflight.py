"""What can be said of a training before any machine starts: asked of GitLab and the ledger, decided in `plan`.

Nothing here is a promise: the branch may move before the run begins. What cannot be known is said as unknown.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.engine import forecast
from bot.engine.budget import limits_at
from bot.engine.forecast import Pull
from bot.engine.image_look import Image, image_of
from bot.engine.plan import Plan, parameters
from bot.engine.sameness import Released, planned_at, same_release
from bot.engine.world import World
from bot.errors import DoorError
from bot.runs.model import Kind, Phase, Run, TrainOptions
from bot.runs.names import nearest, newest_after, next_version
from trainer.definition.graph import Out

log = logging.getLogger(__name__)

PRECEDING = 3
"""How many of a machine's last runs say what data it has."""
LOOKED_AT = 30
"""How many of the last runs an estimate is looked for in."""
KNOWN_RUNS = 500


@dataclass(frozen=True)
class Preflight:
    """The answer. `near`: branches that may be meant where there is no such branch (`commit` is None then).

    `taken`: the tag exists, or a run is making it; `next_tag` is the next free one. `same_as`: the release that has
    the very model that this commit stands for. `seconds` and `dollars` are None where past runs do not tell.
    `max_cost` is what one run may cost there, in dollars, None for any amount; it cannot hold where a machine is not
    `priced`. `parameters` are those of params.yaml, nested as there.
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
    max_cost: float | None = None
    priced: bool = True
    parameters: Mapping[str, Any] = field(default_factory=dict)


def look(branch: str, tag: str, options: TrainOptions, line: str | None, world: World) -> Preflight:
    """Ask whatever is not remembered. `line`: a machine or a pool; None for nowhere. Raises `DoorError`."""
    commit = world.code.head(branch)
    if commit is None:
        return Preflight(branch, near=tuple(nearest(world.code.branches(), branch)))
    world.refs.refresh(world.code)
    source = world.sources.at(world.code, commit)
    planned = planned_at(source, options)
    machines = world.store.lines.machines(line) if line else ()
    took = forecast.seconds(planned.running, planned.stages, _past(options, line, world)) if planned.stages else None
    return Preflight(
        branch,
        commit,
        taken=_is_taken(tag, world),
        next_tag=next_tag(tag, world),
        plan=planned,
        same_as=same_release(commit, source, planned, world),
        image=image_of(branch, source, machines, world),
        pull=_pull(planned, machines, world),
        seconds=took,
        dollars=forecast.dollars(took, [world.price_of(machine) for machine in machines]),
        max_cost=min((limit for limit in limits_at(line, world) if limit is not None), default=None) if line else None,
        priced=all(world.price_of(machine) is not None for machine in machines),
        parameters=parameters(source.read),
    )


def _past(options: TrainOptions, line: str | None, world: World) -> list[Run]:
    """Runs of the same kind and line that came to their end, the newest first."""
    queue = world.store.lines.of(line) if line else ""
    ended = Phase.TESTED if options.smoke else Phase.RELEASED
    found = world.store.runs(project=world.project.path, phases=(ended,), limit=LOOKED_AT)
    return [run for run in found if run.queue == queue]


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


def _pull(planned: Plan, machines: Sequence[str], world: World) -> Pull:
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
