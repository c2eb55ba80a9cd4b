"""reactions.*: emoji under messages."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.call import Call
from bot.sandbox.slack.parts import Parts
from bot.sandbox.slack.people import BOT


def add(parts: Parts, call: Call) -> dict[str, Any]:
    """The bot's emoji under a message, or `already_reacted`."""
    channel = parts.open_channel(call.required("channel"))
    message = parts.workspace.find(channel.id, call.required("timestamp"))
    parts.workspace.react(message, call.required("name").strip(":"), BOT.id)
    return {}
