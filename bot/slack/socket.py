"""Socket Mode: one line to Slack that is always open, and a short queue of hands that answer what comes over it.

Over slack_sdk's `Connection` (the WebSocket itself), not its `SocketModeClient`, whose reader can go on with the state
of a connection that was replaced and then stays silent for ever (python-slack-sdk#1701). Here each connection has its
own thread and its own state, and one keeper looks after all of them:

- a routine `disconnect` opens the next connection before the old one is given up, so no command falls between them;
- a connection from which nothing was heard for `SILENCE` seconds is dead, also when no FIN ever came (fault 7);
- a new one right after a short-lived one waits longer each time: no storm on `too_many_websockets` (fault 8).
"""

from __future__ import annotations

import errno
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackClientNotConnectedError
from slack_sdk.socket_mode.builtin.connection import Connection, ConnectionState
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.clock import Clock
from bot.errors import DoorError, Unauthorised, Unavailable
from bot.slack.errors import translated

log = logging.getLogger(__name__)

PING, SILENCE = 4.0, 16.0
"""Seconds between pings, and without any answer until a connection counts as dead."""
SHORT_LIFE = 30.0
"""A connection that lasted less than this makes the next one wait."""
LONGEST_WAIT = 60.0
RETIREMENT = 20.0
"""Seconds that a replaced connection may still bring what Slack sent over it."""
WORKERS = 8
"""Enough: more threads only take turns at the interpreter and the ledger (tests/benchmarks/ack.py)."""

Answer = Callable[[SocketModeRequest, float], Mapping[str, Any] | None]
"""Envelope, and when it arrived (monotonic) -> the payload of the acknowledgement; None leaves it unacknowledged."""


class _Wire:
    """The socket below a `Connection`, without two gaps: an end of file is an error, and a long frame is sent whole."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def recv(self, size: int) -> bytes:
        data = self._sock.recv(size)
        if not data:
            raise ConnectionResetError(errno.ECONNRESET, "Slack closed it")
        return data

    def send(self, data: bytes) -> int:
        self._sock.sendall(data)
        return len(data)

    def end(self) -> None:
        """Wake whoever is reading; without it a close waits for the read's time-out."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._sock.close()


class _Line:
    """One connection, from its handshake to its end."""

    def __init__(self, connection: Connection, now: float) -> None:
        self.connection = connection
        self._wire = _Wire(connection.sock)  # type: ignore[arg-type]  # open, so it is there
        connection.sock = self._wire  # type: ignore[assignment]  # all that slack_sdk asks of it
        self.state = ConnectionState()  # type: ignore[no-untyped-call]  # slack_sdk's
        self.opened_at = self.heard_at = now
        self.retired_at: float | None = None
        self.pong: float | None = None
        self.thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        return self.connection.is_active() and not self.state.terminated

    def hear(self, now: float) -> None:
        """Count a new pong as a sign of life."""
        pong = self.connection.last_ping_pong_time
        if pong != self.pong:
            self.pong, self.heard_at = pong, now

    def close(self) -> None:
        """End it; its reader closes the socket (two threads in slack_sdk's `disconnect` trip over one another)."""
        self.state.terminated = True
        self._wire.end()

    def read(self) -> None:
        """Hear what comes, until the end."""
        self.connection.run_until_completion(self.state)
        self.connection.disconnect()


