"""Slash commands: what a person types, and what Slack itself says to some of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.sandbox.slack.deliveries import Deliveries, Delivery, Refused
from bot.sandbox.slack.hooks import Hooks
from bot.sandbox.slack.line import envelope_of
from bot.sandbox.slack.payloads import slash_command
from bot.sandbox.slack.people import BOT, Channel, Person
from bot.sandbox.slack.views import Views
from bot.sandbox.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A command as the app's manifest declares it: "/train", "<branch> <tag>", one sentence."""

    name: str
    usage_hint: str
    description: str


INVITE = SlashCommand("/invite", "@Stationmaster", "Bring the bot into this channel")


class Interactions:
    """The way from a command to the app and its immediate answer."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        deliveries: Deliveries,
        hooks: Hooks,
        views: Views,
        commands: Sequence[SlashCommand],
        address: str,
    ) -> None:
        self._workspace = workspace
        self._deliveries = deliveries
        self._hooks = hooks
        self._views = views
        self._names = {command.name for command in commands}
        self._address = address

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
        envelope = envelope_of("slash_commands", payload)
        return await self._deliveries.bring(Delivery(envelope, hook, f'{name} failed with the error "%s"'))

    def _invite(self, person: Person, channel: Channel, whom: str) -> str:
        if whom.removeprefix("@").lower() not in (BOT.name, BOT.id.lower(), f"<@{BOT.id.lower()}>"):
            raise Refused(f"Only the bot can be invited here: {INVITE.name} {INVITE.usage_hint}")
        if BOT.id in channel.members:
            raise Refused(f"{BOT.real_name} is already in this channel.")
        self._workspace.put_channel(replace(channel, members=(*channel.members, BOT.id)))
        text = f"<@{BOT.id}> was added to #{channel.name} by {person.real_name}."
        self._workspace.post(channel.id, BOT.id, text, subtype="channel_join")
        return ""
