"""The door to a remote: where objects are, by name. Small, so that each kind of remote is one short file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from trainer.data.objects import Object

Progress = Callable[[int], None]
"""Told how many bytes more were moved."""


class MissingError(Exception):
    """The object is not on the remote."""


class Store(Protocol):
    """A remote. Safe to be used by several threads at once.

    Every call raises `StepError` with cause `credentials` or `network` when the remote refuses or does not answer.
    """

    def sizes(self, items: Iterable[Object]) -> dict[str, int]:
        """Key -> size in bytes of those that are there, as the remote says it now; nothing is remembered.

        One whose bytes are known to be others than its name promises counts as absent.
        """

    def get(self, item: Object, target: Path, progress: Progress) -> None:
        """Write the object's bytes to `target`, unchecked.

        Raises:
            MissingError: it is not there.
        """

    def put(self, item: Object, source: Path, progress: Progress) -> None:
        """Make the object, or replace it. It is there whole when this returns, and never in part."""

    def put_named(self, key: str, source: Path) -> None:
        """Put a small file that is not named by its content (an entry of the run cache), unless it exists."""
