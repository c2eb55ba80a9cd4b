"""A commit of the project as git holds it: its files' list, its pipeline, its remote. Never read from the workspace."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trainer.code.mirror import Entry, Mirror
from trainer.data import remote
from trainer.data.remote import Remote
from trainer.definition import graph
from trainer.definition.graph import Graph, TemplatedError
from trainer.failure import StepError

_LINK = "120000"
_SUBMODULE = "160000"
_CONFIG = ".dvc/config"


@dataclass(frozen=True)
class Project:
    """`graph` is what `dvc repro` looks at; `files` holds the control files and .dvc/config by path."""

    mirror: Mirror
    tree: str
    entries: Mapping[str, Entry]
    graph: Graph
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def links(self) -> list[str]:
        """Tracked symbolic links."""
        return [path for path, entry in self.entries.items() if entry.mode == _LINK]

    @property
    def submodules(self) -> list[str]:
        """Tracked submodules; they are not fetched."""
        return [path for path, entry in self.entries.items() if entry.mode == _SUBMODULE]

    def read(self, path: str) -> bytes | None:
        """The content of a tracked regular file; None for anything else."""
        if path in self.files:
            return self.files[path]
        return self.read_all([path]).get(path)

    def read_all(self, paths: Iterable[str]) -> dict[str, bytes]:
        """The contents of those that are tracked regular files, with one call to git."""
        found = [self.entries[path] for path in paths if path in self.entries]
        regular = [entry for entry in found if entry.mode not in (_LINK, _SUBMODULE)]
        contents = self.mirror.contents(entry.oid for entry in regular)
        return {entry.path: contents[entry.oid] for entry in regular}

    def remote(self, wanted: str | None, repo: Path) -> Remote:
        """The remote of the data (see `trainer.remote.find`)."""
        return remote.find(self.files[_CONFIG], wanted, repo / ".dvc")


def load(mirror: Mirror, tree: str) -> Project:
    """The project at a commit or tree.

    Raises:
        StepError: it is no DVC project, has no pipeline, or its pipeline is not valid.
    """
    entries = {entry.path: entry for entry in mirror.entries(tree)}
    if _CONFIG not in entries:
        raise StepError("pipeline", "There is no .dvc/config here: run `dvc init` in the project, commit, train again.")
    wanted = [entry for path, entry in entries.items() if graph.is_control_file(path) or path == _CONFIG]
    contents = mirror.contents(entry.oid for entry in wanted)
    files = {entry.path: contents[entry.oid] for entry in wanted}
    found = _graph(mirror, tree, files)
    if not found.stages:
        raise StepError(
            "pipeline",
            "This branch has no dvc.yaml with stages, so there is nothing to train. Add one with `dvc stage add`.",
        )
    reproduced = found.reproduced()
    reproduced.check_paths()
    return Project(mirror, tree, entries, reproduced, files)


def _graph(mirror: Mirror, tree: str, files: Mapping[str, bytes]) -> Graph:
    try:
        return graph.read(files)
    except TemplatedError:
        from trainer.project import scratch_repo  # noqa: PLC0415 - a second slower, and only needed here

        with tempfile.TemporaryDirectory(dir=mirror.path.parent, prefix=".resolve-") as aside:
            folder = Path(aside) / "repo"
            scratch_repo.check_out(mirror, tree, folder, cache=Path(aside) / "cache")
            return graph.read(files, scratch_repo.stages(folder))
