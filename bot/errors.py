"""Every error that Stationmaster raises on purpose.

    StationmasterError
    |-- UserError            for a person: the message says what to do
    |   `-- SettingsError    a setting is missing or wrong; raised at start
    `-- DoorError            for the engine: something outside did not do what was asked
        |-- Unavailable      a passing fault: wait and try again (carries retry_after)
        |   `-- NoCapacity   the cloud has no machine to give just now
        |       `-- QuotaReached   the account may have no more of them
        |-- Unauthorised     a credential was refused: stop at once, never loop (GitLab bans the address)
        |-- NotFound         the thing is not there
        `-- Conflict         the thing is there already, and different

A driver translates its library's exceptions into these at the door, with `raise ... from`; nothing above a door
knows botocore, gitlab or slack_sdk.
"""

from __future__ import annotations


class StationmasterError(Exception):
    """Root of the tree; catch it only at the very edge."""


class UserError(StationmasterError):
    """The message is shown to the person as it is: plain English, and what to do next."""


class SettingsError(UserError):
    """A setting is missing or wrong; the message names the setting and a right value's form."""


class DoorError(StationmasterError):
    """Something outside (Slack, GitLab, AWS, a machine) did not do what was asked."""


class Unavailable(DoorError):  # noqa: N818 - the name is the state of the other side
    """A passing fault (network, 429, 5xx): the same call may succeed later.

    `retry_after` is in seconds, where the other side gave one.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NoCapacity(Unavailable):
    """The cloud has no free machine of that kind; worth a few tries, minutes apart."""


class QuotaReached(NoCapacity):
    """The account's own limit is reached; it frees when another machine stops, or when AWS raises it."""


class Unauthorised(DoorError):  # noqa: N818
    """A credential was refused (401, 403). Never retried in a loop: 30 failed log-ins ban the address."""


class NotFound(DoorError):  # noqa: N818
    """The thing asked for does not exist on the other side."""


class Conflict(DoorError):  # noqa: N818
    """The thing exists already and differs from what was to be made."""
