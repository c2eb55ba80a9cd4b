"""The addresses that the page talks to, as a person at a keyboard. Only the page itself may use them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.sandbox.slack.deliveries import Refused
from bot.sandbox.slack.faults import KINDS, Fault, Faults
from bot.sandbox.slack.feed import Event, Feed
from bot.sandbox.slack.interactions import INVITE, Interactions, SlashCommand
from bot.sandbox.slack.line import Line
from bot.sandbox.slack.message import Message, for_page
from bot.sandbox.slack.page_forms import PageForms
from bot.sandbox.slack.people import ALICE, PEOPLE, TEAM, Channel, Person
from bot.sandbox.slack.refusal import Refusal
from bot.sandbox.slack.workspace import Workspace

Json = dict[str, Any]
LAST = 200
HERE = Path(__file__).parent
ASSETS = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css"}
FOREIGN = 403
_SORRY = {
    "user_not_found": "There is no such person.",
    "channel_not_found": "There is no such channel.",
    "message_not_found": "This message is gone.",
    "thread_not_found": "This thread is gone.",
}


class PageApi:
    """Routes for the page; `links` may be changed at any time."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        interactions: Interactions,
        forms: PageForms,
        line: Line,
        feed: Feed,
        faults: Faults,
        commands: Sequence[SlashCommand],
    ) -> None:
        self._workspace = workspace
        self._interactions = interactions
        self._forms = forms
        self._line = line
        self._feed = feed
        self._faults = faults
        self._commands = (*commands, INVITE)
        self.links: list[tuple[str, str]] = []

    def routes(self) -> list[BaseRoute]:
        """For Starlette."""
        posts = {
            "post": self._post,
            "command": self._command,
            **self._forms.posts(),
            "dismiss": self._dismiss,
            "faults": self._plan_fault,
        }
        return [
            Route("/", _page),
            Route("/sandbox/state", self._state),
            Route("/sandbox/messages", self._messages),
            *[Route(f"/sandbox/{name}", _answered(deed), methods=["POST"]) for name, deed in posts.items()],
            WebSocketRoute("/sandbox/live", self._live),
            Route("/archives/{channel}/{moment}", self._permalink),
            Route("/{asset}", _asset),
        ]

    async def _state(self, request: Request) -> Response:
        try:
            me = self._person(request.query_params)
        except Refusal as refusal:
            return JSONResponse({"ok": False, "error": _SORRY[refusal.error]}, 404)
        self._workspace.direct(me)
        mine = [channel for channel in self._workspace.channels() if self._sees(me, channel)]
        return JSONResponse(
            {
                "team": {"id": TEAM.id, "name": TEAM.name},
                "me": _user(me),
                "users": [_user(person) for person in PEOPLE],
                "channels": [_channel(channel, me) for channel in mine],
                "commands": [
                    {"command": each.name, "usage_hint": each.usage_hint, "description": each.description}
                    for each in self._commands
                ],
                **self._forms.state(me),
                "links": [{"text": text, "url": url} for text, url in self.links],
            }
        )

    async def _messages(self, request: Request) -> Response:
        query = request.query_params
        try:
            me = self._person(query)
            channel = self._workspace.channel(query.get("channel", ""))
            thread_ts = query.get("thread_ts")
            said = self._workspace.thread(channel.id, thread_ts) if thread_ts else self._recent(channel, me)
        except Refusal as refusal:
            return JSONResponse({"ok": False, "error": _SORRY[refusal.error]}, 404)
        if thread_ts:
            said += [each for each in self._whispers(channel, me) if each.thread_ts == said[0].ts]
        return JSONResponse({"messages": [for_page(each, self._workspace.replies(each)) for each in said]})

    def _recent(self, channel: Channel, me: Person) -> list[Message]:
        whispers = [each for each in self._whispers(channel, me) if each.thread_ts is None]
        return sorted([*self._workspace.history(channel.id), *whispers], key=lambda each: each.ts)[-LAST:]

    def _whispers(self, channel: Channel, me: Person) -> list[Message]:
        return [each for each in self._workspace.ephemerals(me.id) if each.channel == channel.id]

    async def _post(self, body: Json) -> Json:
        me, channel = self._person(body), self._workspace.channel(_text(body, "channel"))
        text = _text(body, "text").strip()
        if not text:
            raise Refused("There is nothing to send.")
        said = self._workspace.post(channel.id, me.id, text, thread_ts=_text(body, "thread_ts") or None)
        return {"ts": said.ts}

    async def _command(self, body: Json) -> Json:
        me, channel = self._person(body), self._workspace.channel(_text(body, "channel"))
        await self._interactions.command(me, channel, _text(body, "text"), _text(body, "thread_ts") or None)
        return {}

    async def _dismiss(self, body: Json) -> Json:
        whisper = self._workspace.ephemeral(_text(body, "ephemeral_id"))
        if whisper.to == self._person(body).id:
            self._workspace.dismiss(str(whisper.ephemeral_id))
        return {}

    async def _plan_fault(self, body: Json) -> Json:
        kind: Any = _text(body, "kind")
        if kind not in KINDS or not _text(body, "method"):
            raise Refused(f"A fault needs a method and a kind, one of {', '.join(KINDS)}.")
        fault = Fault(kind, float(body.get("retry_after", 1)))
        self._faults.plan(_text(body, "method"), fault, times=int(body.get("times", 1)))
        return {}

    async def _permalink(self, request: Request) -> Response:
        """Where chat.getPermalink points: the page, at the thread of the message."""
        digits = request.path_params["moment"].removeprefix("p")
        try:
            channel = self._workspace.channel(request.path_params["channel"])
            root = self._workspace.thread(channel.id, f"{digits[:-6]}.{digits[-6:]}")[0]
        except Refusal as refusal:
            return PlainTextResponse(_SORRY[refusal.error], 404)
        return RedirectResponse(f"/#{channel.name}/{root.ts}")

    async def _live(self, socket: WebSocket) -> None:
        if not _own(socket):
            await socket.close()
            return
        try:
            me = self._person(socket.query_params)
        except Refusal:
            await socket.close()
            return
        await socket.accept()
        news: asyncio.Queue[Event] = asyncio.Queue()
        news.put_nowait({"type": "app", "connected": self._line.connected})
        with self._feed.listen(news.put_nowait, person=me.id):
            sender = asyncio.create_task(_send(news, socket))
            with suppress(WebSocketDisconnect):
                async for _ in socket.iter_text():
                    pass
            sender.cancel()
            with suppress(asyncio.CancelledError):
                await sender

    def _person(self, fields: Any) -> Person:
        return self._workspace.person(str(fields.get("user") or ALICE.id))

    def _sees(self, person: Person, channel: Channel) -> bool:
        return not channel.is_im or person.id in channel.members


