"""`examples/serve_model.py` as a process of its own, on a free port of this machine."""

import http.client
import json
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from tests.scenario.waiting import until

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "examples/serve_model.py"


class ModelServer:
    """What a client sees of it."""

    def __init__(self, port):
        self.port = port

    def ask(self, method, path, body=None, **headers):
        """Status and JSON of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, json.load(answer)
        finally:
            connection.close()

    def form(self, content, name="image", filename="a.png"):
        """Send a file as a browser's form does."""
        file = f'; filename="{filename}"' if filename else ""
        head = f'--frontier\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        body = head.encode() + content + b"\r\n--frontier--\r\n"
        return self.ask("POST", "/predict", body, content_type="multipart/form-data; boundary=frontier")


@contextmanager
def serving(model, log, *words):
    """A server with the model in that folder; what it says is in `log`."""
    argv = [sys.executable, str(SERVER), "--model", str(model), "--port", "0", *words]
    with log.open("wb") as output:
        process = subprocess.Popen(argv, cwd=log.parent, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:

        def port():
            assert process.poll() is None, log.read_text()
            said = re.search(r"running on http://127\.0\.0\.1:(\d+)", log.read_text())
            return int(said[1]) if said else None

        yield ModelServer(until(port, "the server is up", context=log.read_text))
    finally:
        process.terminate()
        process.wait(60)
