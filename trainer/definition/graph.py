"""A project's pipeline, read from its files without DVC: stages, outputs, checksums. Pure.

DVC's own loading takes a second; this takes milliseconds, and is only used where it is certain to say the same: a
dvc.yaml whose outputs depend on templates is left to DVC (`TemplatedError`; see trainer/project/scratch_repo.py).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trainer.definition import document
from trainer.definition.document import DocumentError
from trainer.failure import StepError

PIPELINE_FILE = "dvc.yaml"
LOCK_FILE = "dvc.lock"


class TemplatedError(Exception):
    """The file uses foreach, matrix or ${...} where it matters: only DVC can say what it means."""


@dataclass(frozen=True)
class Out:
    """An output. `path` counts from the repository's root; `oid` is None before it was ever made.

    `algorithm` is `md5`, or `md5-dos2unix` for what DVC 2 wrote. `size` is in bytes, of all members for a folder.
    """

    path: str
    oid: str | None = None
    size: int | None = None
    nfiles: int | None = None
    algorithm: str = "md5"
    cached: bool = True
    kind: str = "out"
    persist: bool = False
    pushed: bool = True
    remote: str | None = None
    plot: Mapping[str, Any] = field(default_factory=dict)
    """How a plot is to be drawn: DVC's `x`, `y`, `title`, `template` and so on."""

    @property
    def is_dir(self) -> bool:
        """Whether it was a folder when it was made."""
        return bool(self.oid and self.oid.endswith(".dir"))


@dataclass(frozen=True)
class Stage:
    """A stage as it stands in dvc.yaml (what is to be) and in dvc.lock (`locked`, what was)."""

    name: str
    file: str
    cmd: Any
    deps: tuple[str, ...]
    params: Mapping[str, tuple[str, ...]]
    outs: tuple[Out, ...]
    frozen: bool = False
    always_changed: bool = False
    locked: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Data:
    """A .dvc file. `imported`: it comes from another repository and is on no remote of ours."""

    file: str
    outs: tuple[Out, ...]
    imported: bool = False


@dataclass(frozen=True)
class Graph:
    """All of a project. `metrics`, `plots`, `params` and `artifacts` are paths named at the top level of a dvc.yaml."""

    stages: tuple[Stage, ...] = ()
    data: tuple[Data, ...] = ()
    metrics: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()

    @property
    def outs(self) -> list[Out]:
        """Outputs of all stages and data files."""
        return [out for outs in (stage.outs for stage in self.stages) for out in outs] + [
            out for item in self.data for out in item.outs
        ]

    def reproduced(self) -> Graph:
        """What `dvc repro` looks at: the stages of the top dvc.yaml (of all, without one), and all that these need."""
        top = [stage for stage in self.stages if stage.file == PIPELINE_FILE] or list(self.stages)
        stages = _closure(top, self.stages)
        needed = [dep for stage in stages for dep in stage.deps]
        data = [item for item in self.data if any(_touch(out.path, dep) for out in item.outs for dep in needed)]
        return Graph(tuple(stages), tuple(data), self.metrics, self.plots, self.params, self.artifacts)

    def check_paths(self) -> None:
        """Refuse what would be written outside the repository, or inside .git or .dvc.

        Raises:
            StepError: the first such output.
        """
        for out in self.outs:
            first = out.path.split("/", 1)[0]
            if not is_inside(out.path):
                raise StepError("pipeline", f"The output {out.path} leaves the repository; that is not allowed.")
            if first in (".git", ".dvc"):
                raise StepError("pipeline", f"The output {out.path} lies in {first}; that is not allowed.")


def read(files: Mapping[str, bytes], resolved: Mapping[str, tuple[Stage, ...]] | None = None) -> Graph:
    """The graph in a project's dvc.yaml, dvc.lock and .dvc files (path -> content).

    `resolved` holds the stages of each dvc.yaml where DVC itself was asked for them.

    Raises:
        TemplatedError: only DVC can resolve it.
        StepError: a file is not valid.
    """
    stages: list[Stage] = []
    data: list[Data] = []
    tops: dict[str, list[str]] = {name: [] for name in ("metrics", "plots", "params", "artifacts")}
    for path, content in sorted(files.items()):
        folder, name = posixpath.split(path)
        if name == PIPELINE_FILE:
            top = _load(path, content)
            lock = posixpath.join(folder, LOCK_FILE)
            locked = _load(lock, files[lock]).get("stages") or {} if lock in files else {}
            stages += _stages(path, top, locked) if resolved is None else resolved.get(path, ())
            for kind, found in _tops(folder, top).items():
                tops[kind] += found
        elif name.endswith(".dvc") and name != ".dvc":
            data.append(_data(path, _load(path, content)))
    return Graph(tuple(stages), tuple(data), **{kind: tuple(found) for kind, found in tops.items()})


def is_control_file(path: str) -> bool:
    """Whether `read` wants that file."""
    name = posixpath.basename(path)
    return name in (PIPELINE_FILE, LOCK_FILE) or (name.endswith(".dvc") and name != ".dvc")


def locked_out(folder: str, entry: Mapping[str, Any]) -> Out:
    """What dvc.lock (or a .dvc file) says of one output."""
    oid = entry.get("md5")
    algorithm = "md5" if entry.get("hash") == "md5" else "md5-dos2unix"
    return Out(
        path=join(folder, str(entry["path"])),
        oid=str(oid) if oid else None,
        size=entry.get("size"),
        nfiles=entry.get("nfiles"),
        algorithm=algorithm,
        cached=entry.get("cache", True) is not False,
        persist=entry.get("persist") is True,
        pushed=entry.get("push", True) is not False,
        remote=entry.get("remote"),
    )


