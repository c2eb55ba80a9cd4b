"""chat.*: say, change and take back."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.call import Call
from bot.sandbox.slack.limits import check_message
from bot.sandbox.slack.message import Message, for_api
from bot.sandbox.slack.parts import Parts
from bot.sandbox.slack.people import BOT
from bot.sandbox.slack.refusal import Refusal, refuse

Json = dict[str, Any]


def post_message(parts: Parts, call: Call) -> Json:
    """A message in a channel or in a thread of it."""
    channel = parts.open_channel(call.required("channel"))
    content = _content(call)
    refuse(check_message(**content))
    thread_ts = call.text("thread_ts") or None
    broadcast = thread_ts and call.flag("reply_broadcast")
    said = parts.workspace.post(
        channel.id,
        BOT.id,
        thread_ts=thread_ts,
        subtype="thread_broadcast" if broadcast else None,
        mrkdwn=call.flag("mrkdwn", default=True),
        **content,
    )
    return {"channel": channel.id, "ts": said.ts, "message": _shown(parts, said)}


def post_ephemeral(parts: Parts, call: Call) -> Json:
    """A message that one person sees, `user_not_in_channel` if they are elsewhere."""
    channel = parts.open_channel(call.required("channel"))
    person = parts.workspace.person(call.required("user"))
    if person.id not in channel.members:
        raise Refusal("user_not_in_channel")
    content = _content(call)
    refuse(check_message(**content))
    thread_ts = call.text("thread_ts") or None
    said = parts.workspace.whisper(channel.id, BOT.id, to=person.id, thread_ts=thread_ts, **content)
    return {"message_ts": said.ts}


def update(parts: Parts, call: Call) -> Json:
    """Other words in a message of the app's own; text, blocks and metadata that are not given stay."""
    channel = parts.open_channel(call.required("channel"))
    old = _own(parts, channel.id, call.required("ts"), "cant_update_message")
    content = _content(call)
    given = {name: value for name, value in content.items() if call.has(name)}
    after = {name: getattr(old, name) for name in content} | given
    refuse(check_message(**after))
    new = parts.workspace.edit(old, **{**after, "metadata": after["metadata"] or None})
    return {"channel": channel.id, "ts": new.ts, "text": new.text, "message": _shown(parts, new)}


def delete(parts: Parts, call: Call) -> Json:
    """Take a message of the app's own away."""
    channel = parts.open_channel(call.required("channel"))
    message = _own(parts, channel.id, call.required("ts"), "cant_delete_message")
    parts.workspace.delete(message)
    return {"channel": channel.id, "ts": message.ts}


def get_permalink(parts: Parts, call: Call) -> Json:
    """A link to a message."""
    channel = parts.workspace.channel(call.required("channel"))
    message = parts.workspace.find(channel.id, call.required("message_ts"))
    thread = f"?thread_ts={message.thread_ts}&cid={channel.id}" if message.thread_ts else ""
    link = f"{parts.address}/archives/{channel.id}/p{message.ts.replace('.', '')}{thread}"
    return {"channel": channel.id, "permalink": link}


def _content(call: Call) -> Json:
    return {
        "text": call.text("text"),
        "blocks": call.json("blocks", "invalid_blocks_format"),
        "attachments": call.json("attachments", "invalid_attachments"),
        "metadata": call.json("metadata", "invalid_metadata_format"),
    }


def _own(parts: Parts, channel: str, ts: str, refusal: str) -> Message:
    message = parts.workspace.find(channel, ts)
    if not message.by_bot or message.subtype in ("tombstone", "channel_join"):
        raise Refusal(refusal)
    return message


def _shown(parts: Parts, message: Message) -> Json:
    return for_api(message, parts.workspace.replies(message), address=parts.address, metadata=True)
