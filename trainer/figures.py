"""What a result measured and was made with: the metrics and params that `published` reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trainer.graph import Graph
from trainer.objects import Cache, root_of
from trainer.project import Project

LARGEST = 1024 * 1024
"""Bytes of a metrics file that is read."""


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
    """The parameters that the stages depend on, as dvc.lock has them: `train.epochs` becomes {"train": {"epochs": ...}}."""
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


def _metric_contents(project: Project, cache: Cache) -> dict[str, bytes]:
    outs = {out.path: out for stage in project.graph.stages for out in stage.outs}
    named = [path for path, out in outs.items() if out.kind == "metric"]
    named += [path for path in project.graph.metrics if path not in named]
    tracked = project.read_all(named)
    found = {}
    for path in named:
        out = outs.get(path)
        content = tracked.get(path)
        if out is not None and out.cached and out.oid and not out.is_dir:
            content = cache.read(root_of(out)) if (out.size or 0) <= LARGEST else None
        if content is not None and len(content) <= LARGEST:
            found[path] = content
    return found


def _parsed(path: str, content: bytes) -> Any:
    try:
        if path.endswith(".json"):
            return _plain(json.loads(content))
        if path.endswith((".yaml", ".yml")):
            from ruamel.yaml import YAML  # noqa: PLC0415 - takes 30 ms

            return _plain(YAML(typ="safe").load(content.decode("utf-8")))
    except Exception:  # noqa: BLE001 - a metrics file is the team's; one that cannot be read is none
        return None
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
