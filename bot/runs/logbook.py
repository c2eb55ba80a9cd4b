"""The runs' full logs, kept beside the ledger so that they can be read when the machine is off."""

from __future__ import annotations

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

TAIL_BYTES = 40_000
"""As far back as the last lines are looked for."""


class LogBook:
    """One file a run, written at exact offsets: writing the same piece again changes nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, uid: str) -> Path:
        """Where the log of the run with that uid is."""
        return self.folder / f"run-{uid}.log"

    def write(self, uid: str, offset: int, content: bytes) -> bool:
        """Put `content` at byte `offset`; False when the disk did not take all of it, and it has to be tried again."""
        try:
            descriptor = os.open(self.path(uid), os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                return os.pwrite(descriptor, content, offset) == len(content)
            finally:
                os.close(descriptor)
        except OSError as error:
            log.warning("the log of run %s cannot be kept: %s", uid, error)
            return False

    def tail(self, uid: str, lines: int) -> list[str]:
        """The last lines of what is kept, without empty ones; none when nothing is."""
        try:
            with self.path(uid).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
                said = file.read().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return []
        return [line for line in said.splitlines() if line.strip()][-lines:]
