"""Files that are there whole or not at all, whenever the power goes. Standard library only."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace the file: a reader sees the old content or the new one."""
    temporary = _beside(path)
    _create(temporary, content, mode)
    temporary.replace(path)


def create(path: Path, content: bytes, *, mode: int = 0o644) -> bool:
    """Make the file unless it exists; of several at once one wins. Returns whether this call made it."""
    temporary = _beside(path)
    _create(temporary, content, mode)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    return True


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Replace the file with one JSON object."""
    write(path, json.dumps(record).encode() + b"\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in the file, or None where there is no such file, or something else in it."""
    try:
        record = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _beside(path: Path) -> Path:
    """A name that nobody else uses, neither another process nor another thread."""
    return path.with_name(f".{path.name}.{os.urandom(6).hex()}")


def _create(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, opened with the mode it must have from the start
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
