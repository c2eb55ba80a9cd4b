"""The files of the project's commits as GitLab holds them, remembered by their content: a branch differs little."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.ports import CodeHost

COMMITS = 32
"""How many lists of files are remembered."""
BYTES = 8_000_000
"""How much content is remembered."""
AT_ONCE = 6
"""Files that are asked for at the same time: a pipeline names dozens, and GitLab takes a while for each."""

Value = TypeVar("Value")


class Memory(Generic[Value]):
    """What was used last, as much of it as fits; `size` says how much one takes. Safe from any thread."""

    def __init__(self, room: int, size: Callable[[Value], int] = lambda _value: 1) -> None:
        self._room, self._size, self._taken = room, size, 0
        self._values: OrderedDict[str, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Value | None:
        """What is remembered of the key, if anything."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: str, value: Value) -> None:
        """Remember it, and forget what was not used for longest."""
        with self._lock:
            if key in self._values or self._size(value) > self._room:
                return
            self._values[key] = value
            self._taken += self._size(value)
            while self._taken > self._room:
                self._taken -= self._size(self._values.popitem(last=False)[1])


@dataclass(frozen=True)
class Source:
    """One commit. `paths`: the path of each regular file -> git's id of its content; None when there are too many.

    Then a file can still be read by its name, each time anew.
    """

    commit: str
    paths: Mapping[str, str] | None
    _fetch: Callable[[str, str], bytes | None]

    def read(self, path: str) -> bytes | None:
        """The content of a file; None for what is none. May ask GitLab."""
        if self.paths is None:
            return self._fetch(path, "")
        oid = self.paths.get(path)
        return None if oid is None else self._fetch(path, oid)

    def fetch(self, paths: Iterable[str]) -> None:
        """Bring what is not remembered of these files, several at a time."""
        wanted = [path for path in dict.fromkeys(paths) if path in (self.paths or {})]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="source") as pool:
            for _content in pool.map(self.read, wanted):
                pass


class Sources:
    """What is remembered of one project."""

    def __init__(self) -> None:
        self._lists: Memory[Mapping[str, str]] = Memory(COMMITS)
        self._contents: Memory[bytes] = Memory(BYTES, len)

    def at(self, code: CodeHost, commit: str) -> Source:
        """The commit (40 hex digits). Asks GitLab where it is not remembered; raises as `CodeHost` does."""
        paths = self._lists.get(commit)
        if paths is None:
            paths = code.tree(commit)
            if paths is not None:
                self._lists.put(commit, paths)

        def fetch(path: str, oid: str) -> bytes | None:
            content = self._contents.get(oid) if oid else None
            if content is None:
                content = code.file(path, commit)
                if content is not None and oid:
                    self._contents.put(oid, content)
            return content

        return Source(commit, paths, fetch)
