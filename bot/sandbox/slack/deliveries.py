"""What people do, on its way to the app, and what they see when it does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.clock import Clock
from bot.sandbox.slack.hooks import Hook, Hooks
from bot.sandbox.slack.line import NOT_ACKNOWLEDGED, NOT_CONNECTED, Line, Undelivered, envelope_of
from bot.sandbox.slack.payloads import event_callback
from bot.sandbox.slack.people import SLACKBOT
from bot.sandbox.slack.refusal import Refusal
from bot.sandbox.slack.workspace import Workspace

Json = dict[str, Any]
EVENT_RETRIES = (0.0, 60.0, 300.0)
_REASONS = {NOT_ACKNOWLEDGED: "http_timeout", NOT_CONNECTED: "connection_failed"}


class Refused(Exception):  # noqa: N818 - a sentence for the person, not a fault
    """Slack itself says no, to this person only; the app never heard of it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An envelope about something in a channel; `failure` is what the person reads with Slack's code for `%s`."""

    envelope: Json
    hook: Hook
    failure: str


class Deliveries:
    """Brings envelopes to the app; events that it does not take again, after `event_retries` seconds each."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        line: Line,
        hooks: Hooks,
        clock: Clock,
        event_retries: Sequence[float] = EVENT_RETRIES,
    ) -> None:
        self._workspace = workspace
        self._line = line
        self._hooks = hooks
        self._clock = clock
        self._event_retries = tuple(event_retries)
        self._last: Delivery | None = None
        self._later: set[asyncio.Task[None]] = set()

    async def bring(self, delivery: Delivery) -> str:
        """What the person sees at once: the acknowledgement, what Slack says instead of it, or ""."""
        self._last = delivery
        try:
            answer = await self._line.deliver(delivery.envelope)
        except Undelivered as failure:
            return self._fail(delivery, failure.code)
        if not any(answer.get(name) for name in ("text", "blocks", "attachments", "delete_original")):
            return ""
        try:
            said = self._hooks.respond(delivery.hook, answer)
        except Refusal as refusal:
            return self._fail(delivery, refusal.error)
        return said.text if said else ""

    async def again(self) -> str:
        """The last command or click once more, in the very same envelope."""
        if self._last is None:
            raise Refused("Nothing was delivered yet.")
        return await self.bring(self._last)

    async def ask(self, payload: Json) -> Json:
        """Bring an interaction that nothing in a channel belongs to; the acknowledgement. Raises `Undelivered`."""
        return await self._line.deliver(envelope_of("interactive", payload))

    async def event(self, event: Json) -> None:
        """Bring an Events API event. The first failure is raised (`Undelivered`) and the event tried again later."""
        payload = event_callback(event, f"Ev{self._workspace.stamp()}", int(self._clock.now()))
        envelope = envelope_of("events_api", payload, accepts=False)
        try:
            await self._line.deliver(envelope)
        except Undelivered as failure:
            again = asyncio.create_task(self._try_again(envelope, failure))
            self._later.add(again)
            again.add_done_callback(self._later.discard)
            raise

    async def _try_again(self, envelope: Json, failure: Undelivered) -> None:
        for attempt, seconds in enumerate(self._event_retries, start=1):
            await asyncio.sleep(seconds)
            reason = _REASONS.get(failure.code, "http_error")
            try:
                await self._line.deliver({**envelope, "retry_attempt": attempt, "retry_reason": reason})
            except Undelivered as another:
                failure = another
            else:
                return

    def _fail(self, delivery: Delivery, code: str) -> str:
        sentence = delivery.failure % code
        self._workspace.whisper(delivery.hook.channel, SLACKBOT.id, sentence, to=delivery.hook.user)
        return sentence
