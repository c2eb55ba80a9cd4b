"""Files: an address to send the bytes to, the bytes, and the file once it is complete."""

from __future__ import annotations

import mimetypes
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import quote

from bot.clock import Clock
from bot.sandbox.slack.archive import Archive
from bot.sandbox.slack.message import SharedFile
from bot.sandbox.slack.pictures import size_of
from bot.sandbox.slack.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way: `length` bytes are promised, `received` says whether they came."""

    id: str
    name: str
    length: int
    secret: str
    received: bool = False
    alt: str = ""

    @property
    def path(self) -> str:
        """Where to send the bytes, from the root of the stand-in; the secret is its signature."""
        return f"/upload/v1/{self.secret}/{self.id}"


class Uploads:
    """All files, their bytes in `folder` under their ids."""

    def __init__(self, archive: Archive, folder: Path, clock: Clock) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._archive = archive
        self._folder = folder
        self._clock = clock
        self._uploads = {each["id"]: Upload(**each) for each in archive.every("upload")}
        self._files = {each["id"]: SharedFile(**each) for each in archive.every("file")}

    def begin(self, name: str, length: int, alt: str = "") -> Upload:
        """Promise a file; `alt` says what a picture shows."""
        upload = Upload("F" + secrets.token_hex(5).upper(), name, length, secrets.token_urlsafe(16), alt=alt)
        self._put(upload)
        return upload

    def receive(self, upload_id: str, secret: str, content: bytes) -> bool:
        """Take the bytes; False when the address is not one that was given out, or they are too few or too many."""
        upload = self._uploads.get(upload_id)
        if upload is None or upload.secret != secret or len(content) != upload.length:
            return False
        (self._folder / upload.id).write_bytes(content)
        self._put(replace(upload, received=True))
        return True

    def complete(self, upload_id: str, title: str) -> SharedFile:
        """The finished file, the same again if it was finished before; `file_not_found` before the bytes came."""
        upload = self._uploads.get(upload_id)
        if upload is None or not upload.received:
            raise Refusal("file_not_found")
        kind = mimetypes.guess_type(upload.name)[0] or "application/octet-stream"
        path = f"/files/{upload.id}/{quote(upload.name, safe='')}"
        created = int(self._clock.now())
        width, height = size_of((self._folder / upload.id).read_bytes()) if kind.startswith("image/") else (0, 0)
        file = SharedFile(
            upload.id,
            upload.name,
            title or upload.name,
            kind,
            upload.length,
            path,
            created,
            alt=upload.alt,
            width=width,
            height=height,
        )
        self._files[file.id] = file
        self._archive.put("file", file.id, asdict(file))
        return file

    def file(self, file_id: str) -> SharedFile:
        """A finished file, or `file_not_found`."""
        try:
            return self._files[file_id]
        except KeyError:
            raise Refusal("file_not_found") from None

    def content(self, file_id: str) -> bytes:
        """The bytes of a finished file, or `file_not_found`."""
        return (self._folder / self.file(file_id).id).read_bytes()

    def _put(self, upload: Upload) -> None:
        self._uploads[upload.id] = upload
        self._archive.put("upload", upload.id, asdict(upload))
