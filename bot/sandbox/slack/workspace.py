"""The state of the workspace: who is where, and everything that was said."""

from __future__ import annotations

import itertools
from bisect import insort
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from bot.clock import Clock
from bot.sandbox.slack.archive import Archive
from bot.sandbox.slack.elements import with_ids
from bot.sandbox.slack.feed import Feed
from bot.sandbox.slack.mentions import pings
from bot.sandbox.slack.message import Json, Message, Reaction, SharedFile, for_page, from_document
from bot.sandbox.slack.people import BOT, CHANNELS, PEOPLE, Channel, Person
from bot.sandbox.slack.refusal import Refusal


def _when(message: Message) -> str:
    return message.ts


def _microseconds(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(fraction)


class Workspace:
    """Messages and channels, in memory and in the archive at once; every change is told to the feed.

    Used by one thread at a time. Whatever is not there is refused in Slack's words.
    """

    def __init__(self, archive: Archive, feed: Feed, clock: Clock) -> None:
        self._archive = archive
        self._feed = feed
        self._clock = clock
        self._channels = {channel.id: channel for channel in CHANNELS}
        for document in archive.every("channel"):
            channel = Channel(**{**document, "members": tuple(document["members"])})
            self._channels[channel.id] = channel
        self._messages: dict[str, dict[str, Message]] = {}
        self._replies: dict[tuple[str, str], list[Message]] = {}
        self._whispers: dict[str, Message] = {}
        for document in archive.every("message"):
            self._remember(from_document(document))
        for document in archive.every("ephemeral"):
            whisper = from_document(document)
            self._whispers[str(whisper.ephemeral_id)] = whisper
        self._last = max((_microseconds(message.ts) for message in self._everything()), default=0)
        self._serial = itertools.count(int(clock.now() * 1000))

    # People and channels

    def person(self, who: str) -> Person:
        """By id, name or e-mail address; `user_not_found` otherwise."""
        for person in PEOPLE:
            if who in (person.id, person.name, person.email):
                return person
        raise Refusal("user_not_found")

    def channels(self) -> list[Channel]:
        """All of them, the archived and the direct ones too."""
        return list(self._channels.values())

    def channel(self, where: str) -> Channel:
        """By id, name or #name; a person's id means the direct messages with them. Or `channel_not_found`."""
        if where in self._channels:
            return self._channels[where]
        name = where.removeprefix("#")
        for channel in self._channels.values():
            if name and channel.name == name and not channel.is_im:
                return channel
        for person in PEOPLE:
            if where == person.id and not person.is_bot:
                return self.direct(person)
        raise Refusal("channel_not_found")

    def direct(self, person: Person) -> Channel:
        """The direct messages between the bot and `person`, opened if need be."""
        identity = "D" + person.id[1:]
        if identity not in self._channels:
            self.put_channel(Channel(identity, BOT.real_name, "", (person.id, BOT.id), is_im=True))
        return self._channels[identity]

    def put_channel(self, channel: Channel) -> None:
        """Make a channel, or change one (its members, its archival)."""
        self._channels[channel.id] = channel
        self._archive.put("channel", channel.id, asdict(channel))

    # Reading

    def find(self, channel: str, ts: str) -> Message:
        """The message at `ts`, or `message_not_found`."""
        try:
            return self._messages[channel][ts]
        except KeyError:
            raise Refusal("message_not_found") from None

    def replies(self, message: Message) -> list[Message]:
        """The replies to a root, oldest first; none to a reply."""
        return self._replies.get((message.channel, message.ts), []) if message.thread_ts is None else []

    def history(self, channel: str) -> list[Message]:
        """What shows in the channel itself, oldest first: roots and the replies also sent there."""
        return sorted((m for m in self._messages.get(channel, {}).values() if m.in_channel), key=_when)

    def thread(self, channel: str, ts: str) -> list[Message]:
        """The root of the thread that `ts` belongs to and its replies, or `thread_not_found`."""
        message = self._messages.get(channel, {}).get(ts)
        root = self._messages.get(channel, {}).get(message.thread_ts or message.ts) if message else None
        if root is None:
            raise Refusal("thread_not_found")
        return [root, *self.replies(root)]

    def ephemerals(self, person: str) -> list[Message]:
        """What only `person` sees and has not dismissed, oldest first."""
        return sorted((whisper for whisper in self._whispers.values() if whisper.to == person), key=_when)

    def ephemeral(self, ephemeral_id: str) -> Message:
        """One ephemeral message, or `message_not_found`."""
        try:
            return self._whispers[ephemeral_id]
        except KeyError:
            raise Refusal("message_not_found") from None

    def anywhere(self, ts: str, person: str) -> Message:
        """The message at `ts` in whichever channel, or among the ephemerals of `person`; or `message_not_found`."""
        for here in self._messages.values():
            if ts in here:
                return here[ts]
        for whisper in self.ephemerals(person):
            if whisper.ts == ts:
                return whisper
        raise Refusal("message_not_found")

    # Changing

    def post(self, channel: str, user: str, text: str, *, thread_ts: str | None = None, **fields: Any) -> Message:
        """Say something; `fields` as in `Message`. A reply to a reply joins the thread of its root."""
        if thread_ts:
            thread_ts = self.thread(channel, thread_ts)[0].ts
        message = self._draft(channel, user, text, thread_ts=thread_ts, **fields)
        self._archive.put("message", f"{channel}/{message.ts}", message.document())
        self._remember(message)
        self._tell("message", message)
        if thread_ts:
            self._tell("changed", self.find(channel, thread_ts))
        return message

    def whisper(self, channel: str, user: str, text: str, *, to: str, **fields: Any) -> Message:
        """Say something that only `to` sees."""
        identity = f"E{next(self._serial)}"
        message = self._draft(channel, user, text, to=to, ephemeral_id=identity, **fields)
        self._put_whisper(message)
        self._tell("message", message)
        return message

    def edit(self, message: Message, **fields: Any) -> Message:
        """Change fields of a message, ephemeral or not; it is marked as edited and notifies nobody."""
        blocks = self._with_ids(fields["blocks"]) if fields.get("blocks") else fields.get("blocks", message.blocks)
        edited = replace(message, **{**fields, "blocks": blocks or None, "edited_ts": self.stamp()})
        return self._swap(edited)

    def attach(self, message: Message, file: SharedFile) -> Message:
        """Add a file to a message."""
        return self._swap(replace(message, files=(*message.files, file)))

    def react(self, message: Message, name: str, user: str) -> Message:
        """Put an emoji under a message, or `already_reacted`."""
        users = {each.name: each.users for each in message.reactions}
        if user in users.get(name, ()):
            raise Refusal("already_reacted")
        users[name] = (*users.get(name, ()), user)
        return self._swap(replace(message, reactions=tuple(Reaction(*each) for each in users.items())))

    def delete(self, message: Message) -> None:
        """Take a message away; a root with replies leaves a tombstone, as in Slack."""
        if message.ephemeral_id:
            self.dismiss(message.ephemeral_id)
            return
        if self.replies(message):
            gone = replace(message, text="This message was deleted.", subtype="tombstone", blocks=None, files=())
            self._swap(gone)
            return
        self._archive.drop("message", f"{message.channel}/{message.ts}")
        del self._messages[message.channel][message.ts]
        if message.thread_ts:
            self._replies[message.channel, message.thread_ts].remove(message)
            self._tell("changed", self.find(message.channel, message.thread_ts))
        self._feed.publish({"type": "deleted", "channel": message.channel, "ts": message.ts})

    def dismiss(self, ephemeral_id: str) -> None:
        """Take an ephemeral message away; it need not be there."""
        message = self._whispers.pop(ephemeral_id, None)
        if message is None:
            return
        self._archive.drop("ephemeral", ephemeral_id)
        event = {"type": "deleted", "channel": message.channel, "ts": message.ts, "ephemeral_id": ephemeral_id}
        self._feed.publish(event, to=message.to)

    def stamp(self) -> str:
        """A fresh ts: the time in seconds with microseconds, unique and growing."""
        self._last = max(int(self._clock.now() * 1_000_000), self._last + 1)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    # Within

    def _draft(self, channel: str, user: str, text: str, **fields: Any) -> Message:
        blocks = self._with_ids(fields.pop("blocks", None) or [])
        notified = pings(text, blocks, mrkdwn=fields.get("mrkdwn", True))
        return Message(
            channel=channel, ts=self.stamp(), user=user, text=text, blocks=blocks or None, pings=notified, **fields
        )

    def _with_ids(self, blocks: Iterable[Json]) -> list[Json]:
        return with_ids(list(blocks), lambda: next(self._serial))

    def _remember(self, message: Message) -> None:
        here = self._messages.setdefault(message.channel, {})
        before = here.get(message.ts)
        here[message.ts] = message
        if message.thread_ts:
            thread = self._replies.setdefault((message.channel, message.thread_ts), [])
            if before is not None:
                thread.remove(before)
            insort(thread, message, key=_when)

    def _swap(self, message: Message) -> Message:
        if message.ephemeral_id:
            self._put_whisper(message)
        else:
            self._archive.put("message", f"{message.channel}/{message.ts}", message.document())
            self._remember(message)
        self._tell("changed", message)
        return message

    def _put_whisper(self, message: Message) -> None:
        self._whispers[str(message.ephemeral_id)] = message
        self._archive.put("ephemeral", str(message.ephemeral_id), message.document())

    def _tell(self, kind: str, message: Message) -> None:
        event = {"type": kind, "message": for_page(message, self.replies(message))}
        self._feed.publish(event, to=message.to)

    def _everything(self) -> list[Message]:
        said = [message for here in self._messages.values() for message in here.values()]
        return said + list(self._whispers.values())
