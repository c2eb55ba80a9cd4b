"""What the Web API works on, in one hand."""

from __future__ import annotations

from dataclasses import dataclass

from bot.sandbox.slack.people import BOT, Channel
from bot.sandbox.slack.refusal import Refusal
from bot.sandbox.slack.sockets import Sockets
from bot.sandbox.slack.uploads import Uploads
from bot.sandbox.slack.views import Views
from bot.sandbox.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Parts:
    """`address` is the stand-in's own, such as http://127.0.0.1:8070, without a slash at its end."""

    workspace: Workspace
    uploads: Uploads
    views: Views
    sockets: Sockets
    address: str

    def open_channel(self, where: str) -> Channel:
        """A channel that the bot may speak in: `channel_not_found`, `is_archived` or `not_in_channel` otherwise."""
        channel = self.workspace.channel(where)
        if channel.is_archived:
            raise Refusal("is_archived")
        if BOT.id not in channel.members:
            raise Refusal("not_in_channel")
        return channel
