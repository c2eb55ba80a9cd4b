"""Slack in HTTP mode: it POSTs what people do to the app's address, with its signature."""

import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

import httpx

from bot.sandbox.slack.sockets import NotAcknowledged, NotConnected

SECRET = "sandbox-signing-secret"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def signed(body, *, secret=SECRET, at=None, kind=FORM):
    """The headers that Slack would send with that body (bytes), made without slack_sdk."""
    moment = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), b"v0:" + moment.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"Content-Type": kind, "X-Slack-Request-Timestamp": moment, "X-Slack-Signature": f"v0={digest}"}


def form_of(envelope):
    """What HTTP mode sends for what Socket Mode puts in an envelope: the body and its kind."""
    kind, payload = envelope["type"], envelope["payload"]
    if kind == "events_api":
        return json.dumps(payload).encode(), JSON
    return urlencode(payload if kind == "slash_commands" else {"payload": json.dumps(payload)}).encode(), FORM


class Posts:
    """Takes the place of the sandbox's sockets."""

    connected = True

    def __init__(self, sockets, url, *, ack_seconds=3.0):
        self.envelope = sockets.envelope
        self._url, self._ack_seconds = url, ack_seconds

    async def deliver(self, envelope):
        body, kind = form_of(envelope)
        try:
            async with httpx.AsyncClient(timeout=self._ack_seconds, trust_env=False) as http:
                answer = await http.post(self._url, content=body, headers=signed(body, kind=kind))
        except httpx.TimeoutException:
            raise NotAcknowledged from None
        except httpx.HTTPError:
            raise NotConnected from None
        if answer.status_code != httpx.codes.OK:
            raise NotAcknowledged
        if answer.headers["content-type"].startswith(JSON):
            return answer.json()
        return {"text": answer.text} if answer.text else {}


def use_http(slack, url):
    """From now on the sandbox sends everything to that address."""
    posts = Posts(slack._sockets, url)
    slack._sockets = slack._interactions._sockets = posts
