"""What stands between the bot and a Slack: it hands every call on, and remembers it with its answer."""

import json
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Asked:
    """One call of the bot's, and how it was answered."""

    method: str
    arguments: dict
    answer: dict


class Relay:
    """Hands on to `target` what comes to `url`, and remembers it."""

    def __init__(self, target):
        self.asked, relay = [], self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, kind, answer = _handed_on(target + self.path, body, self.headers)
                relay.asked.append(_read(self.path, self.headers.get("Content-Type", ""), body, answer))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handed_on(url, body, headers):
    kept = {name: headers[name] for name in ("Authorization", "Content-Type") if headers.get(name)}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, kept), timeout=30) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"] or "", error.read()


def _read(path, kind, body, answer):
    if kind.startswith("application/json"):
        given = json.loads(body or b"{}")
    else:
        given = {name: _meant(name, value) for name, value in parse_qsl(body.decode())}
    return Asked(path.rpartition("/")[2], given, json.loads(answer))


def _meant(name, value):
    """What a field of a form stands for, which is text on its way."""
    if name in ("inclusive", "include_all_metadata"):
        return value == "1"
    return json.loads(value) if name in ("files", "length", "limit") else value
