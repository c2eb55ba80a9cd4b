"""The Slack that one app talks to: the two methods that it calls at its start, and the commands that it is sent.

Nothing here costs more than it must: the peer's work is part of what is measured.
"""

import asyncio
import json
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from tests.doubles.signed_slack import signed

IN_FLIGHT, COMMANDS = 50, 500


class Peer(ABC):
    """What both ways have in common. Its coroutines run in `loop`, which another thread drives."""

    def __init__(self, loop: asyncio.AbstractEventLoop, answer: dict) -> None:
        self._loop = loop
        self._sent = 0
        self._api = ThreadingHTTPServer(("127.0.0.1", 0), answering({"ok": True, "team_id": "T1", **answer}))
        threading.Thread(target=self._api.serve_forever, daemon=True).start()
        self.api_url = f"http://127.0.0.1:{self._api.server_port}/api/"

    @abstractmethod
    def meet(self, child: subprocess.Popen) -> None:
        """Wait until the app can be sent something."""

    @abstractmethod
    async def _flood(self) -> list[float]:
        """Send COMMANDS commands, IN_FLIGHT at a time: how long each took to be acknowledged, in seconds."""

    def flood(self) -> tuple[float, float]:
        """p50 and p99 of one round, in milliseconds."""
        taken = sorted(self._call(self._flood()))
        return taken[len(taken) // 2] * 1_000, taken[int(len(taken) * 0.99)] * 1_000

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _next(self) -> int:
        self._sent += 1
        return self._sent


class SocketPeer(Peer):
    """Over one WebSocket, as Socket Mode brings it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._line = None
        self._connected = threading.Event()
        self._waiting: dict[str, asyncio.Future] = {}
        self._server = self._call(self._serve())
        super().__init__(loop, {"url": f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/link?ticket=1"})

    def meet(self, child: subprocess.Popen) -> None:
        if not self._connected.wait(30):
            raise TimeoutError(f"{child.args} did not connect")

    async def _serve(self):
        return await serve(self._talk, "127.0.0.1", 0)

    async def _talk(self, line) -> None:
        self._line = line
        await line.send(json.dumps({"type": "hello"}))
        self._connected.set()
        with suppress(ConnectionClosed):
            async for text in line:
                waiting = self._waiting.pop(json.loads(text)["envelope_id"], None)
                if waiting is not None:
                    waiting.set_result(time.perf_counter())

    async def _flood(self) -> list[float]:
        places = asyncio.Semaphore(IN_FLIGHT)

        async def one() -> float:
            async with places:
                number = self._next()
                envelope = {"type": "slash_commands", "envelope_id": f"e{number}", "payload": command(number)}
                self._waiting[f"e{number}"] = answered = self._loop.create_future()
                text = json.dumps({**envelope, "accepts_response_payload": True})
                begun = time.perf_counter()
                await self._line.send(text)
                return await asyncio.wait_for(answered, 10) - begun

        return await asyncio.gather(*(one() for _ in range(COMMANDS)))


class HttpPeer(Peer):
    """Signed requests over connections that are kept open, as a proxy in front of the bot has them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop, {})
        self._port = 0

    def meet(self, child: subprocess.Popen) -> None:
        self._port = int(child.stdout.readline())

    async def _flood(self) -> list[float]:
        lines = [await asyncio.open_connection("127.0.0.1", self._port) for _ in range(IN_FLIGHT)]
        taken = await asyncio.gather(*(self._talk(*line, COMMANDS // IN_FLIGHT) for line in lines))
        for _, writer in lines:
            writer.close()
            await writer.wait_closed()
        return [each for line in taken for each in line]

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, times: int) -> list[float]:
        return [await asyncio.wait_for(self._one(reader, writer), 10) for _ in range(times)]

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> float:
        request = self._request(urlencode(command(self._next())).encode())
        begun = time.perf_counter()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        taken = time.perf_counter() - begun
        if not head.startswith(b"http/1.1 200"):
            raise ValueError(head.decode())
        return taken

    def _request(self, body: bytes) -> bytes:
        headers = {"Host": f"127.0.0.1:{self._port}", "Content-Length": str(len(body)), **signed(body)}
        lines = ["POST /slack/events HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def command(number: int) -> dict[str, str]:
    """A `/train`, as Slack words it."""
    return {
        "command": "/train",
        "text": f"main v1.0.{number}",
        "user_id": "U1",
        "user_name": "alice",
        "channel_id": "C1",
        "channel_name": "training",
        "team_id": "T1",
        "team_domain": "bench",
        "trigger_id": f"{number}.1.1",
        "response_url": "http://127.0.0.1/unused",
        "api_app_id": "A1",
        "is_enterprise_install": "false",
    }


def answering(body: dict) -> type[BaseHTTPRequestHandler]:
    content = json.dumps(body).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            pass

    return Handler