def join(folder: str, path: str) -> str:
    """A path of dvc.yaml counted from the repository's root, without `.` and `..` where that is possible."""
    if "://" in path:
        return path
    return posixpath.normpath(posixpath.join(folder, path))


def is_inside(path: str) -> bool:
    """Whether a path stays in the repository, and is not the repository itself."""
    return not (posixpath.isabs(path) or "://" in path or path.split("/", 1)[0] in ("..", "."))


def overlap(one: str, other: str) -> bool:
    """Whether two paths are the same, or one lies in the other."""
    return one == other or one.startswith(other + "/") or other.startswith(one + "/")


def _load(path: str, content: bytes) -> dict[str, Any]:
    try:
        values = document.load(path, content)
    except DocumentError as error:
        raise StepError("pipeline", f"{path} cannot be read: {error}.") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise StepError("pipeline", f"{path} cannot be read: it holds no mapping.")
    return values


def _stages(path: str, top: Mapping[str, Any], locked: Mapping[str, Any]) -> list[Stage]:
    found = top.get("stages") or {}
    if not isinstance(found, dict):
        raise StepError("pipeline", f"{path}: stages must be a mapping.")
    return [_stage(path, str(name), body, locked) for name, body in found.items()]


def _stage(path: str, name: str, body: Any, locks: Mapping[str, Any]) -> Stage:
    if not isinstance(body, dict):
        raise StepError("pipeline", f"{path}: the stage {name} must be a mapping.")
    if body.keys() & {"foreach", "matrix", "do"}:
        raise TemplatedError(name)
    plain = {key: value for key, value in body.items() if key not in ("cmd", "desc", "meta")}
    if "${" in repr(plain):
        raise TemplatedError(name)
    folder = join(posixpath.dirname(path), str(body.get("wdir") or "."))
    locked = locks.get(name) or {}
    made = {join(folder, str(entry["path"])): locked_out(folder, entry) for entry in locked.get("outs") or ()}
    try:
        return Stage(
            name=name if path == PIPELINE_FILE else f"{path}:{name}",
            file=path,
            cmd=body.get("cmd"),
            deps=tuple(join(folder, dep) for dep in body.get("deps") or ()),
            params=_params(folder, body.get("params") or ()),
            outs=tuple(_outs(folder, body, made)),
            frozen=body.get("frozen") is True,
            always_changed=body.get("always_changed") is True or not (body.get("deps") or body.get("params")),
            locked=locked,
        )
    except (AttributeError, TypeError, KeyError) as error:
        raise StepError("pipeline", f"{path}: the stage {name} is not valid ({error}).") from error


def _outs(folder: str, body: Mapping[str, Any], made: Mapping[str, Out]) -> Iterable[Out]:
    for key, kind in (("outs", "out"), ("metrics", "metric"), ("plots", "plot")):
        for item in body.get(key) or ():
            [(path, flags)] = item.items() if isinstance(item, dict) else [(item, {})]
            flags = flags if isinstance(flags, dict) else {}
            at = join(folder, str(path))
            was = made.get(at, Out(at))
            yield Out(
                path=at,
                oid=was.oid,
                size=was.size,
                nfiles=was.nfiles,
                algorithm=was.algorithm,
                cached=flags.get("cache", True) is not False,
                kind=kind,
                persist=flags.get("persist") is True,
                pushed=flags.get("push", True) is not False,
                remote=flags.get("remote"),
                plot=flags if kind == "plot" else {},
            )


def _params(folder: str, items: Iterable[Any]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for item in items:
        named = item if isinstance(item, dict) else {"params.yaml": [item]}
        for path, keys in named.items():
            found.setdefault(join(folder, str(path)), []).extend(str(key) for key in keys or ())
    return {path: tuple(keys) for path, keys in found.items()}


def _data(path: str, top: Mapping[str, Any]) -> Data:
    folder = join(posixpath.dirname(path), str(top.get("wdir") or "."))
    try:
        outs = tuple(locked_out(folder, entry) for entry in top.get("outs") or ())
        imported = any(isinstance(dep, dict) and "repo" in dep for dep in top.get("deps") or ())
    except (AttributeError, KeyError, TypeError) as error:
        raise StepError("pipeline", f"{path} is not valid ({error}).") from error
    return Data(path, outs, imported)


def _tops(folder: str, top: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kind in ("metrics", "params"):
        found[kind] = [join(folder, str(path)) for path in top.get(kind) or () if "${" not in str(path)]
    found["plots"] = [join(folder, path) for path in _plot_files(top.get("plots") or ())]
    artifacts = top.get("artifacts") or {}
    bodies = artifacts.values() if isinstance(artifacts, dict) else ()
    paths = [str(body["path"]) for body in bodies if isinstance(body, dict) and "path" in body]
    found["artifacts"] = [join(folder, path) for path in paths if "${" not in path]
    return found


def _plot_files(plots: Iterable[Any]) -> Iterable[str]:
    """Files that plots are drawn from: the plot's name, unless its axes name files."""
    for plot in plots:
        named = plot.items() if isinstance(plot, dict) else [(plot, None)]
        for name, body in named:
            axes = [body[axis] for axis in ("x", "y") if isinstance(body, dict) and isinstance(body.get(axis), dict)]
            yield from ([str(path) for axis in axes for path in axis] or [str(name)])


def _closure(top: list[Stage], everything: Iterable[Stage]) -> list[Stage]:
    found = list(top)
    for stage in found:  # grows while it is walked
        for other in everything:
            if other not in found and any(_touch(out.path, dep) for out in other.outs for dep in stage.deps):
                found.append(other)
    return found


def _touch(one: str, other: str) -> bool:
    """As `overlap`, and the repository itself touches everything."""
    return overlap(one, other) or "." in (one, other)
