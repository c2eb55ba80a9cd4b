"""The last step of a reproduction: what was made again, output by output, against what was released.

Our code, and no credentials: `prepare` brought the metrics of the release. Nothing is run in the workspace, and nothing
of it is believed but the content of the files that `publish` would take as well; nothing is committed or pushed.
"""

from __future__ import annotations

import posixpath
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from trainer import crashpoints
from trainer.code.mirror import open_mirror
from trainer.data.objects import Cache
from trainer.definition.graph import LOCK_FILE, Out
from trainer.events import EventLog
from trainer.failure import StepError
from trainer.job import fence
from trainer.project import figures, results
from trainer.project.commit import Project, load
from trainer.spec import Spec

SHOWN = 100
"""Outputs, and metrics, that are told one by one."""
LONGEST = 300
"""Characters of a name that is told."""


def run(spec: Spec, events: EventLog) -> None:
    """Do the step.

    Raises:
        StepError: the two cannot be compared; the message says why.
    """
    fence.check(spec.places.fence, spec.fence)
    mirror = open_mirror(spec.places.mirror, spec.git_url, {})
    released = load(mirror, spec.commit)
    scratch = spec.places.scratch
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        made = _made(spec, released)
        events.emit("compared", **_outputs(released, made), **_metrics(released, made, Cache(spec.places.cache)))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    crashpoints.reach("compare.reported")


def _made(spec: Spec, released: Project) -> Project:
    """The project with the files that the stages have just written."""
    repo = spec.places.repo
    locks = {posixpath.join(posixpath.dirname(stage.file), LOCK_FILE) for stage in released.graph.stages}
    gone = sorted(lock for lock in locks if results.read(repo, lock) is None)
    if gone:  # without this the release would be compared with itself
        raise StepError("pipeline", f"{gone[0]} is not in the workspace any more, so there is nothing to compare.")
    files = results.collect(released, repo, spec.places.scratch)
    return load(released.mirror, results.tree_with(released, files, spec.places.scratch))


def _outputs(released: Project, made: Project) -> dict[str, Any]:
    before, now = _outs(released), _outs(made)
    told = [_output(path, before.get(path), now.get(path)) for path in {**before, **now}]
    told.sort(key=lambda each: bool(each["equal"]))
    different = sum(not each["equal"] for each in told)
    return {"outputs": len(told), "different": different, "outs": told[:SHOWN]}


def _outs(project: Project) -> dict[str, Out]:
    return {out.path: out for stage in project.graph.stages for out in stage.outs}


def _output(path: str, before: Out | None, now: Out | None) -> dict[str, Any]:
    """Equal is what has the same checksum, made in the same way; an output without one was not made."""
    known = before is not None and now is not None and before.oid is not None
    equal = known and (before.oid, before.algorithm) == (now.oid, now.algorithm)  # type: ignore[union-attr] # known
    sizes = {"size": now.size if now else None, "size_before": before.size if before else None}
    return {"path": path[:LONGEST], "equal": equal, **sizes}


def _metrics(released: Project, made: Project, cache: Cache) -> dict[str, Any]:
    before, now = (dict(_flat(figures.metrics(project, cache))) for project in (released, made))
    names = [name for name in {**now, **before} if now.get(name) != before.get(name)]
    told = [{"name": name[:LONGEST], "now": _short(now, name), "before": _short(before, name)} for name in names]
    return {"metrics_different": len(names), "metrics": told[:SHOWN]}


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _short(values: Mapping[str, Any], name: str) -> Any:
    value = values.get(name)
    return value if value is None or isinstance(value, int | float) else str(value)[:LONGEST]