async def _send(news: asyncio.Queue[Event], socket: WebSocket) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):  # the page went away
        while True:
            await socket.send_json(await news.get())


def _answered(deed: Callable[[Json], Awaitable[Json]]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint around `deed`: JSON in, `{"ok": true, ...}` or a sentence out."""

    async def endpoint(request: Request) -> Response:
        if not _own(request):
            return PlainTextResponse("Only the page of this sandbox may do this.", FOREIGN)
        try:
            body = json.loads(await request.body())
            return JSONResponse({"ok": True, **await deed(dict(body))})
        except Refused as refused:
            return JSONResponse({"ok": False, "error": str(refused)})
        except Refusal as refusal:
            return JSONResponse({"ok": False, "error": _SORRY.get(refusal.error, refusal.error)})
        except (ValueError, TypeError):
            return JSONResponse({"ok": False, "error": "The request is not the JSON object that belongs here."}, 400)

    return endpoint


def _own(connection: HTTPConnection) -> bool:
    """Whether no other site's page is behind a request (a browser always says where it comes from)."""
    origin = connection.headers.get("origin")
    return origin is None or origin.partition("://")[2] == connection.headers.get("host")


async def _page(_request: Request) -> Response:
    return _file("page.html")


async def _asset(request: Request) -> Response:
    return _file(request.path_params["asset"])


def _file(name: str) -> Response:
    """A part of the page, read anew each time so that an edit shows on reload."""
    path = HERE / name
    if not name.startswith("page") or path.suffix not in ASSETS or path.parent != HERE or not path.is_file():
        return PlainTextResponse("There is nothing here.", 404)
    return Response(path.read_bytes(), media_type=ASSETS[path.suffix], headers={"Cache-Control": "no-store"})


def _user(person: Person) -> Json:
    return {
        "id": person.id,
        "name": person.name,
        "real_name": person.real_name,
        "is_bot": person.is_bot,
        "icon": person.icon,
    }


def _channel(channel: Channel, me: Person) -> Json:
    return {
        "id": channel.id,
        "name": channel.name,
        "topic": channel.topic,
        "is_member": me.id in channel.members,
    }


def _text(body: Json, name: str) -> str:
    return str(body.get(name) or "")
