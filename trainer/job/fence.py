"""The fence of a workspace: a number that only grows; an older one changes nothing. Standard library only."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from trainer import durable
from trainer.failure import FencedError


def read(path: Path) -> int:
    """The highest fence seen so far; 0 before the first.

    Raises:
        ValueError: the file holds no number: nobody may go on until a person has looked.
    """
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return 0
    return int(text)


def check(path: Path, ours: int) -> None:
    """Go on only while nobody newer owns the workspace; called right before each deed that cannot be undone.

    Raises:
        FencedError: somebody newer does.
    """
    seen = read(path)
    if seen > ours:
        raise FencedError(ours, seen)


@contextlib.contextmanager
def raised(path: Path, ours: int) -> Iterator[None]:
    """Raise the fence to `ours` and hold it there while the block runs: no two launches are in it at once.

    Raises:
        FencedError: the fence is higher already.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        check(path, ours)
        if ours > read(path):
            durable.write(path, f"{ours}\n".encode("ascii"))
        yield
