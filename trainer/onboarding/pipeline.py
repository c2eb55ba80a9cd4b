"""Whether the pipeline of a project can be trained elsewhere, by nobody at a keyboard, and what it would release."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from trainer.definition import graph
from trainer.definition.graph import Graph, Stage, TemplatedError
from trainer.failure import StepError
from trainer.onboarding.finding import Finding, named, note, ok, todo
from trainer.onboarding.worktree import Worktree
from trainer.project import pointer

_ASKS = re.compile(
    r"(?:^|[;&(\n]|\|\|)\s*(?:\w+=\S*\s+)*"
    r"(?P<what>(?:sudo(?! -n)|read|vi|vim|nano|less|more|top|passwd|ssh-add|ipython3?|docker login"
    r"|jupyter (?:lab|notebook)|docker run [^;&|\n]*?(?:-it|-ti|--tty)|python3? (?:-i|-m i?pdb)))(?=$|[\s;&|)])"
)
"""Commands that want somebody at the keyboard; a script that asks is found by nobody but its first training."""
_PRIVATE = re.compile(r"(?:/home/|/Users/|/root/|~/|\$HOME\b|\$\{HOME\}|[A-Za-z]:\\)[^\s'\"]*")
"""Paths that only one person has."""
_READABLE = (".json", ".yaml", ".yml")


def read(tree: Worktree) -> Graph:
    """What a training would look at, from the files as they are now.

    Raises:
        StepError: a file is not valid, an output lies where none may, or there is nothing to train.
    """
    files = {path: tree.read(path) or b"" for path in tree.present if graph.is_control_file(path)}
    try:
        found = graph.read(files)
    except TemplatedError:
        found = graph.read(files, _resolved(tree.root))
    if not found.stages:
        raise StepError("pipeline", "There is no dvc.yaml with stages, so there is nothing to train: `dvc stage add`.")
    reproduced = found.reproduced()
    reproduced.check_paths()
    return reproduced


def _resolved(root: Path) -> dict[str, tuple[Stage, ...]]:
    """The stages of a dvc.yaml that uses templates."""
    from dvc.exceptions import DvcException  # noqa: PLC0415 - a second slower, and only needed here

    from trainer.project import scratch_repo  # noqa: PLC0415 - as above

    try:
        return scratch_repo.stages(root)
    except DvcException as error:
        raise StepError("pipeline", f"DVC does not understand the pipeline: {error}. Mend dvc.yaml.") from error


def check(tree: Worktree, found: Graph) -> Iterator[Finding]:
    """Each stage, then what comes out in the end."""
    for stage in found.stages:
        yield from _stage(stage)
    yield from _sources(tree, found)
    yield from _ignored(tree, found)
    yield from _metrics(found)
    yield _released(found)


def _stage(stage: Stage) -> Iterator[Finding]:
    if not stage.cmd:
        yield todo(f"The stage `{stage.name}` has no `cmd`. Say what it runs.")
    if not stage.outs:
        yield todo(f"The stage `{stage.name}` has no outputs, so nothing of it would be kept. Name them under `outs:`.")
    if not stage.deps and not stage.params:
        yield note(f"The stage `{stage.name}` has no dependencies: DVC runs it in each training, changed or not.")
    for command in _commands(stage.cmd):
        if asks := _ASKS.search(command):
            yield todo(
                f"The stage `{stage.name}` runs `{asks['what']}`, which waits for somebody. Nobody will be there."
            )
        if private := _PRIVATE.search(command):
            yield todo(
                f"The stage `{stage.name}` names {private[0]}, which other machines lack. Use a path in the project."
            )


def _commands(cmd: object) -> list[str]:
    return [str(each) for each in (cmd if isinstance(cmd, list) else [cmd] if cmd else [])]


def _sources(tree: Worktree, found: Graph) -> Iterator[Finding]:
    """Dependencies that a fresh clone would not have."""
    made = [out.path for out in found.outs]
    for stage in found.stages:
        files = [*stage.deps, *stage.params]
        lost = [
            path
            for path in files
            if "://" not in path and not any(graph.overlap(path, out) for out in made) and not tree.holds(path)
        ]
        if lost:
            yield todo(
                f"The stage `{stage.name}` needs {named(lost)}, which neither git nor DVC has. "
                "Add code and settings with `git add`, data with `dvc add`."
            )


def _ignored(tree: Worktree, found: Graph) -> Iterator[Finding]:
    """What DVC keeps is not git's, and what git is to keep must not be ignored."""
    cached = [out.path for out in found.outs if out.cached]
    both = [path for path in cached if any(graph.overlap(item, path) for item in tree.tracked)]
    if both:
        yield todo(f"git has {named(both)} as well as DVC. Leave it to DVC: `git rm -r --cached`.")
    loose = [path for path in cached if path not in both and tree.holds(path)]
    if loose:
        yield todo(f"git would take {named(loose)}, which DVC keeps. Put it into .gitignore.")
    plain = tree.ignores(out.path for out in found.outs if not out.cached)
    if plain:
        yield todo(f"{named(sorted(plain))} has `cache: false`, so git is to keep it, but .gitignore leaves it out.")


def _metrics(found: Graph) -> Iterator[Finding]:
    measured = [out.path for stage in found.stages for out in stage.outs if out.kind == "metric"] + [*found.metrics]
    if not measured:
        yield note("No metrics are declared, so a release says nothing of how good it is. See `metrics:` of dvc.yaml.")
    elif unread := [path for path in measured if not path.endswith(_READABLE)]:
        yield note(f"Of metrics, JSON and YAML are read; {named(unread)} would not be shown.")
    else:
        yield ok(f"Metrics: {named(dict.fromkeys(measured))}.")


def _released(found: Graph) -> Finding:
    try:
        outs = pointer.release_outs(_as_if_made(found), None)
    except StepError as error:
        return todo(str(error))
    return ok(f"A release brings {named(out.path for out in outs)}; `artifacts:` in dvc.yaml would choose others.")


def _as_if_made(found: Graph) -> Graph:
    """The graph after a training: each output has a checksum, whatever it is."""
    made = (replace(stage, outs=tuple(replace(out, oid="0" * 32) for out in stage.outs)) for stage in found.stages)
    return replace(found, stages=tuple(made))


def stages_that_read(found: Iterable[Stage], path: str) -> list[str]:
    """The stages for which any change of that file is a reason to run."""
    return [stage.name for stage in found if any(graph.overlap(path, dep) or dep == "." for dep in stage.deps)]
