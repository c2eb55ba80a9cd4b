"""One call of the Web API: its arguments, whether they came as a form, as JSON or in the address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from bot.sandbox.slack.refusal import Refusal


class Call:
    """Named arguments as strings, numbers, flags or JSON. A missing one is refused in Slack's words."""

    def __init__(self, method: str, arguments: Mapping[str, Any], token: str | None) -> None:
        self.method = method
        self.token = token
        self._arguments = arguments

    def has(self, name: str) -> bool:
        """Whether the argument was given at all, be it empty."""
        return self._arguments.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        """A string."""
        value = self._arguments.get(name)
        return default if value is None else str(value)

    def required(self, name: str) -> str:
        """A string that must be there and not empty."""
        value = self.text(name)
        if not value:
            sentence = f"[ERROR] missing required field: {name}"
            raise Refusal("invalid_arguments", response_metadata={"messages": [sentence]})
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """True for 1, true and True."""
        return self.text(name, str(default)).lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        """A whole number, or `invalid_arguments`."""
        try:
            return int(self.text(name) or default)
        except ValueError:
            raise Refusal("invalid_arguments") from None

    def json(self, name: str, refusal: str = "invalid_arguments") -> Any:
        """A JSON value, which in a form is a string; None when it was not given."""
        value = self._arguments.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise Refusal(refusal) from None


def parse(method: str, query: str, content_type: str, body: bytes, authorization: str) -> Call:
    """The call behind an HTTP request; the token comes from its header or, failing that, from the arguments."""
    arguments: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    if content_type.startswith("application/json"):
        arguments |= _object(body)
    else:
        arguments |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    scheme, _, bearer = authorization.partition(" ")
    token = bearer.strip() if scheme.lower() == "bearer" else arguments.get("token")
    return Call(method, arguments, token or None)


def _object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        value = json.loads(body)
    except ValueError:
        raise Refusal("invalid_json") from None
    if not isinstance(value, dict):
        raise Refusal("json_not_object")
    return value
