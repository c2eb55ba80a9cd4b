"""A remote on S3, over boto3. Credentials and endpoint come from the environment or from the machine's own role."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from trainer.data.objects import Object
from trainer.data.remote import Remote
from trainer.data.store import MissingError, Progress
from trainer.failure import StepError

THREADS = 16
FEW = 8 * THREADS
"""So many objects are asked for one by one: a page of a list has 1,000 entries and some 300 kB, whoever they are of."""
WHOLE = 64 * 1024 * 1024
"""Bytes up to which an object travels in one request; going up, S3 checks it against the MD5 in its name."""
_CHUNK = 1024 * 1024
_ABSENT = ("404", "NoSuchKey", "NotFound")
_REFUSED = (
    "403",
    "AccessDenied",
    "ExpiredToken",
    "Forbidden",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
_PASSED_ON = {
    "acl": "ACL",
    "sse": "ServerSideEncryption",
    "sse_kms_key_id": "SSEKMSKeyId",
    "grant_read": "GrantRead",
    "grant_read_acp": "GrantReadACP",
    "grant_write_acp": "GrantWriteACP",
    "grant_full_control": "GrantFullControl",
}
"""DVC's options of a remote, and the S3 arguments that they stand for when an object is put."""


class S3Store:
    """See `trainer.data.store.Store`."""

    def __init__(self, remote: Remote) -> None:
        parts = urlsplit(remote.url)
        if "sse_customer_key" in remote.options:
            raise StepError("pipeline", f"The remote {remote.name!r} sets sse_customer_key, which is not supported.")
        self._bucket = parts.netloc
        self._prefix = parts.path.strip("/")
        self._put = {_PASSED_ON[name]: value for name, value in remote.options.items() if name in _PASSED_ON}
        self._s3: Any = _client(remote.options)

    def sizes(self, items: Iterable[Object]) -> dict[str, int]:
        """See `Store.sizes`. Lists while that is cheaper than asking for each; then asks for the rest at once."""
        wanted = {item.key: item for item in items}
        found: dict[str, int] = {}
        if len(wanted) > FEW:
            found, finished = self._listed(wanted, pages=2 + len(wanted) // 300)
            if finished:
                return found
        rest = [item for key, item in wanted.items() if key not in found]
        with ThreadPoolExecutor(THREADS) as pool:
            for item, size in zip(rest, pool.map(self._head, rest), strict=True):
                if size is not None:
                    found[item.key] = size
        if rest and not found:
            self._check_bucket()
        return found

    def get(self, item: Object, target: Path, progress: Progress) -> None:
        """See `Store.get`."""
        where = {"Bucket": self._bucket, "Key": self._key(item.key)}
        with self._asking("fetching", item.path):
            answer = self._s3.get_object(**where)
            with closing(answer["Body"]) as body:
                if answer["ContentLength"] <= WHOLE:
                    _write(target, body, progress)
                    return
            self._s3.download_file(*where.values(), str(target), Callback=progress)

    def put(self, item: Object, source: Path, progress: Progress) -> None:
        """See `Store.put`."""
        size = source.stat().st_size
        with self._asking("storing", item.path):
            if size > WHOLE or item.algorithm != "md5":
                extra = dict(self._put)
                self._s3.upload_file(str(source), self._bucket, self._key(item.key), ExtraArgs=extra, Callback=progress)
                return
            digest = base64.b64encode(bytes.fromhex(item.oid.removesuffix(".dir"))).decode("ascii")
            with source.open("rb") as body:
                self._s3.put_object(
                    Bucket=self._bucket, Key=self._key(item.key), Body=body, ContentMD5=digest, **self._put
                )
            progress(size)

    def put_named(self, key: str, source: Path) -> None:
        """See `Store.put_named`."""
        with self._asking("storing", key):
            try:
                self._s3.head_object(Bucket=self._bucket, Key=self._key(key))
            except ClientError as error:
                if error.response["Error"]["Code"] not in _ABSENT:
                    raise
                self._s3.put_object(Bucket=self._bucket, Key=self._key(key), Body=source.read_bytes(), **self._put)

    def _listed(self, wanted: Mapping[str, Object], pages: int) -> tuple[dict[str, int], bool]:
        found: dict[str, int] = {}
        if any(item.algorithm != "md5" for item in wanted.values()):
            return found, False
        suspects = []
        token: dict[str, str] = {}
        prefix = self._key("files/md5/")
        with self._asking("listing", self._bucket):
            for _ in range(pages):
                page = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **token)
                for entry in page.get("Contents", ()):
                    item = wanted.get("files/md5/" + entry["Key"][len(prefix) :])
                    if item is None:
                        continue
                    if _disagrees(entry["ETag"], item):
                        suspects.append(item)
                    else:
                        found[item.key] = entry["Size"]
                if not page.get("IsTruncated"):
                    for item in suspects:
                        size = self._head(item)
                        if size is not None:
                            found[item.key] = size
                    return found, True
                token = {"ContinuationToken": page["NextContinuationToken"]}
        return found, False

    def _check_bucket(self) -> None:
        """Of a bucket that is not there S3 says the same, when asked for one object, as of the object."""
        with self._asking("listing", self._bucket):
            self._s3.list_objects_v2(Bucket=self._bucket, Prefix=self._key("files/md5/"), MaxKeys=1)

    def _head(self, item: Object) -> int | None:
        with self._asking("looking at", item.path):
            try:
                answer = self._s3.head_object(Bucket=self._bucket, Key=self._key(item.key))
            except ClientError as error:
                if error.response["Error"]["Code"] in _ABSENT:
                    return None
                raise
            # With a key of KMS the ETag is no MD5; without one, an ETag that looks like an MD5 is that of the bytes.
            by_kms = str(answer.get("ServerSideEncryption", "")).startswith("aws:kms")
            if not by_kms and item.algorithm == "md5" and _disagrees(answer["ETag"], item):
                return None
            return int(answer["ContentLength"])

    def _key(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key

    @contextmanager
    def _asking(self, deed: str, what: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _ABSENT:
                raise MissingError(what) from error
            if code in _REFUSED:
                raise StepError(
                    "credentials",
                    f"S3 refused {deed} {what} in bucket {self._bucket} ({code}). Check the location's access to it.",
                ) from error
            raise StepError("network", f"S3 failed {deed} {what} in bucket {self._bucket} ({code}).") from error
        except NoCredentialsError as error:
            raise StepError("credentials", f"There are no credentials for the S3 bucket {self._bucket}.") from error
        except BotoCoreError as error:
            raise StepError("network", f"S3 did not answer while {deed} {what}: {error}.") from error


def _write(target: Path, body: Any, progress: Progress) -> None:
    with target.open("wb") as file:
        for piece in body.iter_chunks(_CHUNK):
            file.write(piece)
            progress(len(piece))


def _client(options: Mapping[str, str]) -> Any:
    anonymous = options.get("allow_anonymous_login", "false").lower() == "true"
    config = Config(
        connect_timeout=float(options.get("connect_timeout", 10)),
        read_timeout=float(options.get("read_timeout", 60)),
        max_pool_connections=THREADS,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard"},
        **({"signature_version": UNSIGNED} if anonymous else {}),
    )
    session = boto3.session.Session(profile_name=options.get("profile"))
    verify = options.get("ssl_verify")
    return session.client(
        "s3",
        endpoint_url=options.get("endpointurl"),
        region_name=options.get("region") or session.region_name or "us-east-1",
        use_ssl=options.get("use_ssl", "true").lower() != "false",
        verify={"true": True, "false": False}.get(verify.lower(), verify) if verify else None,
        config=config,
    )


def _disagrees(etag: str, item: Object) -> bool:
    """Whether the ETag is a plain MD5 (no `-` of a multipart upload), and not that of the object's name."""
    plain = etag.strip('"').lower()
    return len(plain) == 32 and plain != item.oid.removesuffix(".dir")  # noqa: PLR2004 - hexadecimal digits of an MD5
