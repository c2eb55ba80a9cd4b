"""git's own HTTP backend on loopback, for those who bring the token (https://git-scm.com/docs/git-http-backend)."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.integration.trainer_world import TOKEN

ALLOWED = "Basic " + base64.b64encode(f"oauth2:{TOKEN}".encode()).decode()


class GitServer(ThreadingHTTPServer):
    """Serves the repositories in a folder; `refused` counts the requests that brought no token or a wrong one."""

    def __init__(self, root):
        super().__init__(("127.0.0.1", 0), Request)
        self.root = root
        self.refused = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def address(self, repository):
        return f"http://127.0.0.1:{self.server_port}/{repository}"

    def stop(self):
        self.shutdown()
        self.server_close()


class Request(BaseHTTPRequestHandler):
    def do_GET(self):
        self.serve()

    def do_POST(self):
        self.serve()

    def serve(self):
        body = self.body()
        if self.headers.get("Authorization") != ALLOWED:
            self.server.refused += 1
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        environment = self.environment(len(body))
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        self.pass_on(head, content)

    def body(self):
        """What came with it. Read before a refusal too: closing a connection with unread bytes in it resets it."""
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(length) if length else self.chunks()

    def chunks(self):
        body = b""
        while self.headers.get("Transfer-Encoding") == "chunked" and (
            size := int(self.rfile.readline().strip() or b"0", 16)
        ):
            body += self.rfile.read(size)
            self.rfile.readline()
        return body

    def environment(self, length):
        path, _, query = self.path.partition("?")
        return {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "oauth2",
        }

    def pass_on(self, head, content):
        self.send_response(200)
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass
