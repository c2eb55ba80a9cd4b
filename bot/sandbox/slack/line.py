"""The way from Slack to the app: sockets, or requests to its address. One of them at a time."""

from __future__ import annotations

import uuid
from typing import Any, Protocol

Json = dict[str, Any]


class Undelivered(Exception):  # noqa: N818 - an outcome, not a fault of the program
    """The app did not take an envelope; `code` is Slack's word for it, such as `operation_timeout`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


NOT_CONNECTED = "dispatch_failed"
NOT_ACKNOWLEDGED = "operation_timeout"


class Carrier(Protocol):
    """Sockets or requests."""

    @property
    def connected(self) -> bool:
        """Whether something can be delivered now."""

    async def deliver(self, envelope: Json) -> Json:
        """Hand an envelope over; what the app acknowledged it with, {} for a bare acknowledgement.

        Raises `Undelivered`.
        """


class Line:
    """Delivers over whichever carrier is in use."""

    def __init__(self, carrier: Carrier) -> None:
        self.carrier = carrier

    @property
    def connected(self) -> bool:
        """Whether the app can hear now."""
        return self.carrier.connected

    async def deliver(self, envelope: Json) -> Json:
        """See `Carrier.deliver`."""
        return await self.carrier.deliver(envelope)


def envelope_of(kind: str, payload: Json, *, accepts: bool = True) -> Json:
    """`payload` ready for delivery: `slash_commands`, `interactive` or `events_api`."""
    envelope = {
        "envelope_id": str(uuid.uuid4()),
        "type": kind,
        "accepts_response_payload": accepts,
        "payload": payload,
    }
    return envelope if kind != "events_api" else {**envelope, "retry_attempt": 0, "retry_reason": ""}
