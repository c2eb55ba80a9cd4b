"""One demo at a time in one folder: a lock that ends with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

NAME = "demo.lock"


class TakenError(Exception):
    """Another process has the folder. `pid` is None when the lock does not say whose it is (yet)."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(pid)
        self.pid = pid


class Claim:
    """Holds the folder until `release`, or until this process is gone.

    Raises:
        TakenError: somebody else holds it.
    """

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = (home / NAME).open("a+", encoding="ascii")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().strip()
            self._file.close()
            raise TakenError(int(holder) if holder.isdigit() else None) from None
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        """Let the next one in. The file stays: removing it would let two processes hold two locks."""
        self._file.truncate(0)
        self._file.close()
