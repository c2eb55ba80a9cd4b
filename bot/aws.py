"""How this program talks to AWS: one client configuration, and botocore's exceptions in our words.

Only the AWS files (`ec2.py`, `ecr.py`, `ssm.py` and `prices.py` of `locations/`, and `public_files.py`) use it. boto3
is imported when the first client is made: that costs 0.17 s and 15 MB, which a process that never asks AWS should
not pay.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    TokenRetrievalError,
)

from bot.errors import DoorError, NoCapacity, NotFound, QuotaReached, Unauthorised, Unavailable
from bot.tally import DOORS

CONNECT_TIMEOUT = 5
READ_TIMEOUT = 10
ATTEMPTS = 2
"""Seconds, seconds and tries in all: a call ends within half a minute, and the engine tries again later."""

_ADVICE: tuple[tuple[type[DoorError], str, frozenset[str]], ...] = (
    (
        NoCapacity,
        "It has no free machine of this kind just now; try again in a few minutes.",
        frozenset(
            {
                "IncorrectSpotRequestState",  # the cloud stopped it itself, and starts it itself when there is room
                "InsufficientCapacity",
                "InsufficientHostCapacity",
                "InsufficientInstanceCapacity",
            }
        ),
    ),
    (
        QuotaReached,
        "The account's quota is used up: stop another machine, or ask AWS to raise the quota.",
        frozenset({"InstanceLimitExceeded", "VcpuLimitExceeded", "MaxSpotInstanceCountExceeded"}),
    ),
    (
        Unavailable,
        "That passes by itself.",
        frozenset({"RequestLimitExceeded", "RequestTimeout", "SlowDown", "Throttling", "ThrottlingException"}),
    ),
    (
        Unauthorised,
        "Check the bot's AWS credentials and its IAM policy.",
        frozenset(
            {
                "AccessDeniedException",  # the JSON services answer 400
                "AuthFailure",
                "ExpiredToken",
                "ExpiredTokenException",
                "RequestExpired",
                "UnauthorizedOperation",
                "UnrecognizedClientException",
            }
        ),
    ),
    (
        NotFound,
        "Check the name and the region in the settings.",
        frozenset(
            {
                "301",  # a HEAD has no body to say PermanentRedirect in: the bucket is in another region
                "404",
                "InvalidInstanceID.Malformed",
                "InvalidInstanceID.NotFound",
                "NoSuchBucket",
                "NoSuchKey",
                "PermanentRedirect",
            }
        ),
    ),
)
_FORBIDDEN = (401, 403)


def client(service: str, *, region: str, endpoint_url: str | None = None) -> Any:
    """A boto3 client with bounded time and retries, safe to share between threads.

    Credentials come from where boto3 always looks: the environment, a profile, the machine's role.
    """
    import boto3.session  # noqa: PLC0415 - see the module's docstring
    import botocore.session  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        # A custom endpoint (the sandbox, MinIO) has no host name for each bucket.
        s3={"addressing_style": "path"} if endpoint_url else None,
    )
    core = botocore.session.Session()
    core.register_component("data_loader", _loader())
    # Our own: making clients from the shared default one is not thread-safe.
    session: Any = boto3.session.Session(botocore_session=core)
    return session.client(service, region_name=region, endpoint_url=endpoint_url, config=config)


@cache
def _loader() -> Any:
    """What botocore knows of AWS's services, read once for all clients: EC2 alone takes 25 MB each time."""
    from botocore.loaders import create_loader  # noqa: PLC0415

    return create_loader()


@contextmanager
def asking(purpose: str) -> Iterator[None]:
    """Translates whatever botocore raises inside. `purpose` completes "Could not ..." for a person."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise translate(error, purpose) from error


def translate(error: BotoCoreError | ClientError, purpose: str) -> DoorError:
    """The door's error for one of botocore's: AWS's answer, or that there was none."""
    translated = _in_our_words(error, purpose)
    DOORS.count("aws", translated)
    return translated


def _in_our_words(error: BotoCoreError | ClientError, purpose: str) -> DoorError:
    if isinstance(error, ClientError):
        kind, advice = _meaning(error)
        return kind(f"Could not {purpose}: AWS answered {_said(error)}. {advice}")
    if isinstance(error, NoCredentialsError | PartialCredentialsError | TokenRetrievalError):
        return Unauthorised(
            f"Could not {purpose}: no usable AWS credentials were found ({error}). "
            "Give the bot's machine a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    return Unavailable(f"Could not {purpose}: AWS did not answer ({error}).")


def code_of(error: ClientError) -> str:
    """AWS's own name for what happened, such as `AccessDenied`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _meaning(error: ClientError) -> tuple[type[DoorError], str]:
    code = code_of(error)
    for kind, advice, codes in _ADVICE:
        if code in codes:
            return kind, advice
    if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in _FORBIDDEN:
        return Unauthorised, "Check the bot's AWS credentials and its IAM policy."
    return Unavailable, "If it does not pass by itself, ask whoever looks after Stationmaster."


def _said(error: ClientError) -> str:
    message = str(error.response.get("Error", {}).get("Message", "")).strip().rstrip(".")
    return f"{code_of(error)} ({message})" if message else code_of(error)
