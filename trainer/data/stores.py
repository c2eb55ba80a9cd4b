"""Which store a remote is. S3 and folders directly, others through DVC's file systems (a second slower)."""

from __future__ import annotations

from pathlib import Path

from trainer.data.remote import Remote
from trainer.data.store import Store


def open_store(remote: Remote) -> Store:
    """The store of that remote."""
    if remote.scheme == "":
        from trainer.data.folder import FolderStore  # noqa: PLC0415 - each kind loads only its own libraries

        return FolderStore(Path(remote.url))
    if remote.scheme == "s3":
        from trainer.data.s3 import S3Store  # noqa: PLC0415 - as above

        return S3Store(remote)
    from trainer.data.by_dvc import DvcStore  # noqa: PLC0415 - as above

    return DvcStore(remote)
