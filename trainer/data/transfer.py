"""Moving objects between a cache and a remote: in parallel, checked, and safe to be broken off anywhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from trainer import crashpoints
from trainer.data.objects import Cache, Object, file_matches
from trainer.data.progress import Transfer
from trainer.data.store import MissingError, Store
from trainer.events import EventLog
from trainer.failure import StepError

THREADS = 16
ATTEMPTS = 3
"""How often an object is asked for when the line breaks in the middle of it."""


def pull(
    store: Store, cache: Cache, items: Sequence[Object], events: EventLog, *, bytes_total: int | None = None
) -> None:
    """Bring objects into the cache; each is checked against its name before it is called so.

    `bytes_total` is for those who know it although the objects' own sizes are not known (members of folders).

    Raises:
        StepError: `missing-data` or `corrupt-data`, with the file that a person knows; or the remote's own failure.
    """
    if not items:
        return
    total = _total(item.size for item in items) if bytes_total is None else bytes_total
    transfer = Transfer(events, "pull", files_total=len(items), bytes_total=total)

    def one(item: Object) -> None:
        target = cache.path(item)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.urandom(6).hex()}")
        try:
            _get(store, item, temporary, transfer)
            temporary.chmod(0o444)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        transfer.add_file()

    _each(one, items)
    transfer.finish()


def push(store: Store, cache: Cache, items: Sequence[Object], events: EventLog) -> int:
    """Bring objects from the cache to the remote, folders' lists after their members; returns the bytes sent.

    Raises:
        StepError: an object's bytes in the cache are not what its name says; or the remote's own failure.
    """
    if not items:
        return 0
    sizes = [cache.size(item) for item in items]
    transfer = Transfer(events, "push", files_total=len(items), bytes_total=_total(sizes))

    def one(item: Object) -> None:
        source = cache.path(item)
        if not file_matches(item, source):
            raise StepError(
                "corrupt-data",
                f"{item.path} is damaged in the cache of this location ({source.name}). It was not uploaded.",
            )
        store.put(item, source, transfer.add_bytes)
        transfer.add_file()
        crashpoints.reach("publish.half-uploaded")

    _each(one, [item for item in items if not item.is_dir])
    _each(one, [item for item in items if item.is_dir])
    transfer.finish()
    return transfer.bytes


def missing(items: Iterable[Object]) -> StepError:
    """What a person reads when data is on no remote: which files, and what to do."""
    paths = [item.path for item in items]
    shown = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")  # noqa: PLR2004
    verb = "is" if len(paths) == 1 else "are"
    return StepError(
        "missing-data", f"{shown} {verb} not on the remote. Run `dvc push` where the data is, then train again."
    )


def _get(store: Store, item: Object, temporary: Path, transfer: Transfer) -> None:
    for attempt in range(ATTEMPTS):
        try:
            store.get(item, temporary, transfer.add_bytes)
            break
        except MissingError as error:
            raise missing([item]) from error
        except StepError as error:
            if error.cause != "network" or attempt == ATTEMPTS - 1:
                raise
    if not file_matches(item, temporary):
        raise StepError(
            "corrupt-data",
            f"{item.path} on the remote is not what its checksum says ({item.oid}). "
            "Run `dvc push` again from a good copy, after removing the damaged object.",
        )


def _each(deed: Callable[[Object], None], items: Sequence[Object]) -> None:
    """Do it for all, several at a time; the first failure stops those that have not begun."""
    with ThreadPoolExecutor(THREADS) as pool:
        futures = [pool.submit(deed, item) for item in items]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _total(sizes: Iterable[int | None]) -> int | None:
    known = list(sizes)
    return None if any(size is None for size in known) else sum(size or 0 for size in known)
