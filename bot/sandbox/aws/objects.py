"""S3 over moto: every object written through to disk, and the public kept out of private buckets."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from moto.s3.models import FakeKey, s3_backends

from bot.sandbox.aws.faults import Faults
from bot.sandbox.aws.http import Answer, Request
from bot.sandbox.aws.moto import Moto
from bot.sandbox.aws.store import Store, StoredObject

_OBJECT = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
_BUCKET = {"GET": "ListObjectsV2", "HEAD": "HeadBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}
_SUBRESOURCES = (
    "acl",
    "lifecycle",
    "location",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "retention",
    "tagging",
    "versioning",
)
_WRITTEN = ("PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject")
_STRIPES = 64
_FACTS = ("checksum_algorithm", "checksum_value", "checksum_type", "checksum_parts")


class StoredValue:
    """The content of an object, read from its file each time: thousands of objects take no memory and no handles.

    It stands where moto keeps a temporary file, and knows only what moto asks of that.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0

    def seek(self, offset: int) -> int:
        """Go to `offset` bytes from the start."""
        self._at = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes from here, or all the rest."""
        with self._path.open("rb") as file:
            file.seek(self._at)
            content = file.read(size)
        self._at += len(content)
        return content

    def close(self) -> None:
        """Nothing is open."""


class Buckets:
    """All buckets of the stand-in.

    What lasts over a restart: buckets, their policies, and the newest version of each object with its metadata and
    checksums. Older versions, tags and access lists of single objects do not.
    """

    def __init__(self, moto: Moto, store: Store, faults: Faults) -> None:
        self._moto = moto
        self._store = store
        self._faults = faults
        self._stripes = [threading.Lock() for _ in range(_STRIPES)]

    def load(self) -> None:
        """Give moto everything that is on disk; the bytes stay there."""
        self._store.sweep()
        for name, region, policy in self._store.buckets():
            self._make(name, region, policy)
        for row in self._store.objects():
            bucket = self._moto.s3.get_bucket(row.bucket)
            bucket.keys[row.key] = self._key(row)

    def unload(self) -> None:
        """Take everything out of moto again, leaving the disk as it is."""
        for name, bucket in list(self._moto.s3.buckets.items()):
            for key in list(bucket.keys):
                bucket.keys.pop(key)
            for upload in bucket.multiparts.values():
                upload.dispose()
            self._moto.s3.delete_bucket(name)

    def ensure(self, name: str, *, public: bool) -> None:
        """Make the bucket when there is none; its policy is only set when it is made."""
        if name in self._moto.s3.buckets:
            return
        self._make(name, self._moto.region, _public_policy(name) if public else None)
        self._keep_bucket(name)

    def answer(self, request: Request) -> Answer:
        """One S3 request, from the door to the disk."""
        bucket, _, key = request.path.lstrip("/").partition("/")
        operation = operation_of(request, key)
        if not _signed(request):
            if key == "" or operation not in ("GetObject", "HeadObject") or not self._is_public(bucket):
                return refuse("AccessDenied", HTTPStatus.FORBIDDEN, "Access Denied")
            request = request.with_header("authorization", _as_signed(self._moto.region))
        if operation in ("PutObject", "UploadPart") and _is_form(request):
            # What curl and urllib say when nobody says anything; moto would take the content for a form and drop it.
            request = request.with_header("content-type", "binary/octet-stream")
        return self._faults.meet(
            self._faults.take(operation),
            lambda: self._do(request, operation, bucket, key),
            lambda code, status: refuse(code, status, "A fault of the sandbox, on order."),
        )

    def _do(self, request: Request, operation: str, bucket: str, key: str) -> Answer:
        if operation in _WRITTEN:
            # One writer a key at a time: "only when there is none" and the file on disk depend on it.
            with self._stripes[hash((bucket, key)) % _STRIPES]:
                answer = self._moto.answer(request, "s3")
                if answer.ok:
                    if operation == "CopyObject":
                        self._forget_checksum(bucket, key)
                    self._keep_object(bucket, key)
            return answer
        answer = self._moto.answer(request, "s3")
        if not answer.ok:
            return answer
        if operation == "DeleteObjects":
            for name in _named(request.body):
                with self._stripes[hash((bucket, name)) % _STRIPES]:
                    self._keep_object(bucket, name)
        elif operation == "DeleteBucket":
            self._store.drop_bucket(bucket)
        elif operation in ("CreateBucket", "PutBucketPolicy", "DeleteBucketPolicy"):
            self._keep_bucket(bucket)
        return answer

    def _make(self, name: str, region: str, policy: str | None) -> None:
        _forget_owner(name)
        bucket = self._moto.s3.create_bucket(name, region)
        bucket.policy = policy.encode() if policy else None

    def _keep_bucket(self, name: str) -> None:
        bucket = self._moto.s3.get_bucket(name)
        self._store.put_bucket(name, bucket.region_name, bucket.policy.decode() if bucket.policy else None)

    def _keep_object(self, bucket: str, name: str) -> None:
        """Bring the disk to what moto holds of one key."""
        key = self._moto.s3.get_bucket(bucket).keys.get(name)
        if not isinstance(key, FakeKey):
            self._store.drop_object(bucket, name)
            return
        facts = {
            "etag": key.etag.strip('"'),
            "modified": key.last_modified.replace(tzinfo=UTC).timestamp(),
            "metadata": dict(key.metadata),
            **{fact: getattr(key, fact) for fact in _FACTS},
        }
        path = self._store.put_object(bucket, name, key.value, facts)
        with key.lock:
            held, key._value_buffer = key._value_buffer, StoredValue(path)  # noqa: SLF001 - moto has no door for it
        held.close()

    def _forget_checksum(self, bucket: str, name: str) -> None:
        """For moto, which gives a copy the checksum of its source's parts: no client could confirm that."""
        key = self._moto.s3.get_bucket(bucket).keys[name]
        key.checksum_algorithm = key.checksum_value = key.checksum_type = None

    def _key(self, row: StoredObject) -> Any:
        key: Any = FakeKey(
            name=row.key,
            value=b"",
            account_id=self._moto.account,
            region_name=self._moto.region,
            etag=row.facts["etag"],
            version_id="null",
            bucket_name=row.bucket,
        )
        key._value_buffer.close()  # noqa: SLF001 - as in `_keep_object`
        key._value_buffer = StoredValue(self._store.path(row.file))  # noqa: SLF001
        key.contentsize = row.size
        key.last_modified = datetime.fromtimestamp(row.facts["modified"], tz=UTC).replace(tzinfo=None)
        key.set_metadata(dict(row.facts["metadata"]))
        for fact in _FACTS:
            setattr(key, fact, row.facts[fact])
        return key

    def _is_public(self, name: str) -> bool:
        """Whether the bucket's policy lets everybody read, and no block stands before it."""
        bucket = self._moto.s3.buckets.get(name)
        if bucket is None or not bucket.policy:
            return False
        block = bucket.public_access_block
        if block is not None and (block.block_public_policy or block.restrict_public_buckets):
            return False
        return any(_lets_all_read(statement) for statement in json.loads(bucket.policy).get("Statement", []))


