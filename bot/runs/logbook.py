"""The runs' full logs, kept beside the ledger so that they can be read when the machine is off."""

from __future__ import annotations

import os
from pathlib import Path


class LogBook:
    """One file a run, written at exact offsets: writing the same piece again changes nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, uid: str) -> Path:
        """Where the log of the run with that uid is."""
        return self.folder / f"run-{uid}.log"

    def write(self, uid: str, offset: int, content: bytes) -> None:
        """Put `content` at byte `offset`."""
        descriptor = os.open(self.path(uid), os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            os.pwrite(descriptor, content, offset)
        finally:
            os.close(descriptor)
