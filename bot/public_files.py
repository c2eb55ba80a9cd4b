"""The `PublicFiles` door over S3: put once, never overwrite, and see it as the public does."""

from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from bot import aws
from bot.errors import Conflict, DoorError, SettingsError, Unauthorised, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LOOK_SECONDS = 10
_PUT_ATTEMPTS = 3
"""S3 answers 409 when two conditional writes of one key meet; the later one simply asks again."""


class S3PublicFiles:
    """Files at `prefix` in `bucket`. Safe to use from several threads.

    `endpoint_url` is for anything but AWS itself (the sandbox, MinIO); `public_base_url` where the public reads the
    bucket under another address (a CDN): it stands before the key, prefix included.
    """

    def __init__(
        self,
        bucket: str,
        *,
        region: str,
        endpoint_url: str | None = None,
        prefix: str = "",
        public_base_url: str | None = None,
        client: S3Client | None = None,
    ) -> None:
        self._bucket = bucket
        self._prefix = f"{_safe(prefix.strip('/'))}/" if prefix.strip("/") else ""
        self._base = (public_base_url or _base_url(bucket, region, endpoint_url)).rstrip("/")
        if urlsplit(self._base).scheme not in ("http", "https"):
            raise SettingsError(f"The public address of files must start with https://, not {self._base!r}.")
        self._region = region
        self._endpoint_url = endpoint_url
        self._made = client
        self._making = threading.Lock()

    def publish(self, key: str, content: bytes) -> str:
        """See `PublicFiles.publish`."""
        name = self._prefix + _safe(key)
        if not self._put(name, content):
            self._compare(name, content)
        url = self.url_of(key)
        self._look(url, content)
        return url

    def url_of(self, key: str) -> str:
        """The public address of `key`, whether or not something is there."""
        return f"{self._base}/{quote(self._prefix + _safe(key))}"

    def access(self) -> str:
        """For the doctor: whether the bucket is there, and public as far as AWS tells; changes nothing.

        Returns a sentence; raises what `publish` would.
        """
        with aws.asking(f"find the bucket {self._bucket}"):
            self._client.head_bucket(Bucket=self._bucket)
        try:
            status = self._client.get_bucket_policy_status(Bucket=self._bucket)
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and aws.code_of(error) == "NoSuchBucketPolicy":
                raise Unauthorised(f"The public may not read the bucket. {self._how_to_open()}") from error
            return f"{self._bucket} is there; whether the public may read it will show with the first release"
        if not status.get("PolicyStatus", {}).get("IsPublic"):
            raise Unauthorised(f"The public may not read the bucket. {self._how_to_open()}")
        return f"{self._bucket} is there, and the public may read it"

    @property
    def _client(self) -> S3Client:
        """Made for the first file: the bot should be ready before that (see `bot.aws`)."""
        with self._making:
            if self._made is None:
                self._made = aws.client("s3", region=self._region, endpoint_url=self._endpoint_url)
            return self._made

    def _put(self, name: str, content: bytes) -> bool:
        """Whether the object was written now; False when there is one of that name already."""
        for _ in range(_PUT_ATTEMPTS):
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=name,
                    Body=content,
                    ContentType=_content_type(content),
                    IfNoneMatch="*",
                )
            except (BotoCoreError, ClientError) as error:
                code = aws.code_of(error) if isinstance(error, ClientError) else ""
                if code == "PreconditionFailed":
                    return False
                if code != "ConditionalRequestConflict":
                    raise aws.translate(error, f"write {name} to the bucket {self._bucket}") from error
            else:
                return True
        raise Unavailable(f"Somebody else is writing {name} to the bucket {self._bucket} at this moment.")

    def _compare(self, name: str, content: bytes) -> None:
        with aws.asking(f"read {name} in the bucket {self._bucket}"):
            there = self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read(len(content) + 1)
        if there != content:
            raise Conflict(
                f"{name} is in the bucket {self._bucket} already, with other content. Nothing was overwritten: "
                "remove the old file if it should not be there, or release under another tag."
            )

    def _look(self, url: str, content: bytes) -> None:
        """Ask as anybody could, without credentials."""
        try:
            with _OPENER.open(url, timeout=LOOK_SECONDS) as answer:
                there = answer.read(len(content) + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(url, error.code) from error
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{url} did not answer ({error}).") from error
        if there != content:
            raise Conflict(
                f"{url} answers something else than was just put into the bucket {self._bucket}. "
                "Check that the public address in the settings leads to this bucket."
            )

    def _refused(self, url: str, status: int) -> DoorError:
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return Unauthorised(
                f"The file is in the bucket {self._bucket}, but the public may not read it: {url} answers {status}. "
                f"{self._how_to_open()}"
            )
        return Unavailable(f"The file is in the bucket {self._bucket}, but {url} answers {status}.")

    def _how_to_open(self) -> str:
        return (
            "In the bucket's permissions, turn off 'Block public access' for bucket policies and add a policy "
            f"that allows s3:GetObject to everybody on arn:aws:s3:::{self._bucket}/{self._prefix}*."
        )


def _safe(key: str) -> str:
    """`key`, when it is a plain path that cannot leave its folder."""
    parts = key.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in key or not key.isprintable():
        raise Conflict(f"{key!r} is no legal name for a public file: use letters, digits, '.', '_', '-' and '/'.")
    return key


def _base_url(bucket: str, region: str, endpoint_url: str | None) -> str:
    if endpoint_url:
        return f"{endpoint_url.rstrip('/')}/{bucket}"
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    if "." in bucket:  # the certificate of *.s3.<region> covers one label only
        return f"https://s3.{region}.{domain}/{bucket}"
    return f"https://{bucket}.s3.{region}.{domain}"


def _content_type(content: bytes) -> str:
    """Text is shown by a browser, anything else is saved."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain; charset=utf-8"


def _opener() -> urllib.request.OpenerDirector:
    """Opens http and https, and nothing else a redirect could name."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener


_OPENER = _opener()
