"""The standalone pointer: a .dvc file that `dvc pull` accepts in any repository with the same remote. Pure.

desc: model.onnx of team/fruits v1.0.0
meta: {project: team/fruits, tag: v1.0.0, commit: ..., run: 42}
outs:
- md5: 0123...
  size: 4711
  hash: md5
  path: model.onnx
"""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from collections.abc import Sequence

from trainer.definition.graph import Graph, Out, overlap
from trainer.failure import StepError
from trainer.spec import Spec


def release_outs(graph: Graph, wanted: Sequence[str] | None) -> list[Out]:
    """What a release consists of: what was asked for; else the project's artifacts; else the ends of the pipeline.

    Raises:
        StepError: there is none, or one that was asked for is no output in DVC's cache.
    """
    cached = {out.path: out for out in graph.outs if out.cached and out.oid}
    named = list(wanted) if wanted is not None else [path for path in graph.artifacts if path in cached]
    if named:
        unknown = [path for path in named if path not in cached]
        if unknown:
            raise StepError("pipeline", f"{unknown[0]} is to be released, but is no output in DVC's cache.")
        return [cached[path] for path in dict.fromkeys(named)]
    ends = [
        out
        for stage in graph.stages
        for out in stage.outs
        if out.path in cached and out.kind == "out" and not _is_used(out, graph)
    ]
    found = [cached[out.path] for out in ends]
    if not found:
        raise StepError(
            "pipeline", "The pipeline has no output that could be released. Name one under `artifacts:` in dvc.yaml."
        )
    return found


def text(spec: Spec, outs: Sequence[Out], commit: str) -> str:
    """The pointer's content. Strings are written as JSON, which is YAML too, so that nothing in them is syntax."""
    names = flattened([out.path for out in outs])
    meta = {"project": spec.project, "tag": spec.tag, "commit": commit, "run": spec.run}
    described = f"{', '.join(names)} of {spec.project} {spec.tag}"
    lines = [f"desc: {json.dumps(described)}", f"meta: {json.dumps(meta)}", "outs:"]
    for out, name in zip(outs, names, strict=True):
        fields = [("md5", out.oid), ("size", out.size), ("nfiles", out.nfiles if out.is_dir else None)]
        fields += [("hash", "md5" if out.algorithm == "md5" else None), ("path", name)]
        known = [f"{key}: {json.dumps(value)}" for key, value in fields if value is not None]
        lines += [f"- {known[0]}", *(f"  {line}" for line in known[1:])]
    return "\n".join(lines) + "\n"


def flattened(paths: Sequence[str]) -> list[str]:
    """Base names where each is the only one of its name; otherwise the whole paths."""
    names = [posixpath.basename(path) for path in paths]
    return names if max(Counter(names).values(), default=0) <= 1 else list(paths)


def _is_used(out: Out, graph: Graph) -> bool:
    return any(overlap(out.path, dep) for stage in graph.stages for dep in stage.deps)
