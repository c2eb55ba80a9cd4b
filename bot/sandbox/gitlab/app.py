"""The ASGI app: git, the REST API and the pages behind one address, and a log of what was asked."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.sandbox.gitlab import api, pages
from bot.sandbox.gitlab.access import DEVELOPER, Bans, secret_in
from bot.sandbox.gitlab.faults import Fault, FaultBook
from bot.sandbox.gitlab.smart_http import GitBackend, cgi_environment, writes

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from bot.sandbox.gitlab.access import Token
    from bot.sandbox.gitlab.instance import Instance

KEPT_REQUESTS = 10_000


@dataclass(frozen=True)
class Seen:
    """A request that was answered. `path` is as sent, still quoted, without the query string."""

    method: str
    path: str
    status: int


class App:
    """Sends each request to its part."""

    def __init__(self, instance: Instance, faults: FaultBook) -> None:
        self._instance = instance
        self._faults = faults
        self._bans = Bans(instance.clock)
        self.seen: deque[Seen] = deque(maxlen=KEPT_REQUESTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and note it."""
        path = scope["raw_path"].decode("ascii")

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.seen.append(Seen(scope["method"], path, message["status"]))
            await send(message)

        answer = await self._answer(Request(scope, receive), path)
        await answer(scope, receive, noting)

    async def _answer(self, request: Request, path: str) -> ASGIApp:
        if path.startswith(api.PREFIX):
            return await self._api(request, path)
        if path == "/sandbox/faults":
            return await self._fault_desk(request)
        project, separator, rest = path.partition(".git/")
        if separator and "/-/" not in project:
            return await self._git(request, unquote(project), rest)
        if request.method not in ("GET", "HEAD"):
            return PlainTextResponse("405 Not Allowed", 405)
        return await run_in_threadpool(pages.answer, self._instance, path)

    async def _api(self, request: Request, path: str) -> Response:
        asked = api.Asked(request.method, path, request.url.query, request.headers, await request.body())
        given = await run_in_threadpool(api.answer, self._instance, asked)
        if given.body is None:
            return Response(status_code=given.status, headers=given.headers)
        if isinstance(given.body, bytes):
            return Response(given.body, given.status, headers=given.headers, media_type="text/plain")
        return JSONResponse(given.body, given.status, headers=given.headers)

    async def _git(self, request: Request, name: str, rest: str) -> ASGIApp:
        address = request.client.host if request.client else ""
        secret = secret_in(request.headers)
        if secret is not None and self._bans.banned(address):
            return PlainTextResponse("Forbidden\n", 403)
        token = None if secret is None else self._instance.tokens.valid(secret)
        if secret is not None and token is None:
            self._bans.failed(address)
            return _log_in("HTTP Basic: Access denied. The token is wrong or expired.")
        if token is not None:
            self._bans.succeeded(address)
        project = await run_in_threadpool(self._instance.project, name.strip("/"))
        writing = writes(request.method, rest, request.query_params.get("service", ""))
        if token is None and (writing or project is None or project.visibility != "public"):
            return _log_in("HTTP Basic: Access denied.")
        if project is None:
            return PlainTextResponse("The project you were looking for could not be found.\n", 404)
        refusal = _git_refusal(token, writing=writing)
        if refusal is not None:
            return refusal
        environment = cgi_environment(
            request,
            root=self._instance.repositories,
            path=f"/{project.path}.git/{unquote(rest)}",
            user=token.user.username if token else "",
            level=token.user.level if token else 0,
        )
        return GitBackend(environment)

    async def _fault_desk(self, request: Request) -> Response:
        """POST arranges a fault, GET says which are left, DELETE forgets them."""
        if request.method == "DELETE":
            self._faults.clear()
        elif request.method == "POST":
            try:
                self._faults.add(Fault(**json.loads(await request.body())))
            except (TypeError, ValueError) as error:
                return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"faults": self._faults.pending()})


def _log_in(why: str) -> Response:
    return PlainTextResponse(f"{why}\n", 401, headers={"WWW-Authenticate": 'Basic realm="GitLab"'})


def _git_refusal(token: Token | None, *, writing: bool) -> Response | None:
    if token is None:
        return None
    if not writing:
        ok = token.allows("api", "read_repository", "write_repository")
        return None if ok else PlainTextResponse("You are not allowed to download code from this project.\n", 403)
    if token.allows("api", "write_repository") and token.user.level >= DEVELOPER:
        return None
    return PlainTextResponse("You are not allowed to push code to this project.\n", 403)
