"""Socket Mode: the app's WebSockets, the envelopes sent over them and their acknowledgements."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.sandbox.slack.faults import Faults
from bot.sandbox.slack.feed import Feed
from bot.sandbox.slack.line import NOT_ACKNOWLEDGED, NOT_CONNECTED, Undelivered
from bot.sandbox.slack.people import APP_ID

Json = dict[str, Any]
MOST = 10
CLOSED_BY_SLACK = 1000


class Sockets:
    """Up to ten sockets of one app. Each envelope goes to one of them, in turn."""

    def __init__(self, feed: Feed, faults: Faults, *, ack_seconds: float) -> None:
        self._feed = feed
        self._faults = faults
        self._ack_seconds = ack_seconds
        self._tickets: set[str] = set()
        self._open: list[WebSocket] = []
        self._turn = itertools.count()
        self._waiting: dict[str, asyncio.Future[Json]] = {}
        self.delivered = 0

    @property
    def connected(self) -> bool:
        """Whether the app has a socket open."""
        return bool(self._open)

    def ticket(self) -> str:
        """Admission for one socket."""
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return ticket

    async def serve(self, socket: WebSocket) -> None:
        """One socket, from its opening to its end."""
        ticket = socket.query_params.get("ticket", "")
        if ticket not in self._tickets or self._faults.take("link"):
            await socket.close()
            return
        self._tickets.remove(ticket)
        await socket.accept()
        if len(self._open) >= MOST:
            await self._say_goodbye(socket, "too_many_websockets")
            return
        self._open.append(socket)
        self._tell()
        try:
            await socket.send_text(json.dumps(self._hello()))
            async for text in socket.iter_text():
                self._receive(text)
        except WebSocketDisconnect:
            pass
        finally:
            if socket in self._open:
                self._open.remove(socket)
                self._tell()

    async def deliver(self, envelope: Json) -> Json:
        """Send an envelope over one socket; see `line.Carrier`."""
        if not self._open:
            raise Undelivered(NOT_CONNECTED)
        socket = self._open[next(self._turn) % len(self._open)]
        identity = envelope["envelope_id"]
        answer = self._waiting[identity] = asyncio.get_running_loop().create_future()
        try:
            await socket.send_text(json.dumps(envelope))
            self.delivered += 1
            return await asyncio.wait_for(answer, self._ack_seconds)
        except TimeoutError:
            raise Undelivered(NOT_ACKNOWLEDGED) from None
        except (WebSocketDisconnect, RuntimeError):  # closed since it was chosen
            raise Undelivered(NOT_CONNECTED) from None
        finally:
            self._waiting.pop(identity, None)

    async def disconnect(self, reason: str) -> None:
        """Tell every socket to reconnect. `warning` leaves them open; the other reasons close them."""
        for socket in list(self._open):
            if reason == "warning":
                await socket.send_text(json.dumps(self._goodbye(reason)))
            else:
                self._open.remove(socket)
                self._tell()
                await self._say_goodbye(socket, reason)

    def addresses(self) -> list[tuple[str, int]]:
        """Where the sockets come from: host and port of each."""
        return [(each.client.host, each.client.port) for each in self._open if each.client]

    async def _say_goodbye(self, socket: WebSocket, reason: str) -> None:
        await socket.send_text(json.dumps(self._goodbye(reason)))
        await socket.close(CLOSED_BY_SLACK)

    def _receive(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return
        answer = self._waiting.get(message.get("envelope_id", "")) if isinstance(message, dict) else None
        if answer is None or answer.done() or self._faults.take("ack"):
            return
        answer.set_result(message.get("payload") or {})

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._open),
            "debug_info": self._debug_info(),
            "connection_info": {"app_id": APP_ID},
        }

    def _goodbye(self, reason: str) -> Json:
        return {"type": "disconnect", "reason": reason, "debug_info": self._debug_info()}

    @staticmethod
    def _debug_info() -> Json:
        return {"host": "applink-sandbox", "build_number": 1, "approximate_connection_time": 18_060}

    def _tell(self) -> None:
        self._feed.publish({"type": "app", "connected": self.connected})
