"""Who may do what: users, tokens with scopes and roles, and the ban after too many failed log-ins."""

from __future__ import annotations

import base64
import binascii
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.clock import iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bot.clock import Clock

REPORTER, DEVELOPER, MAINTAINER = 20, 30, 40

FAILURES, FAILURE_WINDOW, BAN = 30, 180.0, 3600.0
"""30 failed log-ins in 3 minutes ban the address for an hour, for git and the registry (platform-limits.md)."""


@dataclass(frozen=True)
class User:
    """A person or a bot of this GitLab. `level` is their role in every project."""

    username: str
    name: str = ""
    email: str = ""
    level: int = MAINTAINER
    bot: bool = False


@dataclass(frozen=True)
class Token:
    """An access token. Scopes are GitLab's: api, read_api, read_user, read_repository, write_repository.

    `expires_on` is a date (`2026-01-31`); from that day on the token is refused.
    """

    secret: str = field(repr=False)
    user: User
    scopes: frozenset[str] = frozenset({"api"})
    name: str = "token"
    expires_on: str | None = None

    def allows(self, *scopes: str) -> bool:
        """Whether one of the scopes is among the token's."""
        return not self.scopes.isdisjoint(scopes)


class Tokens:
    """All tokens of the instance. Their order gives ids to tokens and users, the same after every restart."""

    def __init__(self, tokens: Iterable[Token], clock: Clock) -> None:
        self._tokens = tuple(tokens)
        self._clock = clock
        self.users: tuple[User, ...] = tuple(dict.fromkeys(token.user for token in self._tokens))

    def find(self, secret: str) -> Token | None:
        """The token with that secret, expired or not."""
        return next((token for token in self._tokens if token.secret == secret), None)

    def expired(self, token: Token) -> bool:
        """Whether today (UTC) is the token's last date or later."""
        return token.expires_on is not None and iso(self._clock.now())[:10] >= token.expires_on

    def valid(self, secret: str) -> Token | None:
        """The token, unless it is unknown or expired."""
        token = self.find(secret)
        return None if token is None or self.expired(token) else token

    def id_of(self, token: Token) -> int:
        """The token's number."""
        return self._tokens.index(token) + 1


def secret_in(headers: Mapping[str, str]) -> str | None:
    """The secret that a request carries, in any of the forms GitLab takes; None when it carries none.

    `headers` has lower-case names. For HTTP Basic the username does not matter, as for GitLab's tokens.
    """
    private = headers.get("private-token")
    if private is not None:
        return private
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        return _basic_password(value)
    return None


def _basic_password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


class Bans:
    """Counts failed log-ins per address."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}
        self._until: dict[str, float] = {}

    def banned(self, address: str) -> bool:
        """Whether the address is refused now, whatever it shows."""
        return self._clock.monotonic() < self._until.get(address, float("-inf"))

    def failed(self, address: str) -> None:
        """Count a failed log-in; the thirtieth within three minutes bans."""
        now = self._clock.monotonic()
        recent = self._failures.setdefault(address, deque(maxlen=FAILURES))
        recent.append(now)
        if len(recent) == FAILURES and now - recent[0] <= FAILURE_WINDOW:
            self._until[address] = now + BAN
            recent.clear()

    def succeeded(self, address: str) -> None:
        """A good log-in forgets the failures before it."""
        self._failures.pop(address, None)
