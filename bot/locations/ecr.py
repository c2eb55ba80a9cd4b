"""The login of Amazon's registry: a password for twelve hours, asked for right before it is used."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from bot.aws import asking, client
from bot.errors import Unavailable
from bot.locations.registry import Login

_HOST = re.compile(r"(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")


def is_ecr(host: str) -> bool:
    """Whether a registry's host is Amazon's."""
    return _HOST.fullmatch(host) is not None


def ecr_client(host: str, *, endpoint_url: str | None = None) -> Any:
    """A client for the region that the registry's name says; sharing it between threads is safe."""
    found = _HOST.fullmatch(host)
    return client("ecr", region=found[2] if found else "", endpoint_url=endpoint_url)


def ecr_login(host: str, ecr: Any) -> Login:
    """A fresh login of the registry.

    Raises:
        Unauthorised: the bot's AWS identity may not have one (`ecr:GetAuthorizationToken`).
        Unavailable: AWS did not answer.
    """
    with asking(f"log in to the registry {host}"):
        granted = ecr.get_authorization_token()["authorizationData"][0]
    try:
        account, _, password = base64.b64decode(granted["authorizationToken"]).decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Unavailable(f"Could not log in to the registry {host}: AWS gave a login that cannot be read.") from error
    return Login(host, account, password)
