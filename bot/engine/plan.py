"""What a training of a commit would do, from the project's own files: which stages would run, and on what data. Pure.

The same reading and the same judgement as at the machine (trainer/definition), which takes milliseconds and no DVC.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainer.definition import document, needs
from trainer.definition.document import DocumentError
from trainer.definition.graph import Graph, Out, TemplatedError, is_control_file, read
from trainer.failure import StepError

PARAMS = "params.yaml"
SMOKE = "smoke"
"""The section of params.yaml whose values a smoke run trains with."""

Read = Callable[[str], bytes | None]


@dataclass(frozen=True)
class Plan:
    """`stages` are all, `running` those that would run, as far as their dependencies come out differently.

    `unsure`: stages, running or not, of which only the machine can say for sure. `needed`: data that has to be at the
    machine. `made`: stage -> its outputs as they stand. `problem` says why nothing is known, and then nothing is.
    """

    stages: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    needed: tuple[Out, ...] = ()
    made: Mapping[str, tuple[Out, ...]] = field(default_factory=dict)
    problem: str = ""

    @property
    def unchanged(self) -> bool:
        """Whether it is certain that no stage would run."""
        return bool(self.stages) and not (self.running or self.unsure or self.problem)


def files_to_read(paths: Sequence[str] | Mapping[str, str]) -> list[str]:
    """The files that say what the pipeline is."""
    return [path for path in paths if is_control_file(path) or path == PARAMS]


def files_to_compare(paths: Mapping[str, str], content: Read) -> list[str]:
    """The files that the pipeline's stages are made from; none where the pipeline cannot be read."""
    try:
        graph = _graph(paths, content)
    except (TemplatedError, StepError):
        return []
    named = {dep for stage in graph.stages for dep in stage.deps}
    named |= {path for stage in graph.stages for path in stage.params}
    named |= {out.path for stage in graph.stages for out in stage.outs if not out.cached}
    inside = {folder for path in paths for folder in _folders(path) if folder in named}
    return [path for path in paths if path in named or inside.intersection(_folders(path))]


def plan(paths: Mapping[str, str], content: Read, overrides: Mapping[str, Any], *, force: bool = False) -> Plan:
    """What would happen; `overrides` are parameters that are set for this run alone (`{"train.epochs": 3}`)."""
    try:
        graph = _graph(paths, content)
    except TemplatedError:
        return Plan(problem="dvc.yaml has templates (`foreach`, `matrix` or `${...}`), which only DVC can read")
    except StepError as error:
        return Plan(problem=str(error).rstrip("."))
    if not graph.stages:
        return Plan(problem="there is no dvc.yaml with stages")
    changed = _with(content, overrides)
    judged = needs.judge(graph, changed, needs.folder_of(paths, changed))
    names = tuple(stage.name for stage in graph.stages)
    made = {stage.name: stage.outs for stage in graph.stages}
    if force:
        return Plan(names, names, needed=_all_data(graph), made=made)
    return Plan(
        names,
        tuple(name for name in names if name in judged.running),
        tuple(name for name in names if name in judged.unsure),
        judged.outs,
        made,
    )


def parameters(content: Read) -> Mapping[str, Any]:
    """What stands in params.yaml; nothing where it cannot be read."""
    text = content(PARAMS)
    try:
        values = document.load(PARAMS, text) if text is not None else {}
    except DocumentError:
        return {}
    return values if isinstance(values, Mapping) else {}


def typed(given: Mapping[str, str]) -> dict[str, Any]:
    """Parameters as a person wrote them, with the values that YAML reads in them."""
    return {name: _scalar(text) for name, text in given.items()}


def smoke_overrides(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a smoke run sets: the section `smoke`, by dotted names."""
    section = values.get(SMOKE)
    return dict(_flat(section)) if isinstance(section, Mapping) else {}


def _scalar(text: str) -> Any:
    try:
        return document.load(PARAMS, text.encode())
    except DocumentError:
        return text


def _graph(paths: Mapping[str, str], content: Read) -> Graph:
    found = {path: text for path in paths if is_control_file(path) and (text := content(path)) is not None}
    return read(found).reproduced()


def _all_data(graph: Graph) -> tuple[Out, ...]:
    """What a run of every stage starts from."""
    made = {out.path for stage in graph.stages for out in stage.outs if not out.persist}
    return tuple(out for out in graph.outs if out.cached and out.oid and out.path not in made)


def _with(content: Read, overrides: Mapping[str, Any]) -> Read:
    """The same files, with other parameters."""
    if not overrides:
        return content
    values = _copy(parameters(content))
    for name, value in overrides.items():
        *parts, last = name.split(".")
        at = values
        for part in parts:
            if not isinstance(at.get(part), dict):
                at[part] = {}
            at = at[part]
        at[last] = value
    text = document.dump(values)
    return lambda path: text if path == PARAMS else content(path)


def _copy(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _copy(each) if isinstance(each, Mapping) else each for name, each in values.items()}


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        key = f"{prefix}{name}"
        found += _flat(value, f"{key}.") if isinstance(value, Mapping) else [(key, value)]
    return found


def _folders(path: str) -> list[str]:
    """`a` and `a/b` of `a/b/c.txt`."""
    found = []
    while path := posixpath.dirname(path):
        found.append(path)
    return found
