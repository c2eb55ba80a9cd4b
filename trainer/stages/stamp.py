"""Whether the workspace is, to the last file, as the last successful reproduction left it. Standard library only.

DVC itself trusts a file whose inode, size and times it knows; so does this. When every file that `dvc repro` would
look at is the same, its answer is the same: nothing changed. Stages that always run are never stamped. When in doubt,
DVC is asked.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from trainer import durable
from trainer.code.git import Git
from trainer.definition import graph

VERSION = 1
FILE = ".dvc/tmp/stationmaster.json"


@dataclass(frozen=True)
class Stamp:
    """`stages`: names, in DVC's order. `paths`: every dependency and output, counted from the root."""

    stages: tuple[str, ...]
    paths: tuple[str, ...]

    def save(self, repo: Path) -> None:
        """Remember the workspace as it is now."""
        record = {"stages": list(self.stages), "paths": list(self.paths), "print": fingerprint(repo, self.paths)}
        durable.write_json(repo / FILE, record)


def holding(repo: Path) -> Stamp | None:
    """The stamp of this workspace, if nothing has changed since it was made."""
    record = durable.read_json(repo / FILE) or {}
    stages, paths = record.get("stages"), record.get("paths")
    if not isinstance(stages, list) or not isinstance(paths, list):
        return None
    if record.get("print") != fingerprint(repo, paths):
        return None
    return Stamp(tuple(map(str, stages)), tuple(map(str, paths)))


def forget(repo: Path) -> None:
    """From here on the workspace may change."""
    (repo / FILE).unlink(missing_ok=True)


def fingerprint(repo: Path, paths: Iterable[str]) -> str:
    """A digest of all that DVC's answer depends on: its version, the pipeline's files, the state of each path."""
    digest = hashlib.sha256(f"{VERSION} {metadata.version('dvc')}\n".encode())
    for path in sorted(_control_files(repo)):
        digest.update(f"{path} {_content(repo / path)}\n".encode(errors="surrogateescape"))
    for path in sorted(paths):
        for line in _states(repo / path):
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def of_steps(repo: Path, steps: Iterable[Any]) -> Stamp | None:
    """The stamp of what DVC has just reproduced; None where its answer depends on more than these files."""
    steps = list(steps)
    paths = {".dvcignore"}
    for step in steps:
        if step.always_changed or step.is_callback or (step.is_import and not step.frozen):
            return None
        for item in (*step.deps, *step.outs):
            if item.protocol != "local" or not item.fs_path:
                return None
            paths.add(os.path.relpath(item.fs_path, repo))
    return Stamp(tuple(step.addressing for step in steps if step.cmd), tuple(sorted(paths)))


def _control_files(repo: Path) -> list[str]:
    listing = Git(repo / ".git", work_tree=repo).run("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    paths = [path.decode("utf-8", errors="surrogateescape") for path in listing.split(b"\0") if path]
    kept = [path for path in paths if graph.is_control_file(path) or path.endswith(".dvcignore")]
    return [*kept, ".dvc/config", ".dvc/config.local"]


def _content(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "-"


def _states(path: Path) -> Iterable[str]:
    try:
        found = path.lstat()
    except OSError:
        yield f"{path} -\n"
        return
    if path.is_symlink() or not path.is_dir():
        yield _line(str(path), found)
        return
    yield f"{path} folder\n"
    with os.scandir(path) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                yield from _states(Path(entry.path))
            else:
                yield _line(entry.path, entry.stat(follow_symlinks=False))


def _line(path: str, found: os.stat_result) -> str:
    return f"{path} {found.st_mode} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}\n"
