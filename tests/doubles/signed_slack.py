"""Requests as Slack signs them, also those that it never would."""

import hashlib
import hmac
import time

SECRET = "sandbox-signing-secret"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def signed(body, *, secret=SECRET, at=None, kind=FORM):
    """The headers that Slack would send with that body (bytes), made without slack_sdk."""
    moment = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), b"v0:" + moment.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"Content-Type": kind, "X-Slack-Request-Timestamp": moment, "X-Slack-Signature": f"v0={digest}"}
