"""Answers to an interaction: what an app acknowledges with, and what it sends to a response_url."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, replace
from typing import Any

from bot.clock import Clock
from bot.sandbox.slack.archive import Archive
from bot.sandbox.slack.limits import check_message
from bot.sandbox.slack.message import Message
from bot.sandbox.slack.people import BOT, TEAM
from bot.sandbox.slack.refusal import Refusal, refuse
from bot.sandbox.slack.workspace import Workspace

USES = 5
SECONDS = 30 * 60.0


@dataclass(frozen=True, slots=True)
class Hook:
    """A response_url: whom it answers, where, and about which message (its ts or its ephemeral id)."""

    id: str
    secret: str
    user: str
    channel: str
    until: float
    uses: int = USES
    ts: str | None = None
    ephemeral_id: str | None = None

    @property
    def path(self) -> str:
        """From the root of the stand-in."""
        return f"/commands/{TEAM.id}/{self.id}/{self.secret}"


class Hooks:
    """All response_urls: five uses within thirty minutes."""

    def __init__(self, archive: Archive, workspace: Workspace, clock: Clock) -> None:
        self._archive = archive
        self._workspace = workspace
        self._clock = clock
        self._hooks = {each["id"]: Hook(**each) for each in archive.every("hook")}
        for hook in [each for each in self._hooks.values() if each.until < clock.now()]:
            del self._hooks[hook.id]
            archive.drop("hook", hook.id)

    def open(self, user: str, channel: str, about: Message | None = None) -> Hook:
        """A fresh one for a command, or for a click on the message `about`."""
        hook = Hook(
            id=secrets.token_hex(6),
            secret=secrets.token_urlsafe(16),
            user=user,
            channel=channel,
            until=self._clock.now() + SECONDS,
            ts=about.ts if about and not about.ephemeral_id else None,
            ephemeral_id=about.ephemeral_id if about else None,
        )
        self._put(hook)
        return hook

    def use(self, hook_id: str, secret: str) -> Hook:
        """The hook behind an address, one use spent; `expired_url`, `used_url` or `invalid_url` otherwise."""
        hook = self._hooks.get(hook_id)
        if hook is None or hook.secret != secret:
            raise Refusal("invalid_url")
        if self._clock.now() > hook.until:
            raise Refusal("expired_url")
        if hook.uses == 0:
            raise Refusal("used_url")
        self._put(replace(hook, uses=hook.uses - 1))
        return self._hooks[hook_id]

    def respond(self, hook: Hook, body: dict[str, Any]) -> Message | None:
        """Do what an answer says; the message it made or changed, if any."""
        if body.get("delete_original"):
            self._workspace.delete(self._original(hook))
            return None
        text, blocks, attachments = (body.get(name) for name in ("text", "blocks", "attachments"))
        refuse(check_message(text or "", blocks, attachments, body.get("metadata")))
        if body.get("replace_original"):
            return self._workspace.edit(self._original(hook), text=text or "", blocks=blocks, attachments=attachments)
        said: dict[str, Any] = {"blocks": blocks, "attachments": attachments, "thread_ts": body.get("thread_ts")}
        if body.get("response_type") == "in_channel":
            answer = self._workspace.post(hook.channel, BOT.id, text or "", metadata=body.get("metadata"), **said)
        else:
            answer = self._workspace.whisper(hook.channel, BOT.id, text or "", to=hook.user, **said)
        if not (hook.ts or hook.ephemeral_id):
            self._put(replace(self._hooks[hook.id], ts=answer.ts, ephemeral_id=answer.ephemeral_id))
        return answer

    def _original(self, hook: Hook) -> Message:
        if hook.ephemeral_id:
            return self._workspace.ephemeral(hook.ephemeral_id)
        return self._workspace.find(hook.channel, hook.ts or "")

    def _put(self, hook: Hook) -> None:
        self._hooks[hook.id] = hook
        self._archive.put("hook", hook.id, asdict(hook))
