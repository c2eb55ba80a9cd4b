"""The `Chat` door over slack_sdk's WebClient: Slack's Web API, and nothing of Bolt."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import DoorError, NotFound
from bot.ports import Message, Person
from bot.slack.errors import WITHOUT, translated, word_of
from bot.slack.spelling import PLAIN, Spelling

log = logging.getLogger(__name__)

EVENT_TYPE = "stationmaster_message"
"""Type of the metadata that carries a message's key."""
TIMEOUT, UPLOAD_TIMEOUT = 10, 60
"""Seconds that a call, and the transfer of a log, may take."""
SLACK = "https://slack.com/api/"

_PAGE, _PAGES = 200, 10
"""How far back a look goes: 2,000 messages, more than a thread of ours holds."""


def web_client(token: str, api_url: str = SLACK, *, timeout: int = TIMEOUT) -> WebClient:
    """A client that never repeats a call by itself: slack_sdk's default handler posts twice after a reset."""
    return WebClient(token=token, base_url=api_url.rstrip("/") + "/", timeout=timeout, retry_handlers=[])


class SlackChat:
    """One workspace. Safe from any thread: a call holds no state but what is remembered of direct messages.

    A `channel` may also be a person's id: the message goes to the direct messages between the app and them.
    """

    def __init__(self, client: WebClient, spelling: Spelling = PLAIN) -> None:
        client.retry_handlers.clear()
        self._client, self._spelling = client, spelling
        self._uploads = web_client(client.token or "", client.base_url, timeout=UPLOAD_TIMEOUT)
        self._uploads.proxy, self._uploads.ssl = client.proxy, client.ssl
        self._direct: dict[str, str] = {}
        self._missing: set[str] = set()
        self._workspace = ""

    def post(self, channel: str, message: Message, *, thread: str | None = None, in_channel: bool = False) -> str:
        """See `Chat.post`."""
        how: dict[str, Any] = {"link_names": False, "unfurl_links": False, "unfurl_media": False}
        if thread and in_channel:
            how["reply_broadcast"] = True
        return str(self._say("chat.postMessage", self._place(channel), message, thread_ts=thread, **how)["ts"])

    def update(self, channel: str, ts: str, message: Message) -> None:
        """See `Chat.update`."""
        self._say("chat.update", self._place(channel), message, ts=ts)

    def find(self, channel: str, key: str, *, thread: str | None = None, since: float = 0.0) -> str | None:
        """See `Chat.find`. A message that stands for several has all their keys, separated by spaces.

        None as well where the app may not read: better said twice than never.
        """
        for message in self._said(self._place(channel), thread, since):
            metadata = message.get("metadata") or {}
            keys = str((metadata.get("event_payload") or {}).get("key") or "").split()
            if metadata.get("event_type") == EVENT_TYPE and key in keys:
                return str(message["ts"])
        return None

    def upload(self, channel: str, thread: str, *, name: str, title: str, content: bytes, caption: str = "") -> None:
        """See `Chat.upload`.

        Without `alt_txt`: Slack says ok to it, and shares the file with nobody (slackapi/python-slack-sdk#1818).
        """
        with translated("files.upload"):
            self._uploads.files_upload_v2(
                channel=self._place(channel),
                thread_ts=thread,
                filename=name,
                title=title,
                content=content or b"(nothing was written)\n",
                initial_comment=caption or None,
            )

    def has_file(self, channel: str, thread: str, name: str) -> bool:
        """See `Chat.has_file`."""
        said = self._said(self._place(channel), thread, 0.0)
        return any(file.get("name") == name for message in said for file in message.get("files") or ())

    def whisper(self, channel: str, user: str, message: Message, *, thread: str | None = None) -> None:
        """See `Chat.whisper`."""
        if channel.startswith(("U", "W")):  # it was asked for in the home tab, or there is no channel any more
            self.post(user, message)
            return
        try:
            self._call("chat.postEphemeral", channel=channel, user=user, thread_ts=thread, **self._written(message))
        except NotFound:
            self.post(user, message)

    def address(self, channel: str, ts: str) -> str:
        """See `Chat.address`. Asks Slack for the workspace once."""
        workspace = self.workspace()
        return f"{workspace}archives/{channel}/p{ts.replace('.', '')}" if workspace and channel[:1] not in "UW" else ""

    def workspace(self) -> str:
        """The workspace's address, with a slash at its end; empty while Slack does not tell."""
        if not self._workspace:
            url = str(self._call("auth.test").get("url") or "")
            self._workspace = url and url.rstrip("/") + "/"
        return self._workspace

    def person(self, user: str) -> Person:
        """See `Chat.person`."""
        return _person(user, self._call("users.info", user=user).get("user") or {})

    def person_of(self, email: str) -> Person | None:
        """See `Chat.person_of`."""
        try:
            found = self._call("users.lookupByEmail", email=email).get("user") or {}
        except NotFound:
            return None
        return _person(str(found["id"]), found) if found.get("id") else None

    def who_am_i(self) -> str:
        """The app's own name and its workspace, for `stationmaster doctor`."""
        known = self._call("auth.test")
        return f"{known.get('user') or known.get('user_id')} in {known.get('team') or known.get('team_id')}"

    def _say(self, method: str, place: str, message: Message, **more: Any) -> Mapping[str, Any]:
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"key": message.key}} if message.key else None
        return self._call(
            method,
            channel=place,
            metadata=metadata,
            **self._written(message),
            **more,
        )

    def _written(self, message: Message) -> Mapping[str, Any]:
        blocks = self._spelling.blocks(list(message.blocks))
        return {"text": self._spelling.text(message.text), "blocks": blocks or None}

    def _said(self, place: str, thread: str | None, since: float) -> Iterator[Mapping[str, Any]]:
        """Messages of a thread, or of the channel from its newest back; none where the app may not read."""
        method = "conversations.replies" if thread else "conversations.history"
        where = {"ts": thread} if thread else {}
        cursor = None
        for _ in range(_PAGES):
            page = self._look(
                method,
                channel=place,
                oldest=f"{max(0.0, since):.6f}",
                inclusive=True,
                include_all_metadata=True,
                limit=_PAGE,
                cursor=cursor,
                **where,
            )
            yield from page.get("messages") or ()
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return

    def _look(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """A call that may be missing: the answer is empty then, and the log says so once."""
        try:
            with translated(method):
                return self._ask(method, arguments)
        except DoorError as error:
            cause = error.__cause__
            if not (isinstance(cause, SlackApiError) and word_of(cause) in WITHOUT):
                raise
            if method not in self._missing:
                self._missing.add(method)
                log.warning("%s. After a lost answer a message may be said twice.", error)
            return {}

    def _place(self, channel: str) -> str:
        """The channel itself, or for a person's id their direct messages."""
        if not channel.startswith(("U", "W")):
            return channel
        if channel not in self._direct:
            opened = self._look("conversations.open", users=channel).get("channel") or {}
            self._direct[channel] = str(opened.get("id") or channel)
        return self._direct[channel]

    def _call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        with translated(method):
            return self._ask(method, arguments)

    def _ask(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        given = {name: value for name, value in arguments.items() if value is not None}
        if method.startswith("chat."):
            return dict(self._client.api_call(method, json=given).data)  # type: ignore[arg-type]  # JSON, never bytes
        return dict(self._client.api_call(method, params=given).data)  # type: ignore[arg-type]


def _person(user: str, found: Mapping[str, Any]) -> Person:
    profile = found.get("profile") or {}
    name = profile.get("display_name") or profile.get("real_name") or found.get("real_name") or found.get("name")
    return Person(id=user, name=str(name or user), email=str(profile.get("email") or ""), tz=str(found.get("tz") or ""))
