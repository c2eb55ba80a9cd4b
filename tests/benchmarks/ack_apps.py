"""The apps that `ack` sends commands to: `python -m tests.benchmarks.ack_apps WHAT API FOLDER`."""

import sys
import threading
from pathlib import Path

import uvicorn
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.adapter.starlette import SlackRequestHandler
from slack_sdk import WebClient
from starlette.applications import Starlette
from starlette.routing import Route

from bot.clock import SystemClock
from bot.ports import Person
from bot.runs.store import Store
from bot.slack.app import SlackFront
from bot.web.server import WebServer
from bot.web.site import site
from commands.desk import Desk, LocationFacts
from tests.doubles.signed_slack import SECRET


def echo(api_url: str) -> App:
    """The smallest app that Bolt makes: it says what it heard."""
    app = App(client=WebClient("xoxb-bench", base_url=api_url), signing_secret=SECRET)
    app.command("/train")(lambda ack, command: ack(command["text"]))
    return app


def run_socket_echo(api_url: str, _folder: Path) -> None:
    SocketModeHandler(echo(api_url), "xapp-bench").start()


def run_http_echo(api_url: str, _folder: Path) -> None:
    """As Bolt's documentation has it, but for the log of every request."""
    handler = SlackRequestHandler(echo(api_url))
    pages = Starlette(routes=[Route("/slack/events", handler.handle, methods=["POST"])])
    config = uvicorn.Config(pages, access_log=False, log_config=None)
    socket = uvicorn.Config(pages, host="127.0.0.1", port=0, log_config=None).bind_socket()
    print(socket.getsockname()[1], flush=True)
    uvicorn.Server(config).run(sockets=[socket])


class Station:
    """The bot's front door and a ledger; `take` stands for the engine."""

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder / "ledger.sqlite", SystemClock())
        self._store.people.remember(Person("U1", "alice", "alice@example.com"))
        self._called = threading.Event()
        self.desk = Desk(
            store=self._store,
            clock=SystemClock(),
            project="team/fruits",
            locations={"alice": LocationFacts("alice", "alice@example.com")},
            location_for=lambda _email: "alice",
            wake=self._called.set,
        )

    def take(self) -> None:
        """Take from the ledger what came, for ever."""
        while True:
            self._called.wait()
            self._called.clear()
            while (request := self._store.requests.claim()) is not None:
                self._store.requests.refuse(request, "Only a benchmark.")


def run_socket_front(api_url: str, folder: Path) -> None:
    station = Station(folder)
    SlackFront(station.desk, bot_token="xoxb-bench", app_token="xapp-bench", api_url=api_url).start()
    station.take()


def run_http_front(api_url: str, folder: Path) -> None:
    station = Station(folder)
    front = SlackFront(station.desk, bot_token="xoxb-bench", signing_secret=SECRET, api_url=api_url)
    pages = site(health=lambda: (True, "well"), metrics=str, receive=front.requests.receive)
    server = WebServer(pages, host="127.0.0.1", port=0)
    front.start()
    server.start()
    print(server.port, flush=True)
    station.take()


APPS = {
    "socket-front": run_socket_front,
    "socket-echo": run_socket_echo,
    "http-front": run_http_front,
    "http-echo": run_http_echo,
}

if __name__ == "__main__":
    what, address, place = sys.argv[1:]
    APPS[what](address, Path(place))
