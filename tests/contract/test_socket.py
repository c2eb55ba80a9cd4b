"""One line to Slack that stays open, against servers that misbehave as Slack and networks do."""

import base64
import hashlib
import itertools
import json
import socket
import threading
import time
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from bot.clock import SystemClock
from bot.slack.socket import Socket

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class QuickClock(SystemClock):
    """Twenty seconds of the socket's patience pass in one."""

    def monotonic(self):
        return time.monotonic() * 20

    def wait(self, event, seconds):
        return event.wait(max(0.0, seconds / 20))


class Client:
    """What `Socket` needs of a WebClient: the next server's address, each time it asks."""

    proxy = ssl = None

    def __init__(self, *ports):
        self.ports = itertools.chain(ports, itertools.repeat(ports[-1]))
        self.asked = []

    def apps_connections_open(self, *, app_token):
        self.asked.append((time.monotonic(), app_token))
        return {"url": f"ws://127.0.0.1:{next(self.ports)}/link?ticket=1"}


class Slack:
    """A Socket Mode server whose behaviour after the handshake is a function."""

    def __init__(self, behave):
        self.heard = []
        self.lines = 0
        self._behave = behave
        self._server = serve(self._talk, "127.0.0.1", 0)
        self.port = self._server.socket.getsockname()[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _talk(self, line):
        self.lines += 1
        with suppress(ConnectionClosed):
            line.send(json.dumps({"type": "hello"}))
            self._behave(self, line)
            for text in line:
                self.heard.append(json.loads(text))

    def close(self):
        self._server.shutdown()


def command(number=1):
    payload = {"command": "/train", "text": str(number)}
    return json.dumps({"type": "slash_commands", "envelope_id": f"e{number}", "payload": payload})


@pytest.fixture
def slack():
    made = []

    def make(behave):
        made.append(Slack(behave))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def connect():
    made = []

    def make(*ports, answer=lambda request, _arrived: {"text": request.payload["text"]}, clock=None):
        client = Client(*ports)
        made.append(Socket(client, "xapp-sandbox", answer, clock or QuickClock()))
        made[-1].start()
        return made[-1], client

    yield make
    for line in made:
        line.stop()


@pytest.fixture
def hole():
    """A server that shakes hands and is never heard of again: no pong, no FIN."""
    listener = socket.create_server(("127.0.0.1", 0))
    lines = []

    def run():
        with suppress(OSError):
            while True:
                line, _ = listener.accept()
                lines.append(line)
                head = line.recv(4096).decode()
                key = next(row.split(": ")[1] for row in head.split("\r\n") if row.startswith("Sec-WebSocket-Key"))
                accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
                line.sendall(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
                )

    threading.Thread(target=run, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()
    for line in lines:
        line.close()


def until(condition, seconds=15.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "still not so"
        time.sleep(0.02)


def test_an_envelope_is_answered_on_its_line(slack, connect):
    server = slack(lambda _server, line: line.send(command()))
    connect(server.port)
    until(lambda: server.heard)
    assert server.heard == [{"envelope_id": "e1", "payload": {"text": "1"}}]


def test_an_empty_answer_is_an_acknowledgement_and_none_is_none(slack, connect):
    def two(_server, line):
        line.send(command(1))
        line.send(command(2))

    server = slack(two)
    connect(server.port, answer=lambda request, _arrived: None if request.envelope_id == "e1" else {})
    until(lambda: server.heard)
    assert server.heard == [{"envelope_id": "e2"}]


def test_a_line_that_fell_silent_without_a_word_is_replaced_within_thirty_seconds(slack, connect, hole):
    server = slack(lambda _server, _line: None)
    begun = time.monotonic()
    connect(hole, server.port)
    until(lambda: server.lines)
    assert (time.monotonic() - begun) * 20 < 30 + 3 * 20  # and up to 3 s until a read of the dead socket returns


def test_a_routine_disconnect_opens_the_next_line_before_the_old_one_goes(slack, connect):
    def refresh(server, line):
        if server.lines == 1:
            line.send(json.dumps({"type": "disconnect", "reason": "warning"}))
            until(lambda: server.lines == 2)
            line.send(command(7))

    server = slack(refresh)
    connect(server.port)
    until(lambda: server.heard)
    assert server.heard == [{"envelope_id": "e7", "payload": {"text": "7"}}]


def test_too_many_sockets_make_no_storm(slack, connect):
    server = slack(lambda _s, line: line.send(json.dumps({"type": "disconnect", "reason": "too_many_websockets"})))
    _, client = connect(server.port)
    time.sleep(3)  # a minute of the socket's time
    assert 2 <= len(client.asked) <= 8


def test_a_server_that_hangs_up_at_once_makes_no_storm(slack, connect):
    server = slack(lambda _server, line: line.close())
    _, client = connect(server.port)
    time.sleep(3)
    assert 2 <= len(client.asked) <= 8


def test_a_closed_port_is_tried_again_later(connect):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    line, client = connect(port)
    until(lambda: len(client.asked) >= 3)
    assert not line.connected


def test_an_answer_that_breaks_leaves_the_others_alone(slack, connect, caplog):
    def two(_server, line):
        line.send(command(1))
        line.send(command(2))

    def answer(request, _arrived):
        if request.envelope_id == "e1":
            raise ValueError("a fault of ours")
        return {"text": "fine"}

    server = slack(two)
    connect(server.port, answer=answer)
    until(lambda: server.heard)
    assert server.heard == [{"envelope_id": "e2", "payload": {"text": "fine"}}]
    until(lambda: "was not answered" in caplog.text)


def test_nonsense_on_the_line_is_passed_over(slack, connect):
    def nonsense(_server, line):
        for text in ("{", "hello", '{"type": "slash_commands"}', "[]", command(3)):
            line.send(text)

    server = slack(nonsense)
    connect(server.port)
    until(lambda: server.heard)
    assert server.heard[0]["envelope_id"] == "e3"


def test_stopping_answers_what_was_begun(slack, connect):
    begun, finish = threading.Event(), threading.Event()

    def slow(_request, _arrived):
        begun.set()
        finish.wait(5)
        return {"text": "done"}

    server = slack(lambda _server, line: line.send(command()))
    line, _ = connect(server.port, answer=slow)
    assert begun.wait(5)
    threading.Timer(0.2, finish.set).start()
    line.stop()
    until(lambda: server.heard)
    assert server.heard == [{"envelope_id": "e1", "payload": {"text": "done"}}]
