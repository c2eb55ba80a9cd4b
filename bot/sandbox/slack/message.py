"""A message as this Slack keeps it, and the two ways it is written down: for the Web API and for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from bot.sandbox.slack.people import APP_ID, BOT, TEAM

Json = dict[str, Any]
THUMBNAILS = (80, 360, 720)


@dataclass(frozen=True, slots=True)
class SharedFile:
    """An uploaded file as a message carries it.

    `size` is in bytes, `path` is from the root of the stand-in and the page's own way to it; `width` and `height` are a
    picture's in pixels, 0 for any other file, and `alt` says what it shows.
    """

    id: str
    name: str
    title: str
    mimetype: str
    size: int
    path: str
    created: int = 0
    user: str = BOT.id
    alt: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Reaction:
    """One emoji under a message and who put it there."""

    name: str
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something said in a channel; text and blocks exactly as they were sent.

    `thread_ts` is the root's ts in a reply and None in a root. `to` is set in an ephemeral message: the only
    person who sees it, under `ephemeral_id`. `pings` are the user ids, and `!channel`, `!here` or `!everyone`,
    that were notified when it was posted (an edit notifies nobody).
    """

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json] | None = None
    attachments: list[Json] | None = None
    thread_ts: str | None = None
    subtype: str | None = None
    metadata: Json | None = None
    mrkdwn: bool = True
    edited_ts: str | None = None
    files: tuple[SharedFile, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    pings: tuple[str, ...] = ()
    to: str | None = None
    ephemeral_id: str | None = None

    @property
    def by_bot(self) -> bool:
        """Whether the app said it."""
        return self.user == BOT.id

    @property
    def in_channel(self) -> bool:
        """Whether it shows in the channel itself: a root, or a reply that was also sent to the channel."""
        return self.thread_ts is None or self.subtype == "thread_broadcast"

    def document(self) -> Json:
        """All fields as JSON; `from_document` reads it back."""
        return asdict(self)


def from_document(document: Json) -> Message:
    """The message that `Message.document` wrote."""
    files = tuple(SharedFile(**file) for file in document["files"])
    reactions = tuple(Reaction(each["name"], tuple(each["users"])) for each in document["reactions"])
    pings = tuple(document["pings"])
    return Message(**{**document, "files": files, "reactions": reactions, "pings": pings})


def for_api(message: Message, replies: Sequence[Message], *, address: str, metadata: bool = False) -> Json:
    """`message` as chat.* and conversations.* write it; `metadata` as with include_all_metadata."""
    answer: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text, "team": TEAM.id}
    if message.by_bot:
        answer |= {"bot_id": BOT.bot_id, "app_id": APP_ID, "bot_profile": bot_profile()}
    if message.subtype:
        answer["subtype"] = message.subtype
    for name in ("blocks", "attachments"):
        if getattr(message, name):
            answer[name] = getattr(message, name)
    if message.files:
        answer["files"] = [file_for_api(file, address) for file in message.files]
    if message.edited_ts:
        answer["edited"] = {"user": message.user, "ts": message.edited_ts}
    if message.reactions:
        answer["reactions"] = [
            {"name": each.name, "users": list(each.users), "count": len(each.users)} for each in message.reactions
        ]
    if metadata and message.metadata:
        answer["metadata"] = message.metadata
    return answer | _thread_fields(message, replies)


def _thread_fields(message: Message, replies: Sequence[Message]) -> Json:
    if message.thread_ts:
        return {"thread_ts": message.thread_ts}
    if not replies:
        return {}
    users = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": users,
        "reply_users_count": len(users),
        "latest_reply": replies[-1].ts,
        "is_locked": False,
        "subscribed": False,
    }


def bot_profile() -> Json:
    """What Slack tells about the app beside each of its messages."""
    return {"id": BOT.bot_id, "app_id": APP_ID, "name": BOT.real_name, "team_id": TEAM.id, "deleted": False}


def file_for_api(file: SharedFile, address: str) -> Json:
    """`file` as files.info writes it; `address` is the stand-in's own, without a slash at its end.

    Its addresses open with the bot's token only.
    """
    place = f"{address}/files-pri/{TEAM.id}-{file.id}"
    about: Json = {
        "id": file.id,
        "created": file.created,
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype,
        "filetype": file.name.rpartition(".")[2],
        "user": file.user,
        "size": file.size,
        "mode": "hosted",
        "is_external": False,
        "url_private": f"{place}/{quote(file.name, safe='')}",
        "url_private_download": f"{place}/download/{quote(file.name, safe='')}",
        "permalink": address + file.path,
    }
    if file.alt:
        about["alt_txt"] = file.alt
    return about | _picture_fields(file, place.replace("files-pri", "files-tmb"))


def _picture_fields(file: SharedFile, place: str) -> Json:
    if not file.width:
        return {}
    about: Json = {"original_w": file.width, "original_h": file.height}
    for most in THUMBNAILS:
        width, height = fitted(file, most)
        about |= {f"thumb_{most}": f"{place}/{most}", f"thumb_{most}_w": width, f"thumb_{most}_h": height}
    return about


def fitted(file: SharedFile, most: int) -> tuple[int, int]:
    """Width and height of a thumbnail of `most` pixels at the longer side; a small picture stays as it is."""
    ratio = min(1.0, most / max(file.width, file.height))
    return max(1, round(file.width * ratio)), max(1, round(file.height * ratio))


def for_page(message: Message, replies: Sequence[Message]) -> Json:
    """`message` as the page reads it."""
    return {
        "channel": message.channel,
        "ts": message.ts,
        "user": message.user,
        "text": message.text,
        "blocks": message.blocks or None,
        "attachments": message.attachments or None,
        "thread_ts": message.thread_ts or (message.ts if replies else None),
        "reply_count": len(replies),
        "latest_reply": replies[-1].ts if replies else None,
        "edited": message.edited_ts is not None,
        "ephemeral": message.to is not None,
        "ephemeral_id": message.ephemeral_id,
        "pings": list(message.pings),
        "replies": [{"ts": each.ts, "user": each.user, "pings": list(each.pings)} for each in replies],
        "files": [_file_for_page(file) for file in message.files],
        "bot": message.by_bot,
        "subtype": message.subtype,
        "reactions": [{"name": each.name, "count": len(each.users)} for each in message.reactions],
    }


def _file_for_page(file: SharedFile) -> Json:
    return {
        "id": file.id,
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype,
        "size": file.size,
        "url": file.path,
        "alt": file.alt or None,
        "width": file.width,
        "height": file.height,
    }
