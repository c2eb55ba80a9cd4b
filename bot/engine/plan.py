"""What a training of a commit would do, from the project's own files: which stages would run, and on what data. Pure.

The same reading and the same judgement as at the machine (trainer/definition), which takes milliseconds and no DVC.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.runs.model import TrainOptions
from trainer.definition import document, graph, needs
from trainer.definition.document import DocumentError
from trainer.definition.graph import Graph, Out, TemplatedError, is_control_file
from trainer.failure import StepError
from trainer.parameters import FILE, ParameterError, changed

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
    return [path for path in paths if is_control_file(path) or path == FILE]


def files_to_compare(paths: Mapping[str, str], content: Read) -> list[str]:
    """The files that the pipeline's stages are made from; none where the pipeline cannot be read."""
    try:
        pipeline = _graph(paths, content)
    except (TemplatedError, StepError):
        return []
    named = {dep for stage in pipeline.stages for dep in stage.deps}
    named |= {path for stage in pipeline.stages for path in stage.params}
    named |= {out.path for stage in pipeline.stages for out in stage.outs if not out.cached}
    inside = {folder for path in paths for folder in _folders(path) if folder in named}
    return [path for path in paths if path in named or inside.intersection(_folders(path))]


def plan(paths: Mapping[str, str], content: Read, options: TrainOptions) -> Plan:
    """What would happen with these options, among them the parameters that are set for this run alone."""
    try:
        pipeline = _graph(paths, content)
        read = _with(content, options)
    except TemplatedError:
        return Plan(problem="dvc.yaml has templates (`foreach`, `matrix` or `${...}`), which only DVC can read")
    except (StepError, ParameterError) as error:
        return Plan(problem=str(error).rstrip("."))
    if not pipeline.stages:
        return Plan(problem="there is no dvc.yaml with stages")
    judged = needs.judge(pipeline, read, needs.folder_of(paths, read), every=options.force)
    names = tuple(stage.name for stage in pipeline.stages)
    return Plan(
        names,
        tuple(name for name in names if name in judged.running),
        tuple(name for name in names if name in judged.unsure),
        judged.outs,
        {stage.name: stage.outs for stage in pipeline.stages},
    )


def parameters(content: Read) -> Mapping[str, Any]:
    """What stands in params.yaml; nothing where it cannot be read."""
    text = content(FILE)
    try:
        values = document.load(FILE, text) if text is not None else {}
    except DocumentError:
        return {}
    return values if isinstance(values, Mapping) else {}


def _graph(paths: Mapping[str, str], content: Read) -> Graph:
    found = {path: text for path in paths if is_control_file(path) and (text := content(path)) is not None}
    return graph.read(found).reproduced()


def _with(content: Read, options: TrainOptions) -> Read:
    """The same files, with the parameters of this run."""
    if not (options.set or options.smoke):
        return content
    text = changed(content(FILE), options.set, smoke=options.smoke)
    return lambda path: text if path == FILE else content(path)


def _folders(path: str) -> list[str]:
    """`a` and `a/b` of `a/b/c.txt`."""
    found = []
    while path := posixpath.dirname(path):
        found.append(path)
    return found
