"""One bot a ledger: a second one that is started refuses (fault 30)."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from bot.errors import UserError


class SingleInstance:
    """Holds `path` locked until it is closed or the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise UserError(
                f"Another Stationmaster works on {path.parent} already. Stop it first, or give this one another "
                "STATIONMASTER_HOME."
            ) from None

    def release(self) -> None:
        """Let another one start."""
        os.close(self._descriptor)
