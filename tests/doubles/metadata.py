"""EC2's metadata service, as far as a spot notice needs it (AWS, "IMDSv2" and "Spot Instance interruption notices").

A token is given to a PUT that says for how many seconds (1 to 21,600, else 400); a question without a token that is
valid is answered 401; what is not there, 404 with a page of HTML; and a PUT that came through a proxy, 403.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MISSING = b'<?xml version="1.0" encoding="iso-8859-1"?>\n<html><head><title>404 - Not Found</title></head></html>\n'


class Metadata:
    """One instance's, on loopback, within a `with` block."""

    def __init__(self):
        self.instance_action = None
        self.tokens = set()
        self.asked = []
        """Method, path and status of each question."""
        self.broken = False
        """Whether it answers 500 to everything."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def notify(self, action, time="2026-01-02T03:04:05Z"):
        """The cloud takes the instance back."""
        self.instance_action = {"action": action, "time": time}

    def forget_tokens(self):
        """They have run out."""
        self.tokens.clear()

    def _answer(self, method, path, headers):
        if self.broken:
            return 500, b""
        if method == "PUT" and path == "/latest/api/token":
            return self._token(headers)
        if method != "GET":
            return 405, b""
        if headers.get("X-aws-ec2-metadata-token") not in self.tokens:
            return 401, b""
        if path == "/latest/meta-data/spot/instance-action" and self.instance_action:
            return 200, json.dumps(self.instance_action).encode()
        return 404, MISSING

    def _token(self, headers):
        if "X-Forwarded-For" in headers:
            return 403, b""
        seconds = headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if not seconds.isdigit() or not 1 <= int(seconds) <= 21_600:
            return 400, b""
        token = f"sandbox-metadata-{len(self.asked)}"
        self.tokens.add(token)
        return 200, token.encode()

    def _handler(self):
        metadata = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self._do("GET")

            def do_PUT(self):
                self._do("PUT")

            def _do(self, method):
                status, body = metadata._answer(method, self.path, self.headers)
                metadata.asked.append((method, self.path, status))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Nobody reads it."""

        return Handler
