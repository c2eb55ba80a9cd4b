"""Which data the stages of a run need at the location, judged from checksums alone. Pure.

A stage that cannot run needs nothing: neither its dependencies nor its outputs have to be there (`dvc repro
--allow-missing`). Where this is not sure that a stage is unchanged, it says that the stage may run: then some data
more is fetched, no less.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trainer.definition import document
from trainer.definition.document import DocumentError
from trainer.definition.graph import Graph, Out, Stage, overlap

Read = Callable[[str], bytes | None]
"""Content of a tracked file, or None for what is none (a folder, a link, nothing)."""


@dataclass(frozen=True)
class Needs:
    """`running`: stages that may run. `outs`: data that has to be here. `idle`: data that only has to exist."""

    running: frozenset[str]
    outs: tuple[Out, ...]
    idle: tuple[Out, ...]


def judge(graph: Graph, read: Read, *, every: bool = False) -> Needs:
    """What may run, and what for it must be there. `every`: all stages run, changed or not (`dvc repro --force`)."""
    providers = {out.path: out for out in graph.outs if out.cached}
    running: set[str] = set()
    for stage in _upstream_first(graph):
        if every or (not stage.frozen and (_changed(stage, graph, read) or _below(stage, graph, running))):
            running.add(stage.name)
    made = {out.path for stage in graph.stages if stage.name in running for out in stage.outs if not out.persist}
    wanted = {dep for stage in graph.stages if stage.name in running for dep in stage.deps}
    wanted |= {out.path for stage in graph.stages if stage.name in running for out in stage.outs if out.persist}
    needed = {path for path in providers if path not in made and any(overlap(path, dep) for dep in wanted)}
    have = [out for out in providers.values() if out.oid and out.path not in made]
    return Needs(
        frozenset(running),
        tuple(out for out in have if out.path in needed),
        tuple(out for out in have if out.path not in needed),
    )


def _changed(stage: Stage, graph: Graph, read: Read) -> bool:
    locked = stage.locked
    if stage.always_changed or not locked or locked.get("cmd") != stage.cmd:
        return True
    if any(out.oid is None for out in stage.outs) or len(locked.get("outs") or ()) != len(stage.outs):
        return True
    was = [entry.get("md5") for entry in sorted(locked.get("deps") or (), key=lambda entry: str(entry.get("path")))]
    now = sorted(stage.deps)
    if len(was) != len(now) or sorted(map(str, was)) != sorted(str(_oid(dep, graph, read)) for dep in now):
        return True
    return _parameters_changed(stage, read)


def _oid(dep: str, graph: Graph, read: Read) -> str | None:
    """The checksum of a dependency as it is now; None when that is not certain."""
    for out in graph.outs:
        if out.path == dep:
            return out.oid
        if overlap(out.path, dep):
            return None
    content = read(dep)
    return None if content is None else hashlib.md5(content, usedforsecurity=False).hexdigest()


def _parameters_changed(stage: Stage, read: Read) -> bool:
    locked = stage.locked.get("params") or {}
    if len(locked) != len(stage.params):
        return True
    for path, keys in stage.params.items():
        # dvc.lock counts paths from the stage's own folder; with another one than the root this is not sure.
        was = locked.get(path)
        values = _values(path, read(path))
        if not isinstance(was, dict) or values is None or (keys and set(was) != set(keys)):
            return True
        now = {key: _dig(values, key) for key in keys} if keys else values
        if now != was:
            return True
    return False


def _values(path: str, content: bytes | None) -> dict[str, Any] | None:
    if content is None or not path.endswith((".yaml", ".yml", ".json")):
        return None
    try:
        values = document.load(path, content)
    except DocumentError:
        return None
    return values if isinstance(values, dict) else None


def _dig(values: Any, key: str) -> Any:
    for part in key.split("."):
        if not isinstance(values, Mapping) or part not in values:
            return None
        values = values[part]
    return values


def _below(stage: Stage, graph: Graph, running: set[str]) -> bool:
    makers = [other for other in graph.stages if other.name in running]
    return any(overlap(out.path, dep) for other in makers for out in other.outs for dep in stage.deps)


def _upstream_first(graph: Graph) -> list[Stage]:
    ordered: list[Stage] = []
    waiting = list(graph.stages)
    while waiting:
        free = [
            stage
            for stage in waiting
            if not any(
                overlap(out.path, dep)
                for other in waiting
                if other is not stage
                for out in other.outs
                for dep in stage.deps
            )
        ]
        ordered += free or waiting
        waiting = [stage for stage in waiting if stage not in free] if free else []
    return ordered
