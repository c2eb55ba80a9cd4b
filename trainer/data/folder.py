"""A remote that is a folder of this machine (a mounted disk, a network share)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from trainer.data.objects import Object
from trainer.data.store import MissingError, Progress
from trainer.failure import StepError


class FolderStore:
    """See `trainer.data.store.Store`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def sizes(self, items: Iterable[Object]) -> dict[str, int]:
        """See `Store.sizes`."""
        found = {}
        for item in items:
            try:
                found[item.key] = (self._root / item.key).stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise _refused(self._root, error) from error
        return found

    def get(self, item: Object, target: Path, progress: Progress) -> None:
        """See `Store.get`."""
        try:
            shutil.copyfile(self._root / item.key, target)
        except FileNotFoundError as error:
            raise MissingError(item.key) from error
        progress(target.stat().st_size)

    def put(self, item: Object, source: Path, progress: Progress) -> None:
        """See `Store.put`."""
        self._copy(source, item.key)
        progress(source.stat().st_size)

    def put_named(self, key: str, source: Path) -> None:
        """See `Store.put_named`."""
        if not (self._root / key).exists():
            self._copy(source, key)

    def _copy(self, source: Path, key: str) -> None:
        target = self._root / key
        temporary = target.with_name(f".{target.name}.{os.urandom(6).hex()}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, temporary)
            temporary.replace(target)
        except PermissionError as error:
            raise _refused(self._root, error) from error


def _refused(root: Path, error: OSError) -> StepError:
    return StepError("credentials", f"The remote's folder {root} cannot be used: {error.strerror}.")
