"""From a command sent to its acknowledgement, 50 in flight: the bot's front door against a bare Bolt echo.

Both run in processes of their own over a real WebSocket; rounds are interleaved and the medians of the rounds reported.
The front writes each command to a real ledger, from which a thread takes it again as the engine would.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from bot.clock import SystemClock
from bot.ports import Person
from bot.runs.store import Store
from bot.slack.app import SlackFront
from commands.desk import Desk, LocationFacts

ROOT = Path(__file__).parents[2]
IN_FLIGHT, COMMANDS, ROUNDS = 50, 500, 5


def measure() -> dict[str, float]:
    """Medians over the rounds: of the front's p50 and p99, and of the ratio of its p99 to the echo's."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        front, echo = Peer(loop), Peer(loop)
        children = [front.child("front", folder), echo.child("echo", folder)]
        try:
            front.flood()  # the first round warms both up
            echo.flood()
            rounds = [(front.flood(), echo.flood()) for _ in range(ROUNDS)]
        finally:
            for child in children:
                child.terminate()
                child.wait(timeout=30)
    return {
        "p50_ms": round(statistics.median(ours[0] for ours, _ in rounds), 2),
        "p99_ms": round(statistics.median(ours[1] for ours, _ in rounds), 2),
        "vs_bolt": round(statistics.median(ours[1] / bare[1] for ours, bare in rounds), 3),
    }


class Peer:
    """The Slack that one app talks to: the two methods it calls at its start, and one WebSocket."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._line = None
        self._connected = threading.Event()
        self._waiting: dict[str, asyncio.Future] = {}
        self._sent = 0
        self._server = self._call(self._serve())
        socket = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/link?ticket=1"
        self._api = ThreadingHTTPServer(("127.0.0.1", 0), answering({"ok": True, "url": socket, "team_id": "T1"}))
        threading.Thread(target=self._api.serve_forever, daemon=True).start()

    def child(self, what: str, folder: str) -> subprocess.Popen:
        """Start the app, and wait until its socket is open."""
        address = f"http://127.0.0.1:{self._api.server_port}/api/"
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        argv = [sys.executable, "-m", "tests.benchmarks.ack", what, address, folder]
        child = subprocess.Popen(argv, cwd=ROOT, env=inherited)
        if not self._connected.wait(30):
            raise TimeoutError(f"the {what} did not connect")
        return child

    def flood(self) -> tuple[float, float]:
        """p50 and p99 of one round, in milliseconds."""
        taken = sorted(self._call(self._flood()))
        return taken[len(taken) // 2] * 1_000, taken[int(len(taken) * 0.99)] * 1_000

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

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
                self._sent += 1
                envelope = f"e{self._sent}"
                self._waiting[envelope] = answered = self._loop.create_future()
                begun = time.perf_counter()
                await self._line.send(json.dumps(command(envelope, self._sent)))
                return await asyncio.wait_for(answered, 10) - begun

        return await asyncio.gather(*(one() for _ in range(COMMANDS)))


def command(envelope: str, number: int) -> dict:
    payload = {
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
    return {"type": "slash_commands", "envelope_id": envelope, "payload": payload, "accepts_response_payload": True}


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


def run_echo(api_url: str) -> None:
    """The smallest app that Bolt makes: it says what it heard."""
    app = App(client=WebClient("xoxb-bench", base_url=api_url))
    app.command("/train")(lambda ack, command: ack(command["text"]))
    SocketModeHandler(app, "xapp-bench").start()


def run_front(api_url: str, folder: Path) -> None:
    """The bot's front door and a ledger; `taker` stands for the engine."""
    store = Store(folder / "ledger.sqlite", SystemClock())
    store.people.remember(Person("U1", "alice", "alice@example.com"))
    called = threading.Event()
    desk = Desk(
        store=store,
        clock=SystemClock(),
        project="team/fruits",
        locations={"alice": LocationFacts("alice", "alice@example.com")},
        location_for=lambda _email: "alice",
        wake=called.set,
    )
    SlackFront(desk, bot_token="xoxb-bench", app_token="xapp-bench", api_url=api_url).start()
    while True:
        called.wait()
        called.clear()
        while (request := store.requests.claim()) is not None:
            store.requests.refuse(request, "Only a benchmark.")


if __name__ == "__main__":
    what, address, place = sys.argv[1:]
    run_echo(address) if what == "echo" else run_front(address, Path(place))
