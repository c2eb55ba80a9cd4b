"""HTTP mode: Slack's signed requests, and the same short queue of hands that Socket Mode has.

Nothing is read from a request before its signature is right. A request that comes again within the five minutes that a
signature is good for does nothing new: what a listener writes has the key of the command, not of the request.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from threading import Event

from slack_sdk.signature import SignatureVerifier

from bot.clock import Clock
from bot.errors import Unauthorised
from bot.slack.socket import WORKERS

log = logging.getLogger(__name__)

EVENTS = "/slack/events"
"""The one address for all that Slack sends: commands, interactions, lists and events."""
TEXT = "text/plain; charset=utf-8"
SIGNATURE, TIMESTAMP = "x-slack-signature", "x-slack-request-timestamp"


@dataclass(frozen=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    body: str = ""
    kind: str = TEXT


Answering = Callable[[Mapping[str, str], str, float], Answer]
"""Headers (lower case), body and when it arrived (monotonic) -> the answer."""


class SignedRequests:
    """The counterpart of `Socket`: from `start` to `stop`, what comes is answered by `answer`, on threads of its own.

    Signatures are compared with the wall's time and not our clock's, which keeps what the wall said at the start.
    """

    refusal: Unauthorised | None = None
    """Nobody is asked, so nobody refuses."""

    def __init__(self, signing_secret: str, answer: Answering, clock: Clock, *, workers: int = WORKERS) -> None:
        self._verifier = SignatureVerifier(signing_secret)
        self._answer, self._clock = answer, clock
        self._hands = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="slack-answer")
        self._open = Event()
        self.heard_at: float | None = None
        """When Slack was last heard (monotonic)."""
        self.refused = 0
        """Requests without a right signature."""

    def start(self) -> None:
        """Take requests."""
        self._open.set()

    def wait_until_open(self, seconds: float) -> bool:
        """Whether it is open, which `start` did."""
        return self._open.wait(seconds)

    def stop(self) -> None:
        """Take no more; what was being answered is answered first."""
        self._open.clear()
        self._hands.shutdown(wait=True)

    @property
    def connected(self) -> bool:
        """Whether a command can arrive now."""
        return self._open.is_set()

    def receive(self, headers: Mapping[str, str], body: bytes) -> Future[Answer]:
        """Its answer, in a moment; never blocks. `headers` have lower-case names."""
        arrived = self._clock.monotonic()
        if not self._open.is_set():
            return _done(Answer(HTTPStatus.SERVICE_UNAVAILABLE, "Stationmaster is not open just now.\n"))
        if not self._signed(headers, body):
            self._tell()
            return _done(Answer(HTTPStatus.UNAUTHORIZED, "This was not signed by Slack, or too long ago.\n"))
        self.heard_at = arrived
        try:
            return self._hands.submit(self._answer, headers, body.decode(), arrived)
        except RuntimeError:  # stopped in this very moment
            return _done(Answer(HTTPStatus.SERVICE_UNAVAILABLE))

    def _signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """In constant time, and for five minutes. A timestamp or a body that is no text is refused as well."""
        try:
            return self._verifier.is_valid(body, headers.get(TIMESTAMP), headers.get(SIGNATURE))
        except (ValueError, TypeError, OverflowError):
            return False

    def _tell(self) -> None:
        """Once: a wrong secret should be seen, and whoever knocks should not fill the log."""
        self.refused += 1
        if self.refused == 1:
            log.warning(
                "a request without Slack's signature was refused. If Slack sends it, SLACK_SIGNING_SECRET is wrong "
                "(the app's page, Basic Information), or this machine's clock is; more of them are only counted"
            )


def _done(answer: Answer) -> Future[Answer]:
    future: Future[Answer] = Future()
    future.set_result(answer)
    return future
