"""The files of a result that its plots are drawn from: in DVC's cache by themselves or in a folder, or in git."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from trainer.data.objects import Cache, Object, root_of
from trainer.definition.graph import Out, overlap
from trainer.definition.plots import Declared
from trainer.project.commit import Project
from trainer.project.rows import SUFFIXES, Row, RowsError, rows

LARGEST = 4 * 1024 * 1024
"""Bytes of a file that is read."""
MANY = 100
"""Files that are read, at most."""


class PlotFiles:
    """What the plots that are `declared` name, of what there is. The lists of DVC's folders have to be in the cache."""

    def __init__(self, project: Project, cache: Cache, declared: Sequence[Declared]) -> None:
        self._project, self._cache, self.declared = project, cache, declared
        named = {path for plot in declared for each in plot.series for path in (each.file, each.x_file)}
        outs = [out for out in project.graph.outs if out.cached and any(overlap(out.path, path) for path in named)]
        objects = {path: item for out in outs for path, item in self._objects(out).items()}
        below = [path for path in (*objects, *project.entries) if _is_at(path, named)]
        self.folders = frozenset(name for name in named if any(path.startswith(f"{name}/") for path in below))
        self.paths = tuple(dict.fromkeys(path for path in below if path.endswith(SUFFIXES)))[:MANY]
        self._objects_by_path = {path: item for path, item in objects.items() if path in self.paths}
        self._tracked: dict[str, bytes] | None = None
        self.rows = lru_cache(maxsize=4)(self._rows)  # several columns of a file are read after one another

    def needed(self) -> list[Object]:
        """Objects that have to be in the cache to be read."""
        return [item for item in self._objects_by_path.values() if (item.size or 0) <= LARGEST]

    def _rows(self, path: str, header: bool) -> list[Row]:
        """The rows of a file. Raises `RowsError`."""
        content = self._read(path)
        if content is None:
            raise RowsError(f"{path[-100:]} is not there, or is too large")
        try:
            return rows(path, content, header=header)
        except RowsError as error:
            raise RowsError(f"{path[-100:]} {error}") from error

    def _read(self, path: str) -> bytes | None:
        item = self._objects_by_path.get(path)
        if item is None:
            content = self._in_git().get(path)
            return content if content is not None and len(content) <= LARGEST else None
        size = self._cache.size(item)
        return self._cache.read(item) if size is not None and size <= LARGEST else None

    def _in_git(self) -> Mapping[str, bytes]:
        if self._tracked is None:
            self._tracked = self._project.read_all(path for path in self.paths if path not in self._objects_by_path)
        return self._tracked

    def _objects(self, out: Out) -> dict[str, Object]:
        """Path -> object, of an output or of all files in it."""
        if out.oid is None:
            return {}
        root = root_of(out)
        if not root.is_dir:
            return {out.path: root}
        members = _listed(self._cache.read(root))
        return {
            posixpath.join(out.path, relpath): Object(oid, out.algorithm, f"{out.path}/{relpath}")
            for relpath, oid in members.items()
        }


def _listed(content: bytes | None) -> dict[str, str]:
    """Relative path -> checksum, of a folder's list."""
    items: list[Any] = json.loads(content) if content else []
    return {str(item["relpath"]): str(item["md5"]) for item in items}


def _is_at(path: str, named: Iterable[str]) -> bool:
    return any(path == name or path.startswith(f"{name}/") for name in named)
