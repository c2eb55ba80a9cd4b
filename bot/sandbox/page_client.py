"""The page's own interface (`slack/page_api.py`) from Python: a person at a keyboard, in this process or another."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

Event = dict[str, Any]

COMMAND_SECONDS = 30.0
"""A command's delivery may wait for the bot's acknowledgement (3 s) and for its socket."""


class PageGoneError(Exception):
    """The page does not answer (any more)."""


class PageClient:
    """One person, in one channel."""

    def __init__(self, url: str, *, user: str = "alice", channel: str = "training") -> None:
        self._url = url
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=COMMAND_SECONDS)
        state = self._get("/sandbox/state", user=user)
        self.me: str = state["me"]["id"]
        self.name: str = state["me"]["name"]
        self.channel: str = next(each["id"] for each in state["channels"] if each["name"] == channel)
        self.names = {each["id"]: f"@{each['name']}" for each in state["users"]}
        self.names |= {each["id"]: f"#{each['name']}" for each in state["channels"]}

    def close(self) -> None:
        """Leave."""
        self._http.close()

    def command(self, text: str) -> str:
        """Type a command; what only this person is told at once, "" when that is nothing."""
        try:
            answer = self._http.post(
                "/sandbox/command", json={"user": self.me, "channel": self.channel, "text": text}
            ).json()
        except (httpx.HTTPError, ValueError) as error:
            raise PageGoneError from error
        return "" if answer.get("ok") else str(answer.get("error"))

    @contextmanager
    def live(self) -> Iterator[News]:
        """What happens from now on, as this person sees it."""
        address = f"{self._url.replace('http', 'ws', 1)}/sandbox/live?user={self.me}"
        try:
            socket = connect(address, proxy=None, max_size=None)
        except (OSError, TimeoutError, ConnectionClosed) as error:
            raise PageGoneError from error
        with socket:
            yield News(socket)

    def _get(self, path: str, **query: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._http.get(path, params=query).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise PageGoneError from error
        return found


class News:
    """Events, one at a time."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def next(self, seconds: float) -> Event | None:
        """The next event, or None when none came within `seconds`.

        Raises:
            PageGoneError: the page ended.
        """
        try:
            event: Event = json.loads(self._socket.recv(timeout=max(0.0, seconds)))
        except TimeoutError:
            return None
        except ConnectionClosed as error:
            raise PageGoneError from error
        return event

    def until_connected(self, seconds: float) -> bool:
        """Wait until the bot's socket is open; False when it is not within `seconds`."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            event = self.next(left)
            if event is not None and event["type"] == "app" and event["connected"]:
                return True
        return False
