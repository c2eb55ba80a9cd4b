"""What of the workspace goes into the result's commit: an allow-list, read without following a single link.

The workspace belonged to the team's code. So nothing of it is believed but the content of a few regular files:
dvc.lock, .dvc files, metrics, plots and params outside DVC's cache, and lines of .gitignore for DVC's outputs.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from trainer.code.git import Git
from trainer.definition import graph
from trainer.definition.graph import Graph
from trainer.failure import StepError
from trainer.project.commit import Project

LARGEST = 16 * 1024 * 1024
"""Bytes of one file, and"""
ALL = 64 * 1024 * 1024
"""bytes of all together: more belongs in DVC's cache, not into git."""
MANY = 2_000

_REGULAR = "100644"
_EXECUTABLE = "100755"


def collect(project: Project, repo: Path, scratch: Path, *, also: Collection[str] = ()) -> dict[str, bytes]:
    """Path -> content of what changed against the project's commit and is allowed into the result.

    `also`: files that we changed ourselves, whether or not the pipeline names them.

    Raises:
        StepError: a file is too large for git.
    """
    candidates = _candidates(project, repo) | set(also)
    kept = {path for path in candidates if path in project.entries}
    fresh = {path for path in candidates - kept if (repo / path).exists()}
    kept |= fresh - _ignored(project, scratch, fresh)
    found = {path: content for path in sorted(kept) if (content := read(repo, path)) is not None}
    found |= _ignore_files(project, repo)
    if sum(map(len, found.values())) > ALL or len(found) > MANY:
        raise StepError(
            "pipeline",
            "The metrics and plots are too much for git. Let DVC cache them (remove `cache: false`), train again.",
        )
    before = project.read_all(found)
    return {path: content for path, content in found.items() if before.get(path) != content}


def tree_with(project: Project, files: dict[str, bytes], scratch: Path) -> str:
    """The id of the project's tree with these files in it; nothing but the mirror is used to make it."""
    git = Git(project.mirror.path, index=scratch / "index")
    git.run("read-tree", project.tree)
    lines = []
    for path, content in files.items():
        oid = git.run("hash-object", "-w", "--stdin", "--no-filters", stdin=content).decode("ascii").strip()
        mode = project.entries[path].mode if path in project.entries else _REGULAR
        mode = mode if mode in (_REGULAR, _EXECUTABLE) else _REGULAR
        lines.append(f"{mode} {oid}\t{path}".encode("utf-8", errors="surrogateescape"))
    if lines:
        git.run("update-index", "-z", "--index-info", stdin=b"\0".join(lines) + b"\0")
    return git.text("write-tree")


def _candidates(project: Project, repo: Path) -> set[str]:
    pipeline = project.graph
    found = {posixpath.join(posixpath.dirname(stage.file), graph.LOCK_FILE) for stage in pipeline.stages}
    named = [out.path for stage in pipeline.stages for out in stage.outs if not out.cached]
    cached = {out.path for out in pipeline.outs if out.cached}
    named += (*pipeline.metrics, *pipeline.plots, *_parameter_files(pipeline))
    for path in named:
        if _is_welcome(path) and not any(graph.overlap(path, out) for out in cached):
            found |= set(_files_below(repo, path))
    found |= {path for path in project.entries if path.endswith(".dvc")}
    found |= {item for out in pipeline.outs for item in _dvc_files_beside(repo, out.path)}
    return found


def _is_welcome(path: str) -> bool:
    return graph.is_inside(path) and ".git" not in path.lower().split("/")


def _parameter_files(pipeline: Graph) -> set[str]:
    return {*pipeline.params, *(path for stage in pipeline.stages for path in stage.params)}


def _dvc_files_beside(repo: Path, out: str) -> Iterator[str]:
    """.dvc files that a stage wrote next to its outputs (DVCLive's `log_artifact` does)."""
    folder = posixpath.dirname(out)
    if _is_plain_folder(repo, folder):
        with os.scandir(repo / folder) as entries:
            for entry in entries:
                if entry.name.endswith(".dvc") and entry.is_file(follow_symlinks=False):
                    yield posixpath.join(folder, entry.name)


def _files_below(repo: Path, path: str) -> Iterator[str]:
    """The regular files at or below a path; whatever is reached through a link is not there."""
    if not _is_plain_folder(repo, path):
        yield path
        return
    count = 0
    for folder, folders, names in os.walk(repo / path, followlinks=False):
        folders.sort()
        for name in sorted(names):
            count += 1
            if count > MANY:
                return
            below = posixpath.join(Path(folder).relative_to(repo).as_posix(), name)
            if _is_welcome(below):
                yield below


def _is_plain_folder(repo: Path, path: str) -> bool:
    at = repo
    for part in Path(path).parts:
        at = at / part
        if at.is_symlink() or not at.is_dir():
            return False
    return True


def read(repo: Path, path: str) -> bytes | None:
    """The content of a regular file, opened from folder to folder so that no link can lead elsewhere; None without one.

    Raises:
        StepError: it is too large for git.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    *folders, name = Path(path).parts
    at = os.open(repo, flags | os.O_DIRECTORY)
    try:
        for folder in folders:
            below = os.open(folder, flags | os.O_DIRECTORY, dir_fd=at)
            os.close(at)
            at = below
        descriptor = os.open(name, flags | os.O_NONBLOCK, dir_fd=at)
    except OSError:
        return None
    finally:
        os.close(at)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return None
        if found.st_size > LARGEST:
            raise StepError(
                "pipeline",
                f"{path} has {found.st_size // 1_000_000} MB: too large for git. Let DVC cache it, then train again.",
            )
        return file.read(LARGEST + 1)[:LARGEST]


def _ignored(project: Project, scratch: Path, paths: set[str]) -> set[str]:
    """Those that the commit's own .gitignore files name (not the workspace's): git itself would not add them."""
    if not paths:
        return set()
    aside = scratch / "ignored"
    rules = [path for path in project.entries if posixpath.basename(path) == ".gitignore"]
    for path, content in project.read_all(rules).items():
        (aside / path).parent.mkdir(parents=True, exist_ok=True)
        (aside / path).write_bytes(content)
    aside.mkdir(exist_ok=True)
    git = Git(project.mirror.path, work_tree=aside, index=scratch / "ignored.index")
    question = "\0".join(sorted(paths)).encode("utf-8", errors="surrogateescape") + b"\0"
    answer = git.ask("check-ignore", "--no-index", "-z", "--stdin", stdin=question)
    return {path.decode("utf-8", errors="surrogateescape") for path in answer.split(b"\0") if path}


def _ignore_files(project: Project, repo: Path) -> dict[str, bytes]:
    """.gitignore files to which DVC added the outputs of new stages, and nothing else was added or taken away."""
    found = {}
    by_folder: dict[str, set[str]] = {}
    for stage in project.graph.stages:
        for out in stage.outs:
            if out.cached:
                folder, name = posixpath.split(out.path)
                by_folder.setdefault(folder, set()).add(f"/{name}")
    paths = {posixpath.join(folder, ".gitignore"): names for folder, names in by_folder.items()}
    before = project.read_all(paths)
    for path, names in paths.items():
        content = read(repo, path)
        if content is None:
            continue
        old = before.get(path, b"").decode("utf-8", errors="surrogateescape").splitlines()
        new = content.decode("utf-8", errors="surrogateescape").splitlines()
        if new[: len(old)] == old and set(new[len(old) :]) <= names:
            found[path] = content
    return found
