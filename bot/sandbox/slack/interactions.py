"""What people do to the app: type a command, press a button. And what they see when it does not answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.sandbox.slack.hooks import Hook, Hooks
from bot.sandbox.slack.message import Message, for_api
from bot.sandbox.slack.payloads import block_actions, button_action, slash_command
from bot.sandbox.slack.people import BOT, SLACKBOT, Channel, Person
from bot.sandbox.slack.refusal import Refusal
from bot.sandbox.slack.sockets import NotAcknowledged, NotConnected, Sockets
from bot.sandbox.slack.views import Views
from bot.sandbox.slack.workspace import Workspace

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A command as the app's manifest declares it: "/train", "<branch> <tag>", one sentence."""

    name: str
    usage_hint: str
    description: str


INVITE = SlashCommand("/invite", "@Stationmaster", "Bring the bot into this channel")


class Refused(Exception):  # noqa: N818 - a sentence for the person, not a fault
    """Slack itself says no, to this person only; the app never heard of it."""


@dataclass(frozen=True, slots=True)
class _Delivery:
    envelope: Json
    hook: Hook
    failure: str  # what the person reads when the app fails: `%s` stands for Slack's code


class Interactions:
    """The way from a person to the app and its immediate answer."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        sockets: Sockets,
        hooks: Hooks,
        views: Views,
        commands: Sequence[SlashCommand],
        address: str,
    ) -> None:
        self._workspace = workspace
        self._sockets = sockets
        self._hooks = hooks
        self._views = views
        self._names = {command.name for command in commands}
        self._address = address
        self._last: _Delivery | None = None

    async def command(self, person: Person, channel: Channel, text: str, thread_ts: str | None = None) -> str:
        """A slash command: what the person sees at once, "" for a silent acknowledgement.

        Raises:
            Refused: no such command, or in a thread.
        """
        name, _, rest = text.strip().partition(" ")
        if thread_ts:
            raise Refused(f"{name} is not supported in threads. Sorry!")
        if name == INVITE.name:
            return self._invite(person, channel, rest.strip())
        if name not in self._names:
            raise Refused(f"{name} is not a valid command.")
        hook = self._hooks.open(person.id, channel.id)
        payload = slash_command(
            person,
            channel,
            name,
            rest.strip(),
            response_url=self._address + hook.path,
            trigger_id=self._views.trigger(person.id),
        )
        envelope = self._sockets.envelope("slash_commands", payload)
        return await self._deliver(_Delivery(envelope, hook, f'{name} failed with the error "%s"'))

    async def click(self, person: Person, message: Message, action_id: str, block_id: str | None = None) -> str:
        """A press of a button: "" when the app acknowledged it, otherwise what the person sees.

        Raises:
            Refused: the message has no such button.
        """
        block, element = _button(message, action_id, block_id)
        channel = self._workspace.channel(message.channel)
        hook = self._hooks.open(person.id, channel.id, message)
        shown = for_api(message, self._workspace.replies(message), address=self._address, metadata=True)
        if message.ephemeral_id:
            shown["ephemeral_id"] = message.ephemeral_id
        payload = block_actions(
            person,
            channel,
            shown,
            button_action(block, element, self._workspace.stamp()),
            response_url=self._address + hook.path,
            trigger_id=self._views.trigger(person.id),
        )
        envelope = self._sockets.envelope("interactive", payload)
        return await self._deliver(_Delivery(envelope, hook, 'That did not work: the app failed with "%s"'))

    async def again(self) -> str:
        """The last command or click once more, in the very same envelope."""
        if self._last is None:
            raise Refused("Nothing was delivered yet.")
        return await self._deliver(self._last)

    async def _deliver(self, delivery: _Delivery) -> str:
        self._last = delivery
        hook = delivery.hook
        try:
            answer = await self._sockets.deliver(delivery.envelope)
        except NotConnected:
            return self._fail(delivery, "dispatch_failed")
        except NotAcknowledged:
            return self._fail(delivery, "operation_timeout")
        if not any(answer.get(name) for name in ("text", "blocks", "attachments", "delete_original")):
            return ""
        try:
            said = self._hooks.respond(hook, answer)
        except Refusal as refusal:
            return self._fail(delivery, refusal.error)
        return said.text if said else ""

    def _fail(self, delivery: _Delivery, code: str) -> str:
        sentence = delivery.failure % code
        self._workspace.whisper(delivery.hook.channel, SLACKBOT.id, sentence, to=delivery.hook.user)
        return sentence

    def _invite(self, person: Person, channel: Channel, whom: str) -> str:
        if whom.removeprefix("@").lower() not in (BOT.name, BOT.id.lower(), f"<@{BOT.id.lower()}>"):
            raise Refused(f"Only the bot can be invited here: {INVITE.name} {INVITE.usage_hint}")
        if BOT.id in channel.members:
            raise Refused(f"{BOT.real_name} is already in this channel.")
        self._workspace.put_channel(replace(channel, members=(*channel.members, BOT.id)))
        text = f"<@{BOT.id}> was added to #{channel.name} by {person.real_name}."
        self._workspace.post(channel.id, BOT.id, text, subtype="channel_join")
        return ""


def _button(message: Message, action_id: str, block_id: str | None) -> tuple[Json, Json]:
    for block in message.blocks or []:
        if block_id not in (None, "", block.get("block_id")):
            continue
        for element in [*block.get("elements", []), block.get("accessory")]:
            if isinstance(element, dict) and element.get("action_id") == action_id:
                return block, element
    raise Refused(f"This message has no button {action_id} any more.")
