"""Slack's cursors."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from bot.sandbox.slack.call import Call
from bot.sandbox.slack.refusal import Refusal

Item = TypeVar("Item")


def page(items: Sequence[Item], call: Call, *, most: int, usual: int) -> tuple[Sequence[Item], str]:
    """The part of `items` that `cursor` and `limit` ask for, and the cursor of the next, "" at the end."""
    size = call.number("limit", usual)
    if not 0 < size <= most:
        raise Refusal("invalid_limit")
    start = _offset(call.text("cursor"))
    end = start + size
    following = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
    return items[start:end], following


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
    except (binascii.Error, ValueError):
        raise Refusal("invalid_cursor") from None
