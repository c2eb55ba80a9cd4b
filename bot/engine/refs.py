"""The project's branches and tags, in memory: a list that people type into is answered within milliseconds."""

from __future__ import annotations

import threading

from bot.ports import CodeHost

MOST = 5_000
"""Branches that are remembered."""
NEWEST = 100
"""Branches that a quick look brings: one request."""
SHOWN = 100
"""Slack's limit for a list of choices."""


class Refs:
    """What GitLab last said. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._branches: dict[str, None] = {}
        self._tags: frozenset[str] = frozenset()
        self._known = False

    @property
    def known(self) -> bool:
        """Whether GitLab was ever heard."""
        return self._known

    @property
    def tags(self) -> frozenset[str]:
        """The newest tags."""
        return self._tags

    def refresh(self, code: CodeHost, *, most: int = NEWEST) -> None:
        """Ask GitLab again; a look at all branches also forgets those that are gone. Raises as `CodeHost` does."""
        branches, tags = code.branches(most=most), frozenset(tag.name for tag in code.tags())
        with self._lock:
            old = {} if len(branches) < most or most == MOST else self._branches
            self._branches = dict.fromkeys([*branches, *old])
            self._tags, self._known = tags, True

    def search(self, code: CodeHost, typed: str) -> None:
        """Ask GitLab for branches that hold `typed`, and remember them. Raises as `CodeHost` does."""
        found = code.branches(typed)
        with self._lock:
            self._branches.update(dict.fromkeys(found))

    def branches(self, typed: str = "") -> list[str]:
        """Up to SHOWN names that hold what was typed, in any case: those that begin with it first, then the newest."""
        word = typed.strip().casefold()
        with self._lock:
            found = [name for name in self._branches if word in name.casefold()]
        found.sort(key=lambda name: (name.casefold() != word, not name.casefold().startswith(word)))
        return found[:SHOWN]
