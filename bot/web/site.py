"""The addresses that the bot answers over HTTP: `/healthz`, `/metrics`, Slack's requests and GitLab's webhook."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from bot.slack.signed import EVENTS, Answer
from bot.web.prometheus import CONTENT_TYPE

log = logging.getLogger(__name__)

LARGEST_BODY = 1_000_000
"""Bytes; what Slack sends is far smaller, and nothing is read beyond it from whoever it is."""

PUSHES = "/gitlab/events"
"""Where GitLab tells of pushes; what it says beside its token is not read."""

Receive = Callable[[Mapping[str, str], bytes], Future[Answer]]


def site(
    *,
    health: Callable[[], tuple[bool, str]],
    metrics: Callable[[], str],
    receive: Receive | None,
    pushed: Callable[[str], bool] | None = None,
) -> Starlette:
    """The application. Without `receive` there is no address for Slack, and without `pushed` none for GitLab.

    `pushed` is given the token that came along, and says whether it is the right one.
    """

    async def healthz(_request: Request) -> Response:
        well, sentence = await run_in_threadpool(health)
        return _plain(HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE, f"{sentence}\n")

    async def numbers(_request: Request) -> Response:
        return Response(await run_in_threadpool(metrics), media_type=CONTENT_TYPE)

    routes = [Route("/healthz", healthz), Route("/metrics", numbers)]
    if receive is not None:
        routes.append(Route(EVENTS, _events(receive), methods=["POST"]))
    if pushed is not None:
        routes.append(Route(PUSHES, _pushes(pushed), methods=["POST"]))
    return Starlette(routes=routes)


def _pushes(pushed: Callable[[str], bool]) -> Callable[[Request], object]:
    async def pushes(request: Request) -> Response:
        known = await run_in_threadpool(pushed, request.headers.get("x-gitlab-token", ""))
        return _plain(HTTPStatus.ACCEPTED if known else HTTPStatus.FORBIDDEN)

    return pushes


def _events(receive: Receive) -> Callable[[Request], object]:
    async def events(request: Request) -> Response:
        try:
            body = await _body(request)
        except ClientDisconnect:
            return _plain(HTTPStatus.BAD_REQUEST)
        if body is None:
            return _plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            answer = await asyncio.wrap_future(receive(dict(request.headers), body))
        except Exception:  # Slack sees a failure, and its person too
            log.exception("a request from Slack was not answered")
            return _plain(HTTPStatus.INTERNAL_SERVER_ERROR)
        return Response(answer.body, status_code=answer.status, headers={"content-type": answer.kind})

    return events


async def _body(request: Request) -> bytes | None:
    """All of it, or None when it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)


def _plain(status: int, text: str = "") -> Response:
    return Response(text, status_code=status, media_type="text/plain")
