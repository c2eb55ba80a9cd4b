"""What a result measured and was made with: the metrics and params that `published` reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainer.data.objects import Cache, Object, root_of
from trainer.definition import document
from trainer.definition.document import DocumentError
from trainer.definition.graph import Graph, Out
from trainer.project.commit import Project

LARGEST = 1024 * 1024
"""Bytes of a metrics file that is read."""
MANY_DATA = 200
"""Paths of data that are reported."""


def metrics(project: Project, cache: Cache) -> dict[str, Any]:
    """All metrics as nested names; those of a file stand under its path where two files have the same name."""
    files = {}
    for path, content in _metric_contents(project, cache).items():
        values = _parsed(path, content)
        if isinstance(values, dict):
            files[path] = {str(key): value for key, value in values.items() if key != "step"}
    names = [name for values in files.values() for name in values]
    if len(names) == len(set(names)):
        return {name: value for values in files.values() for name, value in values.items()}
    return {path.rsplit(".", 1)[0]: values for path, values in files.items()}


def params(graph: Graph) -> dict[str, Any]:
    """The parameters of the stages, as dvc.lock has them: `train.epochs` becomes {"train": {"epochs": ...}}."""
    nested: dict[str, Any] = {}
    for stage in graph.stages:
        for values in (stage.locked.get("params") or {}).values():
            for dotted, value in values.items():
                *above, last = str(dotted).split(".")
                at = nested
                for part in above:
                    below = at.get(part)
                    at[part] = at = below if isinstance(below, dict) else {}
                at[last] = _plain(value)
    return nested


def data(graph: Graph) -> dict[str, str]:
    """Path -> checksum of the data that came in by .dvc files: what another result may have been trained on."""
    outs = [out for item in graph.data for out in item.outs if out.oid]
    return {out.path: str(out.oid) for out in outs[:MANY_DATA]}


def needed(graph: Graph) -> list[Object]:
    """The metrics that are in DVC's cache and not in git: objects that `metrics` reads."""
    outs = [out for stage in graph.stages for out in stage.outs]
    return [root_of(out) for out in outs if _is_readable(out)]


def _is_readable(out: Out) -> bool:
    right = out.kind == "metric" and out.cached and out.pushed and not out.is_dir
    return right and out.oid is not None and (out.size or 0) <= LARGEST


def _metric_contents(project: Project, cache: Cache) -> dict[str, bytes]:
    outs = {out.path: out for stage in project.graph.stages for out in stage.outs}
    named = [path for path, out in outs.items() if out.kind == "metric"]
    named += [path for path in project.graph.metrics if path not in named]
    tracked = project.read_all(named)
    found = {}
    for path in named:
        out = outs.get(path)
        content = tracked.get(path)
        if out is not None and _is_readable(out):
            content = cache.read(root_of(out))
        if content is not None and len(content) <= LARGEST:
            found[path] = content
    return found


def _parsed(path: str, content: bytes) -> Any:
    try:
        return _plain(document.load(path, content)) if path.endswith((".json", ".yaml", ".yml")) else None
    except DocumentError:
        return None


def _plain(value: Any) -> Any:
    """What JSON can carry."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):  # noqa: PLR0124 - a NaN
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
