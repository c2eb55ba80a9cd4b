"""The addresses that the app talks to: /api/METHOD, upload addresses, response_urls, files and the socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from bot.sandbox.slack.call import Call, parse
from bot.sandbox.slack.connections import Connections
from bot.sandbox.slack.faults import Fault, Faults
from bot.sandbox.slack.hooks import Hooks
from bot.sandbox.slack.message import THUMBNAILS, fitted
from bot.sandbox.slack.methods import answer
from bot.sandbox.slack.parts import Parts
from bot.sandbox.slack.people import BOT_TOKEN, SCOPES
from bot.sandbox.slack.pictures import thumbnail
from bot.sandbox.slack.refusal import Refusal

GONE = 404


class WebApi:
    """Routes for an app and the misbehaviour that was asked for."""

    def __init__(self, parts: Parts, hooks: Hooks, faults: Faults, connections: Connections) -> None:
        self._parts = parts
        self._hooks = hooks
        self._faults = faults
        self._connections = connections

    def routes(self) -> list[BaseRoute]:
        """For Starlette."""
        return [
            Route("/api/{method}", self._call, methods=["GET", "POST"]),
            Route("/upload/v1/{secret}/{file_id}", self._upload, methods=["POST", "PUT"]),
            Route("/commands/{team}/{hook_id}/{secret}", self._respond, methods=["POST"]),
            Route("/files/{file_id}/{name}", self._file),
            Route("/files-pri/{team}-{file_id}/{name:path}", self._private_file),
            Route("/files-tmb/{team}-{file_id}/{most:int}", self._private_file),
            WebSocketRoute("/link/", self._link),
        ]

    async def _call(self, request: Request) -> Response:
        method = request.path_params["method"]
        body = await request.body()
        return await self._faulty(method, request, lambda: self._answer(method, request, body))

    def _answer(self, method: str, request: Request, body: bytes) -> Response:
        headers = request.headers
        try:
            call: Call = parse(
                method,
                request.url.query,
                headers.get("content-type", ""),
                body,
                headers.get("authorization", ""),
            )
        except Refusal as refusal:
            return JSONResponse(refusal.answer())
        return JSONResponse(answer(self._parts, call), headers={"x-oauth-scopes": SCOPES})

    async def _upload(self, request: Request) -> Response:
        content = await request.body()
        return await self._faulty("upload", request, lambda: self._receive(request, content))

    def _receive(self, request: Request, content: bytes) -> Response:
        path = request.path_params
        if not self._parts.uploads.receive(path["file_id"], path["secret"], content):
            return PlainTextResponse("The address or the length is not the one that was announced.", 400)
        return PlainTextResponse(f"OK - {len(content)}")

    async def _respond(self, request: Request) -> Response:
        body = await request.body()
        return await self._faulty("response_url", request, lambda: self._answer_hook(request, body))

    def _answer_hook(self, request: Request, body: bytes) -> Response:
        path = request.path_params
        try:
            hook = self._hooks.use(path["hook_id"], path["secret"])
        except Refusal as refusal:
            return JSONResponse(refusal.answer(), GONE)
        try:
            message: Any = json.loads(body)
            self._hooks.respond(hook, message)
        except Refusal as refusal:
            return JSONResponse(refusal.answer())
        except (ValueError, AttributeError):
            return JSONResponse({"ok": False, "error": "invalid_payload"}, 400)
        return PlainTextResponse("ok")

    async def _file(self, request: Request) -> Response:
        try:
            file = self._parts.uploads.file(request.path_params["file_id"])
        except Refusal as refusal:
            return JSONResponse(refusal.answer(), GONE)
        # a file is somebody's bytes under the page's own address: shown, never run
        safe = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
        return Response(self._parts.uploads.content(file.id), media_type=file.mimetype, headers=safe)

    async def _private_file(self, request: Request) -> Response:
        """What url_private and thumb_* point at: without the bot's token one is sent to a page, as in Slack."""
        if request.headers.get("authorization") != f"Bearer {BOT_TOKEN}":
            return RedirectResponse("/", 302)
        most = request.path_params.get("most")
        if most is None:
            return await self._file(request)
        try:
            file = self._parts.uploads.file(request.path_params["file_id"])
        except Refusal as refusal:
            return JSONResponse(refusal.answer(), GONE)
        if not file.width or most not in THUMBNAILS:
            return PlainTextResponse("There is no such thumbnail.", GONE)
        return Response(thumbnail(self._parts.uploads.content(file.id), fitted(file, most)), media_type="image/png")

    async def _link(self, socket: WebSocket) -> None:
        try:
            await self._parts.sockets.serve(socket)
        finally:
            if socket.client:
                self._connections.forget((socket.client.host, socket.client.port))

    async def _faulty(self, method: str, request: Request, deed: Callable[[], Response]) -> Response:
        """Do the deed and answer, unless this call was planned to suffer."""
        fault = self._faults.take(method)
        if fault is None:
            return deed()
        if fault.kind in ("429", "500", "503"):
            return _refused(fault)
        if fault.kind == "delay":
            await asyncio.sleep(fault.retry_after)
            return deed()
        if fault.kind == "reset_after":
            deed()
        if request.client:
            self._connections.cut((request.client.host, request.client.port))
            await asyncio.sleep(0)  # the loss of the connection is noticed in the next round
        return Response()


def _refused(fault: Fault) -> Response:
    if fault.kind == "429":
        seconds = f"{fault.retry_after:g}"
        return JSONResponse({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": seconds})
    return PlainTextResponse("upstream connect error", int(fault.kind))
