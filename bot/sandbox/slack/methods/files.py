"""files.*: the three steps of an upload, the second of which is a plain POST to the given address."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.call import Call
from bot.sandbox.slack.limits import check_blocks
from bot.sandbox.slack.message import SharedFile, file_for_api
from bot.sandbox.slack.parts import Parts
from bot.sandbox.slack.people import BOT
from bot.sandbox.slack.refusal import Refusal, refuse

Json = dict[str, Any]
ALT = 1000


def get_upload_url(parts: Parts, call: Call) -> Json:
    """Where to send the bytes of a file."""
    length = call.number("length", 0)
    if length <= 0:
        raise Refusal("invalid_arguments", response_metadata={"messages": ["[ERROR] length must be at least 1"]})
    alt = call.text("alt_txt")
    if len(alt) > ALT:
        raise Refusal("alt_txt_too_large")
    upload = parts.uploads.begin(call.required("filename"), length, alt)
    return {"upload_url": parts.address + upload.path, "file_id": upload.id}


def complete_upload(parts: Parts, call: Call) -> Json:
    """Finish uploads and share them in one message. Doing it again shares them again, as Slack does."""
    wanted = call.json("files")
    if not isinstance(wanted, list) or not wanted or not all(isinstance(each, dict) for each in wanted):
        raise Refusal("invalid_arguments")
    place = call.text("channel_id") or call.text("channels").split(",")[0]
    channel = parts.open_channel(place) if place else None
    blocks = call.json("blocks", "invalid_blocks_format")
    refuse(check_blocks(blocks or []))
    thread_ts = call.text("thread_ts") or None
    if channel and thread_ts:
        parts.workspace.thread(channel.id, thread_ts)
    done = [parts.uploads.complete(str(each.get("id")), str(each.get("title") or "")) for each in wanted]
    if channel:
        text = call.text("initial_comment")
        parts.workspace.post(channel.id, BOT.id, text, thread_ts=thread_ts, blocks=blocks, files=tuple(done))
    return {"files": [_shown(parts, file) for file in done]}


def info(parts: Parts, call: Call) -> Json:
    """One file."""
    return {"file": _shown(parts, parts.uploads.file(call.required("file"))), "comments": []}


def _shown(parts: Parts, file: SharedFile) -> Json:
    return file_for_api(file, parts.address)
