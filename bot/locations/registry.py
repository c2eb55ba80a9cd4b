"""The registry that images are pulled from and pushed to, and its login."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.runs.names import registry_host


@dataclass(frozen=True)
class Login:
    """A registry's account; asked for right before a pull or a push, since ECR's lasts twelve hours."""

    registry: str
    account: str
    password: str = field(repr=False)

    @property
    def line(self) -> str:
        """As docker.sh reads it."""
        return f"{self.registry} {self.account} {self.password}"


Logins = Callable[[str], Login | None]
"""From an image's name to the account that may pull and push it; None where none is needed, or none is known."""


def for_host(host: str, make: Callable[[], Login]) -> Logins:
    """Logins for the images of one registry, made anew each time; nobody else's images get its password."""
    return lambda image: make() if registry_host(image) == host else None
