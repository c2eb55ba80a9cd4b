"""A remote of any other kind that DVC knows (gs, azure, ssh, http, ...), through DVC's own file systems.

They are opened from a repository made aside, so that nothing of the workspace is read in a process that has
credentials.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo

from trainer.data.objects import Object
from trainer.data.remote import Remote
from trainer.data.store import MissingError, Progress
from trainer.failure import StepError

THREADS = 8


class DvcStore:
    """See `trainer.data.store.Store`."""

    def __init__(self, remote: Remote) -> None:
        self._name = remote.name
        try:
            opened = _open(remote)
        except (DvcException, ImportError) as error:
            raise StepError(
                "pipeline", f"The remote {remote.name!r} ({remote.url}) cannot be opened: {error}"
            ) from error
        self._fs: Any = opened.fs
        self._root: str = opened.path

    def sizes(self, items: Iterable[Object]) -> dict[str, int]:
        """See `Store.sizes`."""
        wanted = list(items)
        with ThreadPoolExecutor(THREADS) as pool:
            sizes = pool.map(self._size, wanted)
            return {item.key: size for item, size in zip(wanted, sizes, strict=True) if size is not None}

    def get(self, item: Object, target: Path, progress: Progress) -> None:
        """See `Store.get`."""
        try:
            self._fs.get_file(self._path(item.key), str(target))
        except FileNotFoundError as error:
            raise MissingError(item.key) from error
        except OSError as error:
            raise self._failure("fetching", item.path, error) from error
        progress(target.stat().st_size)

    def put(self, item: Object, source: Path, progress: Progress) -> None:
        """See `Store.put`."""
        self._put(source, item.key)
        progress(source.stat().st_size)

    def put_named(self, key: str, source: Path) -> None:
        """See `Store.put_named`."""
        if not self._fs.exists(self._path(key)):
            self._put(source, key)

    def _put(self, source: Path, key: str) -> None:
        path = self._path(key)
        try:
            self._fs.makedirs(self._fs.parent(path), exist_ok=True)
            self._fs.put_file(str(source), path)
        except (OSError, NotImplementedError) as error:
            raise self._failure("storing", key, error) from error

    def _size(self, item: Object) -> int | None:
        try:
            return int(self._fs.info(self._path(item.key))["size"])
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failure("looking at", item.path, error) from error

    def _path(self, key: str) -> str:
        return str(self._fs.join(self._root, *key.split("/")))

    def _failure(self, deed: str, what: str, error: Exception) -> StepError:
        cause = "credentials" if isinstance(error, PermissionError) else "network"
        return StepError(cause, f"The remote {self._name!r} failed while {deed} {what}: {error}")


def _open(remote: Remote) -> Any:
    with tempfile.TemporaryDirectory(prefix="stationmaster-") as folder:
        (Path(folder) / ".dvc").mkdir()
        (Path(folder) / ".dvc/config").write_text("[core]\n    no_scm = true\n", encoding="utf-8")
        options = {"url": remote.url, **remote.options}
        config = {
            "core": {"no_scm": True, "remote": remote.name, "site_cache_dir": f"{folder}/site"},
            "remote": {remote.name: options},
        }
        repo = Repo(folder, config=config)
        try:
            return repo.cloud.get_remote_odb(remote.name, hash_name="md5-dos2unix")
        finally:
            repo.close()
