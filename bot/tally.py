"""How often each door failed since the process began, for `/metrics`.

One tally for the whole process, on purpose: errors are translated at the doors' edges, in functions that belong to
no object of ours.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bot.errors import Conflict, DoorError, NotFound, Unauthorised, Unavailable

_KINDS = ((Unavailable, "unavailable"), (Unauthorised, "unauthorised"), (NotFound, "not_found"), (Conflict, "conflict"))


class Tally:
    """Counts that only grow. Safe from any thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, door: str, error: DoorError) -> None:
        """One more."""
        with self._guard:
            self._counts[door, _kind(error)] += 1

    @contextmanager
    def of(self, door: str) -> Iterator[None]:
        """Count a `DoorError` that comes out of the block."""
        try:
            yield
        except DoorError as error:
            self.count(door, error)
            raise

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Door and kind of error -> how often until now."""
        with self._guard:
            return dict(self._counts)


def _kind(error: DoorError) -> str:
    return next((name for kind, name in _KINDS if isinstance(error, kind)), "refused")


DOORS = Tally()
