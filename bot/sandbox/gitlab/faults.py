"""Faults on demand: what a GitLab far away does on a bad day, at the request one names.

From Python: `sandbox.fault("POST", "/releases$", "reset_after")`; over HTTP: `POST /sandbox/faults`, the same words
as JSON.
"""

from __future__ import annotations

import asyncio
import re
import threading
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

KINDS = ("400", "401", "403", "429", "500", "502", "delay", "reset_before", "reset_after")


@dataclass(frozen=True)
class Fault:
    """What to do to the next `times` requests whose method and path (as sent, still quoted) match.

    `reset_before` hangs up without doing anything; `reset_after` does the deed and hangs up without an answer.
    `retry_after` (seconds) is for 429, `delay` (seconds) for `delay`. `method` may be `*`.
    """

    method: str
    path: str
    kind: str
    times: int = 1
    retry_after: int | None = None
    delay: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"There is no fault {self.kind!r}. There are: {', '.join(KINDS)}.")
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"{self.path!r} is no regular expression: {error}.") from error

    def meets(self, method: str, path: str) -> bool:
        """Whether the request is one that this fault is for."""
        return self.method in ("*", method) and re.search(self.path, path) is not None


class FaultBook:
    """The faults that are still to happen, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Arrange for a fault."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Forget all that did not happen yet."""
        with self._lock:
            self._faults.clear()

    def pending(self) -> list[dict[str, Any]]:
        """What is still to happen, as JSON."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this request, used up by one."""
        with self._lock:
            for index, fault in enumerate(self._faults):
                if fault.meets(method, path):
                    left = replace(fault, times=fault.times - 1)
                    self._faults[index : index + 1] = [left] if left.times > 0 else []
                    return fault
        return None


class Faulty:
    """ASGI middleware that lets the faults of a book happen. `hang_up(scope)` closes a request's connection."""

    def __init__(self, app: ASGIApp, book: FaultBook, hang_up: Callable[[Scope], None]) -> None:
        self._app = app
        self._book = book
        self._hang_up = hang_up

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or not."""
        path = scope["raw_path"].decode("ascii")
        fault = None if path.startswith("/sandbox/") else self._book.take(scope["method"], path)
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind == "delay":
            await asyncio.sleep(fault.delay)
            await self._app(scope, receive, send)
        elif fault.kind == "reset_before":
            self._hang_up(scope)
        elif fault.kind == "reset_after":
            await self._app(scope, receive, _swallow)
            self._hang_up(scope)
        else:
            await _refusal(fault)(scope, receive, send)


async def _swallow(_message: Message) -> None:
    """An answer that nobody hears."""


def _refusal(fault: Fault) -> Response:
    if fault.kind == "429":
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        return PlainTextResponse("Retry later\n", 429, headers=headers)
    if fault.kind == "502":
        return Response("<h1>502</h1><p>GitLab is not responding</p>", 502, media_type="text/html")
    words = {"400": "Bad request", "401": "Unauthorized", "403": "Forbidden", "500": "Internal Server Error"}
    return JSONResponse({"message": f"{fault.kind} {words[fault.kind]}"}, int(fault.kind))
