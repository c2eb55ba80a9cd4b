"""HTTP/1.1 with connections that stay open, so that a client does not dial anew for each of thousands of objects.

werkzeug's own server closes the connection after every answer. Layers here are plain functions from `Request` to
`Answer`; bodies are whole in memory, as they are in moto anyway.
"""

from __future__ import annotations

import io
import logging
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any
from urllib.parse import parse_qs, unquote

from werkzeug.serving import DechunkedInput

log = logging.getLogger(__name__)

_NO_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_ONE_PACKET = 1 << 16
"""Bytes of a body up to which it leaves together with the headers, in one system call."""


class ConnectionLost(Exception):  # noqa: N818 - not an error of ours: the other side is to see one
    """Raised by a layer to cut the connection instead of answering."""


@dataclass(frozen=True)
class Request:
    """One request; `target` is the path and query as they came, percent signs and all."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    """By lower-case name."""
    body: bytes = b""

    @property
    def path(self) -> str:
        """The decoded path."""
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, str]:
        """The first value of each name of the query."""
        found = parse_qs(self.target.partition("?")[2], keep_blank_values=True)
        return {name: values[0] for name, values in found.items()}

    def form(self) -> dict[str, str]:
        """The body as a form, the way EC2 is asked."""
        found = parse_qs(self.body.decode("utf-8", errors="replace"), keep_blank_values=True)
        return {name: values[0] for name, values in found.items()}

    def with_header(self, name: str, value: str) -> Request:
        """The same request with one more header."""
        return replace(self, headers={**self.headers, name.lower(): value})

    def environ(self, host: str, port: int) -> dict[str, Any]:
        """The request in WSGI's form."""
        path, _, query = self.target.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "RAW_URI": self.target,
            "REQUEST_URI": self.target,
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": host,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "CONTENT_LENGTH": str(len(self.body)),
        }
        for name, value in self.headers.items():
            if name == "content-type":
                environ["CONTENT_TYPE"] = value
            elif name not in ("content-length", "transfer-encoding"):
                environ["HTTP_" + name.upper().replace("-", "_")] = value
        return environ


@dataclass(frozen=True)
class Answer:
    """What goes back. A `content-length` among the headers is kept for HEAD and set right otherwise."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether the deed was done."""
        return self.status < HTTPStatus.BAD_REQUEST


Layer = Callable[[Request], Answer]


class HttpServer(ThreadingTCPServer):
    """Serves one layer on loopback, a thread a connection."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, layer: Layer) -> None:
        self.layer = layer
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="sandbox-aws", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens; the system chose when 0 was asked for."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Serve in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, the listening socket and every open connection."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._guard:
            for connection in self._open:
                _shut(connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that `stop` can end it."""
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget it."""
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's signature
        """A client that hangs up is no news."""
        log.debug("connection of %s ended early", client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: HttpServer

    def serve(self) -> None:
        request = Request(self.command, self.path, self._headers(), self._body())
        try:
            answer = self.server.layer(request)
        except ConnectionLost:
            self._cut()
        except Exception:
            log.exception("%s %s", request.method, request.target)
            self._write(Answer(HTTPStatus.INTERNAL_SERVER_ERROR, (("content-type", "text/plain"),), b"see the log"))
        else:
            self._write(answer)

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = serve  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's signature
        """Quiet: a line for each object would drown everything else."""

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return io.BufferedReader(DechunkedInput(self.rfile)).read()
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _write(self, answer: Answer) -> None:
        head = self.command == "HEAD"
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name.lower() not in ("connection", "date", "server") and (head or name.lower() != "content-length"):
                self.send_header(name, value)
        if not head and answer.status not in _NO_BODY:
            self.send_header("content-length", str(len(answer.body)))
        body = b"" if head or answer.status in _NO_BODY else answer.body
        if len(body) < _ONE_PACKET:
            self._headers_buffer.append(b"\r\n" + body)  # type: ignore[attr-defined]
            self.flush_headers()
        else:
            self.end_headers()
            self.wfile.write(body)

    def _cut(self) -> None:
        """A reset, not a polite end: what a client sees when a proxy or a machine dies."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("connection was closed already")