def operation_of(request: Request, key: str) -> str:
    """S3's name of what `request` asks for."""
    query = request.query
    for part in _SUBRESOURCES:
        if part in query:
            return f"{request.method.capitalize()}{'Object' if key else 'Bucket'}{part[0].upper()}{part[1:]}"
    if not key:
        return "DeleteObjects" if request.method == "POST" and "delete" in query else _BUCKET.get(request.method, "")
    if "uploads" in query:
        return "CreateMultipartUpload"
    if "uploadId" in query:
        return {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}.get(
            request.method, "ListParts"
        )
    if request.method == "PUT" and "x-amz-copy-source" in request.headers:
        return "CopyObject"
    return _OBJECT.get(request.method, "")


def refuse(code: str, status: int, message: str) -> Answer:
    """S3's form of an error."""
    body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return Answer(status, (("content-type", "application/xml"),), body.encode())


def _signed(request: Request) -> bool:
    return "authorization" in request.headers or not {"X-Amz-Signature", "Signature"}.isdisjoint(request.query)


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def _as_signed(region: str) -> str:
    """For moto, which asks of an unsigned request for more than the bucket policy that we have judged already."""
    scope = f"sandbox/20000101/{region}/s3/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=sandbox"


def _named(body: bytes) -> list[str]:
    """The keys of a DeleteObjects request."""
    root = ET.fromstring(body)  # noqa: S314 - from a client on this machine, and moto parsed it before
    return [found.text or "" for found in root.iter() if found.tag.rpartition("}")[2] == "Key"]


def _public_policy(bucket: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _lets_all_read(statement: dict[str, Any]) -> bool:
    actions = statement.get("Action", [])
    actions = [actions] if isinstance(actions, str) else actions
    return (
        statement.get("Effect") == "Allow"
        and "Condition" not in statement
        and statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and not {"s3:GetObject", "s3:*", "*"}.isdisjoint(actions)
    )


def _forget_owner(name: str) -> None:
    """Make way in moto's one list of bucket names; another sandbox of this process may have the same."""
    s3_backends.bucket_accounts.pop(name, None)
