"""Objects: the content-addressed files that make up a project's data, in DVC's cache and on its remote.

An object is named by the MD5 of its bytes (DVC 2 wrote text files' with line ends made alike: `md5-dos2unix`). A
folder is an object too, whose name ends in `.dir` and whose bytes are JSON: `[{"md5": ..., "relpath": ...}, ...]`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from trainer import durable
from trainer.definition.graph import Out
from trainer.failure import StepError

_OID = re.compile(r"[0-9a-f]{32}(\.dir)?")
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Object:
    """One object. `path` is what a person knows it by; `size` in bytes, None where only the file itself would tell."""

    oid: str
    algorithm: str
    path: str
    size: int | None = None

    @property
    def key(self) -> str:
        """Where it lies, below the root of a cache and of a remote alike."""
        place = f"{self.oid[:2]}/{self.oid[2:]}"
        return f"files/md5/{place}" if self.algorithm == "md5" else place

    @property
    def is_dir(self) -> bool:
        """Whether it lists the members of a folder."""
        return self.oid.endswith(".dir")


@dataclass(frozen=True)
class Tree:
    """An output's objects: itself, and for a folder its members (without those that are alike)."""

    out: Out
    root: Object
    members: tuple[Object, ...] = ()
    oids: tuple[str, ...] = ()
    """Of every file in the folder, those that are alike included."""

    @property
    def objects(self) -> tuple[Object, ...]:
        """Members first: on a remote, a folder's list promises that its members are there."""
        return (*self.members, self.root)


def root_of(out: Out) -> Object:
    """The object of an output that was made.

    Raises:
        StepError: its checksum is none.
    """
    if out.oid is None or not _OID.fullmatch(out.oid):
        raise StepError("pipeline", f"{out.path} has no MD5 checksum in dvc.lock ({out.oid}).")
    return Object(out.oid, out.algorithm, out.path, None if out.is_dir else out.size)


def tree_of(out: Out, read: Callable[[Object], bytes | None]) -> Tree | None:
    """The output's objects; None when `read` has no list of the folder's members.

    Raises:
        StepError: the list is not one.
    """
    root = root_of(out)
    if not root.is_dir:
        return Tree(out, root)
    content = read(root)
    if content is None:
        return None
    try:
        pairs = [(str(item["md5"]), str(item["relpath"])) for item in json.loads(content)]
    except (ValueError, KeyError, TypeError) as error:
        raise StepError("corrupt-data", f"The list of the files in {out.path} ({root.oid}) cannot be read.") from error
    members: dict[str, Object] = {}
    for oid, relpath in pairs:
        if not _OID.fullmatch(oid):
            raise StepError("corrupt-data", f"The list of the files in {out.path} ({root.oid}) holds {oid!r}.")
        members.setdefault(oid, Object(oid, out.algorithm, f"{out.path}/{relpath}"))
    return Tree(out, root, tuple(members.values()), tuple(oid for oid, _ in pairs))


@dataclass(frozen=True)
class Cache:
    """DVC's cache at a location. What lies there under a name is taken for it, as DVC does, until it is sent away."""

    root: Path

    def path(self, item: Object) -> Path:
        """Where the object lies, or would."""
        return self.root / item.key

    def size(self, item: Object) -> int | None:
        """Its size in bytes, or None when it is not there. One of another size than known is not there."""
        try:
            found = self.path(item).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None
        return None if item.size is not None and found != item.size else found

    def has(self, item: Object) -> bool:
        """Whether the object is there."""
        return self.size(item) is not None

    def read(self, item: Object) -> bytes | None:
        """The bytes of a small object, or None when it is not there or is another."""
        try:
            content = self.path(item).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return content if matches(item, content) else None

    def missing(self, items: Iterable[Object]) -> list[Object]:
        """Those that are not there."""
        return [item for item in items if not self.has(item)]

    def put(self, item: Object, content: bytes) -> None:
        """Keep a small object."""
        path = self.path(item)
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write(path, content, mode=0o444)


def matches(item: Object, content: bytes) -> bool:
    """Whether these are the bytes that the object's name promises."""
    return _matches(item, hashlib.md5(content, usedforsecurity=False).hexdigest(), lambda: content)


def file_matches(item: Object, path: Path) -> bool:
    """Whether the file holds the bytes that the object's name promises; reads it in pieces."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL) if hasattr(os, "posix_fadvise") else None
        while piece := file.read(_CHUNK):
            digest.update(piece)
    return _matches(item, digest.hexdigest(), path.read_bytes)


def _matches(item: Object, digest: str, content: Callable[[], bytes]) -> bool:
    wanted = item.oid.removesuffix(".dir")
    if digest == wanted:
        return True
    if item.algorithm == "md5":
        return False
    return hashlib.md5(content().replace(b"\r\n", b"\n"), usedforsecurity=False).hexdigest() == wanted
