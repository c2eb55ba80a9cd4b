"""HTTP mode: what happens in Slack is POSTed to the app's address, signed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import ssl
from typing import Any
from urllib.parse import urlencode

import httpx

from bot.clock import Clock
from bot.sandbox.slack.faults import Faults
from bot.sandbox.slack.line import NOT_ACKNOWLEDGED, NOT_CONNECTED, Undelivered
from bot.sandbox.slack.payloads import TOKEN
from bot.sandbox.slack.refusal import Refusal

Json = dict[str, Any]
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
OK, SERVER_ERROR = 200, 500
_TLS = ssl.create_default_context()
"""Made once: a context of its own costs each request 20 ms."""


class Requests:
    """The app behind `url`. Commands and interactions come as forms and events as JSON, each with Slack's signature.

    An answer counts within `ack_seconds`. The signature is `v0=HMAC-SHA256(secret, "v0:<time>:<raw body>")`.
    """

    connected = True

    def __init__(self, url: str, signing_secret: str, faults: Faults, clock: Clock, *, ack_seconds: float) -> None:
        self.url = url
        self._secret = signing_secret.encode()
        self._faults = faults
        self._clock = clock
        self._ack_seconds = ack_seconds

    async def verify(self) -> None:
        """Slack's own test of a new address: it must send the challenge back, or `url_not_verified`."""
        challenge = secrets.token_urlsafe(24)
        body = {"token": TOKEN, "challenge": challenge, "type": "url_verification"}
        try:
            answer = await self._post(JSON, json.dumps(body), {})
        except Undelivered as failure:
            raise Refusal("url_not_verified") from failure
        if challenge not in answer.text:
            raise Refusal("url_not_verified")

    async def deliver(self, envelope: Json) -> Json:
        """See `line.Carrier`."""
        kind, payload = envelope["type"], envelope["payload"]
        if kind == "events_api":
            await self._post(JSON, json.dumps(payload), _retry(envelope))
            return {}
        fields = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
        answer = await self._post(FORM, urlencode(fields), {})
        if self._faults.take("ack"):
            raise Undelivered(NOT_ACKNOWLEDGED)
        return _acknowledged(answer)

    async def _post(self, kind: str, body: str, headers: dict[str, str]) -> httpx.Response:
        try:
            patience = self._ack_seconds
            client = httpx.AsyncClient(timeout=patience, trust_env=False, verify=_TLS)
            async with asyncio.timeout(patience), client as http:
                content = body.encode()
                signed = {"Content-Type": kind, "User-Agent": "Slackbot 1.0", **self._signature(content), **headers}
                answer = await http.post(self.url, content=content, headers=signed)
        except (TimeoutError, httpx.TimeoutException):
            raise Undelivered(NOT_ACKNOWLEDGED) from None
        except httpx.HTTPError:
            raise Undelivered(NOT_CONNECTED) from None
        if answer.status_code >= SERVER_ERROR:
            raise Undelivered("http_service_error")
        if answer.status_code != OK:
            raise Undelivered("http_client_error")
        return answer

    def _signature(self, body: bytes) -> dict[str, str]:
        moment = str(int(self._clock.now()))
        digest = hmac.new(self._secret, f"v0:{moment}:".encode() + body, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": f"v0={digest}"}


def _retry(envelope: Json) -> dict[str, str]:
    if not envelope["retry_attempt"]:
        return {}
    return {"X-Slack-Retry-Num": str(envelope["retry_attempt"]), "X-Slack-Retry-Reason": envelope["retry_reason"]}


def _acknowledged(answer: httpx.Response) -> Json:
    text = answer.text.strip()
    if not answer.headers.get("content-type", "").startswith(JSON):
        return {"text": text} if text else {}
    try:
        said = json.loads(text or "{}")
    except ValueError:
        raise Undelivered("http_service_error") from None
    return dict(said) if isinstance(said, dict) else {}
