"""Which data the stages of a run need at the location, judged from checksums alone. Pure.

A stage that cannot run needs nothing: neither its dependencies nor its outputs have to be there (`dvc repro
--allow-missing`). Where this is not sure that a stage is unchanged, it says that the stage may run: then some data
more is fetched, no less.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trainer.definition import document
from trainer.definition.document import DocumentError
from trainer.definition.graph import Graph, Out, Stage, overlap

Read = Callable[[str], bytes | None]
"""Content of a tracked file, or None for what is none (a folder, a link, nothing)."""
Folder = Callable[[str], str | None]
"""Checksum of a folder of tracked files, as DVC counts it; None where it is not certain."""


@dataclass(frozen=True)
class Needs:
    """`running`: stages that may run. `outs`: data that has to be here. `idle`: data that only has to exist.

    `unsure`: stages, running or not, of which something is not known here: they may be unchanged, or changed.
    """

    running: frozenset[str]
    outs: tuple[Out, ...]
    idle: tuple[Out, ...]
    unsure: frozenset[str] = frozenset()


def judge(graph: Graph, read: Read, folder: Folder = lambda _path: None, *, every: bool = False) -> Needs:
    """What may run, and what for it must be there. `every`: all stages run, changed or not (`dvc repro --force`).

    `folder` is for those who look from outside: in a workspace, files that git does not track may stand in a folder
    too, so there no folder is certain.
    """
    providers = {out.path: out for out in graph.outs if out.cached}
    running: set[str] = set()
    unsure: set[str] = set()
    for stage in _upstream_first(graph):
        if every:
            running.add(stage.name)
        if every or stage.frozen:
            continue
        changed = _changed(stage, graph, read, folder)
        if changed is None or (not changed and _out_changed(stage, read, folder) is None):
            unsure.add(stage.name)
        if changed is not False or _out_changed(stage, read, folder) or _below(stage, graph, running):
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
        frozenset(unsure),
    )


def folder_of(paths: Iterable[str], read: Read) -> Folder:
    """The checksums of folders in a commit with these `paths`: of the list of their files, as DVC writes it."""
    listed = sorted(paths)
    # DVC leaves out what a .dvcignore says; its rules are not read here.
    ignoring = any(posixpath.basename(path) == ".dvcignore" and _has_rules(read(path)) for path in listed)

    def checksum(folder: str) -> str | None:
        inside = [path for path in listed if path.startswith(f"{folder}/")]
        if ignoring or not inside:
            return None
        contents = {path.removeprefix(f"{folder}/"): read(path) for path in inside}
        members = [{"md5": _md5(content), "relpath": path} for path, content in contents.items() if content is not None]
        members.sort(key=lambda member: member["relpath"])
        return f"{_md5(json.dumps(members, sort_keys=True).encode())}.dir" if len(members) == len(inside) else None

    return checksum


def _has_rules(text: bytes | None) -> bool:
    lines = (text or b"").splitlines()
    return any(line.strip() and not line.strip().startswith(b"#") for line in lines)


def _changed(stage: Stage, graph: Graph, read: Read, folder: Folder) -> bool | None:
    """Whether what the stage is made from differs from what it was made from; None when that is not certain."""
    locked = stage.locked
    if stage.always_changed or not locked:
        return True
    if any(out.oid is None for out in stage.outs) or len(locked.get("outs") or ()) != len(stage.outs):
        return True
    templated = "${" in repr(stage.cmd)
    if not templated and locked.get("cmd") != stage.cmd:
        return True
    found = (_deps_changed(stage, graph, read, folder), _parameters_changed(stage, read), None if templated else False)
    return True if True in found else None if None in found else False


def _deps_changed(stage: Stage, graph: Graph, read: Read, folder: Folder) -> bool | None:
    was = Counter(str(entry.get("md5")) for entry in stage.locked.get("deps") or ())
    now = [_oid(dep, graph, read, folder) for dep in stage.deps]
    known = Counter(oid for oid in now if oid is not None)
    if was.total() != len(now) or known - was:
        return True
    return None if None in now else False


def _out_changed(stage: Stage, read: Read, folder: Folder) -> bool | None:
    """Whether an output that git holds, such as a file of metrics, is not what the stage made; None: not certain."""
    pairs = [(_checksum(out.path, read, folder), out.oid) for out in stage.outs if not out.cached]
    if any(now is not None and now != was for now, was in pairs):
        return True
    return None if any(now is None for now, _was in pairs) else False


def _oid(dep: str, graph: Graph, read: Read, folder: Folder) -> str | None:
    """The checksum of a dependency as it is now; None when that is not certain."""
    for out in graph.outs:
        if out.path == dep:
            return out.oid
        if overlap(out.path, dep):
            return None
    return _checksum(dep, read, folder)


def _checksum(path: str, read: Read, folder: Folder) -> str | None:
    content = read(path)
    return folder(path) if content is None else _md5(content)


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _parameters_changed(stage: Stage, read: Read) -> bool | None:
    """Whether a parameter has another value; None where the file is of a kind, or in a folder, not read here."""
    locked = stage.locked.get("params") or {}
    if len(locked) != len(stage.params):
        return True
    unsure = False
    for path, keys in stage.params.items():
        # dvc.lock counts paths from the stage's own folder; with another one than the root this is not sure.
        was = locked.get(path)
        content = read(path)
        if was is None or (content is not None and not path.endswith((".yaml", ".yml", ".json"))):
            unsure = True
            continue
        values = _values(path, content)
        if not isinstance(was, dict) or values is None or (keys and set(was) != set(keys)):
            return True
        now = {key: _dig(values, key) for key in keys} if keys else values
        if now != was:
            return True
    return None if unsure else False


def _values(path: str, content: bytes | None) -> dict[str, Any] | None:
    if content is None:
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
