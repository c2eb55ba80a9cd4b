"""conversations.*: channels, and what was said in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.sandbox.slack.call import Call
from bot.sandbox.slack.message import Message, for_api
from bot.sandbox.slack.paging import page
from bot.sandbox.slack.parts import Parts
from bot.sandbox.slack.people import BOT, TEAM, Channel
from bot.sandbox.slack.refusal import Refusal

Json = dict[str, Any]
EVER = "9" * 10


def info(parts: Parts, call: Call) -> Json:
    """One channel."""
    return {"channel": _shown(parts.workspace.channel(call.required("channel")))}


def every(parts: Parts, call: Call) -> Json:
    """All channels of the wanted `types`."""
    types = call.text("types", "public_channel").split(",")
    found = [
        _shown(channel)
        for channel in parts.workspace.channels()
        if ("im" if channel.is_im else "public_channel") in types
        and not (channel.is_archived and call.flag("exclude_archived"))
    ]
    items, cursor = page(found, call, most=1000, usual=100)
    return {"channels": items, "response_metadata": {"next_cursor": cursor}}


def members(parts: Parts, call: Call) -> Json:
    """The ids of those in a channel."""
    channel = parts.workspace.channel(call.required("channel"))
    items, cursor = page(channel.members, call, most=1000, usual=100)
    return {"members": list(items), "response_metadata": {"next_cursor": cursor}}


def start(parts: Parts, call: Call) -> Json:
    """The direct messages with one person."""
    if call.text("channel"):
        return {"channel": _shown(parts.workspace.channel(call.text("channel")))}
    people = [parts.workspace.person(each.strip()) for each in call.required("users").split(",")]
    if len(people) != 1 or people[0].is_bot:
        raise Refusal("cannot_dm_bot" if len(people) == 1 else "too_many_users")
    return {"channel": {"id": parts.workspace.direct(people[0]).id}}


def history(parts: Parts, call: Call) -> Json:
    """What shows in a channel, newest first."""
    channel = _readable(parts, call)
    said = [each for each in reversed(parts.workspace.history(channel.id)) if _within(each, call)]
    items, cursor = page(said, call, most=999, usual=100)
    return _answer(parts, call, items, cursor)


def replies(parts: Parts, call: Call) -> Json:
    """A thread, its root first and then its replies from the oldest."""
    channel = _readable(parts, call)
    root, *rest = parts.workspace.thread(channel.id, call.required("ts"))
    said = [root, *(each for each in rest if _within(each, call))]
    items, cursor = page(said, call, most=1000, usual=1000)
    return _answer(parts, call, items, cursor)


def _readable(parts: Parts, call: Call) -> Channel:
    channel = parts.workspace.channel(call.required("channel"))
    if BOT.id not in channel.members:
        raise Refusal("not_in_channel")
    return channel


def _within(message: Message, call: Call) -> bool:
    oldest, latest = call.text("oldest", "0"), call.text("latest") or EVER
    if call.flag("inclusive"):
        return float(oldest) <= float(message.ts) <= float(latest)
    return float(oldest) < float(message.ts) < float(latest)


def _answer(parts: Parts, call: Call, said: Sequence[Message], cursor: str) -> Json:
    metadata = call.flag("include_all_metadata")
    shown = [for_api(each, parts.workspace.replies(each), address=parts.address, metadata=metadata) for each in said]
    answer: Json = {"messages": shown, "has_more": bool(cursor)}
    return {**answer, "response_metadata": {"next_cursor": cursor}} if cursor else answer


def _shown(channel: Channel) -> Json:
    if channel.is_im:
        person = next(each for each in channel.members if each != BOT.id)
        return {"id": channel.id, "is_im": True, "user": person, "is_archived": False, "created": 0}
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": True,
        "is_im": False,
        "is_private": False,
        "is_archived": channel.is_archived,
        "is_member": BOT.id in channel.members,
        "context_team_id": TEAM.id,
        "created": 0,
        "num_members": len(channel.members),
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }
