"""How much room is left at the location. Standard library only."""

from __future__ import annotations

import shutil
from pathlib import Path

LITTLE = 2_000_000_000
"""Bytes below which a step had better say so before it begins."""


def free(folder: Path) -> int:
    """Bytes that may still be written on the file system of `folder`."""
    return shutil.disk_usage(folder).free


def warning(left: int) -> str | None:
    """What to say of so many free bytes; None when there are enough."""
    if left >= LITTLE:
        return None
    return f"Only {left / 1_000_000:,.0f} MB are free at this location. Free space there before the disk is full."