class Socket:
    """Keeps a connection open from `start` to `stop`; what comes is answered by `answer`, on threads of its own."""

    def __init__(
        self, client: WebClient, app_token: str, answer: Answer, clock: Clock, *, workers: int = WORKERS
    ) -> None:
        self._client, self._app_token = client, app_token
        self._answer, self._clock = answer, clock
        self._hands = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="slack-answer")
        self._lines: list[_Line] = []
        self._wake, self._stopping, self._opened = threading.Event(), threading.Event(), threading.Event()
        self._failures, self._not_before = 0, 0.0
        self.refusal: Unauthorised | None = None
        """Why Slack does not take the token, as it said last."""
        self._keeper = threading.Thread(target=self._keep, name="slack-socket", daemon=True)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._keeper.start()

    def wait_until_open(self, seconds: float) -> bool:
        """Wait for the first connection, at most `seconds`; False when there is none. See `refusal`."""
        return self._opened.wait(seconds) and self.refusal is None

    def stop(self) -> None:
        """Close the connection, after what was being answered has been answered."""
        self._stopping.set()
        self._wake.set()
        if self._keeper.is_alive():
            self._keeper.join(timeout=15)
        self._hands.shutdown(wait=True)
        for line in self._lines:
            line.close()
        for line in self._lines:
            if line.thread is not None:
                line.thread.join(timeout=5)
        self._lines.clear()

    @property
    def connected(self) -> bool:
        """Whether a command can arrive now."""
        return any(line.alive for line in self._lines)

    @property
    def heard_at(self) -> float | None:
        """When Slack was last heard over a connection that is open (monotonic), or None."""
        return max((line.heard_at for line in self._lines), default=None)

    def _keep(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self._look()
            except Unauthorised as error:
                log.error("no connection to Slack: %s", error)  # noqa: TRY400 - the sentence says all
                self.refusal = error
                self._opened.set()
                self._back_off(LONGEST_WAIT)
            except DoorError as error:
                log.warning("no connection to Slack: %s", error)
                self._back_off(error.retry_after if isinstance(error, Unavailable) else None)
            except Exception:
                log.exception("the connection to Slack stumbled")
                self._back_off(None)
            self._clock.wait(self._wake, self._until_next_look())

    def _look(self) -> None:
        now = self._clock.monotonic()
        for line in list(self._lines):
            self._check(line, now)
        self._lines = [line for line in self._lines if line.alive]
        if self._current() is None:
            self._opened.clear()
            if now >= self._not_before:
                self._open()

    def _check(self, line: _Line, now: float) -> None:
        line.hear(now)
        if not line.alive:
            log.info("a connection to Slack ended")
            self._ended(line, now)
        elif line.retired_at is not None and now - line.retired_at > RETIREMENT:
            line.close()
        elif now - line.heard_at > SILENCE:
            log.warning("nothing was heard from Slack for %.0f s: connecting anew", now - line.heard_at)
            line.close()
            self._ended(line, now)
        else:
            self._ping(line)

    def _ping(self, line: _Line) -> None:
        try:
            line.connection.ping(f"{line.connection.session_id}:{time.time()}")
        except OSError as error:
            log.info("a connection to Slack broke: %s", error)
            line.close()
            self._ended(line, self._clock.monotonic())

    def _ended(self, line: _Line, now: float) -> None:
        if line.retired_at is None and now - line.opened_at < SHORT_LIFE:
            self._back_off(None)

    def _open(self) -> None:
        with translated("apps.connections.open"):
            url = str(self._client.apps_connections_open(app_token=self._app_token)["url"])
        line: _Line | None = None

        def heard(text: str) -> None:
            if line is not None:
                self._heard(line, text)

        connection = Connection(
            url,
            logger=log.getChild("connection"),
            ping_interval=PING,
            receive_buffer_size=16_384,
            on_message_listener=heard,
            on_error_listener=lambda error: log.info("a connection to Slack broke: %s", error),
            proxy=self._client.proxy,
            ssl_context=self._client.ssl,
        )
        connection.connect()
        if not connection.is_active():
            raise Unavailable("Slack did not take the connection")
        line = _Line(connection, self._clock.monotonic())
        line.thread = threading.Thread(target=self._read, args=(line,), name="slack-line", daemon=True)
        self._lines.append(line)
        line.thread.start()
        self.refusal = None
        self._opened.set()
        log.info("connected to Slack")

    def _read(self, line: _Line) -> None:
        line.read()
        self._wake.set()

    def _heard(self, line: _Line, text: str) -> None:
        line.heard_at = arrived = self._clock.monotonic()
        try:
            message = json.loads(text)
        except ValueError:
            return  # never let out: slack_sdk's reader would drop what it read behind it
        if not isinstance(message, dict):
            return
        kind = message.get("type")
        if kind == "disconnect":
            self._retire(line, str(message.get("reason")))
        elif kind != "hello":
            request = SocketModeRequest.from_dict(message)
            if request is not None and not self._stopping.is_set():
                self._hands.submit(self._reply, line, request, arrived)

    def _retire(self, line: _Line, reason: str) -> None:
        """Slack will close this connection soon: have the next one ready before."""
        log.log(
            logging.ERROR if reason == "too_many_websockets" else logging.INFO, "Slack closes a connection: %s", reason
        )
        now = self._clock.monotonic()
        if now - line.opened_at < SHORT_LIFE or reason == "too_many_websockets":
            self._back_off(None)
        elif reason == "link_disabled":
            self._back_off(LONGEST_WAIT)
        line.retired_at = now
        self._wake.set()

    def _reply(self, line: _Line, request: SocketModeRequest, arrived: float) -> None:
        try:
            payload = self._answer(request, arrived)
        except Exception:
            log.exception("an envelope from Slack was not answered")
            return
        if payload is None:
            return
        answer = json.dumps({"envelope_id": request.envelope_id, **({"payload": payload} if payload else {})})
        try:
            line.connection.send(answer)
        except SlackClientNotConnectedError:
            other = self._current()
            if other is None:
                log.warning("an acknowledgement could not be sent: the connection broke meanwhile")
            else:
                other.connection.send(answer)

    def _current(self) -> _Line | None:
        return next((line for line in reversed(self._lines) if line.alive and line.retired_at is None), None)

    def _back_off(self, seconds: float | None) -> None:
        wait = seconds
        if wait is None:  # at once, then after 1, 2, 4 ... seconds
            wait = min(LONGEST_WAIT, 2.0 ** min(self._failures - 1, 6)) if self._failures else 0.0
        self._failures += 1
        self._not_before = max(self._not_before, self._clock.monotonic() + wait)

    def _until_next_look(self) -> float:
        if self._current() is None:
            return max(0.05, min(PING, self._not_before - self._clock.monotonic()))
        if self._clock.monotonic() - self._not_before > LONGEST_WAIT:
            self._failures = 0
        return PING
