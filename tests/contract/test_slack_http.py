"""HTTP mode of the local Slack: signed requests to an address, behind which real Bolt checks them."""

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from slack_bolt.adapter.starlette import SlackRequestHandler
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.sandbox.slack import Refusal, SlackSandbox, SlashCommand, Undelivered
from bot.sandbox.slack.server import LoopbackServer
from tests.contract.forms_app import Forms, entry, modal, option

SECRET = "signing-secret"


@pytest.fixture
def slack(tmp_path):
    commands = [SlashCommand("/form", "", "Opens a modal")]
    with SlackSandbox(tmp_path, commands=commands, ack_seconds=20, event_retries=(0, 0, 0)) as slack:
        yield slack


@pytest.fixture
def app(slack):
    app = Forms(slack)
    handler = SlackRequestHandler(app.app)
    server = LoopbackServer(0)
    server.start(Starlette(routes=[Route("/slack/events", handler.handle, methods=["POST"])]), H11Protocol)
    app.url = f"http://127.0.0.1:{server.port}/slack/events"
    yield app
    server.stop()


class Recorder:
    """An address that keeps what it is sent, and answers with the statuses it was given; then with 200."""

    def __init__(self):
        self.sent = queue.Queue()
        self.statuses = []
        self.body = ""
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                content = self.rfile.read(int(self.headers["Content-Length"]))
                verifying = b"url_verification" in content
                status = 200 if verifying or not recorder.statuses else recorder.statuses.pop(0)
                answer = content if verifying else recorder.body.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
                recorder.sent.put((dict(self.headers.items()), content))

            def log_message(self, *_):
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def next(self):
        return self.sent.get(timeout=10)

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def recorder():
    recorder = Recorder()
    yield recorder
    recorder.close()


def test_commands_interactions_and_events_pass_bolts_signature_check(slack, app):
    slack.use_http(app.url, SECRET)
    assert slack.connected
    branch = entry("branch", "Branch", "external_select", min_query_length=0)
    app.views.put(modal([branch]))
    assert slack.type("alice", "/form") == ""
    assert slack.suggest("alice", "Branch", "typo") == [option("feature/typo")]
    slack.choose("alice", "Branch", "main")
    app.answers.put({"response_action": "errors", "errors": {"branch": "Not today."}})
    assert slack.submit("alice") == {"branch": "Not today."}
    assert slack.submit("alice") == {}
    assert slack.open_home("alice")["type"] == "home"


def test_another_secret_opens_nothing(slack, app):
    slack.use_http(app.url, SECRET)
    with pytest.raises(Refusal, match="url_not_verified"):
        slack.use_http(app.url, "another-secret")
    assert slack.type("alice", "/form") == ""


def test_an_address_where_nobody_is_cannot_be_verified(slack):
    with pytest.raises(Refusal, match="url_not_verified"):
        slack.use_http("http://127.0.0.1:1/", SECRET)
    assert not slack.connected


def test_a_command_is_a_signed_form_and_a_plain_answer_is_its_acknowledgement(slack, recorder):
    slack.use_http(recorder.url, SECRET)
    recorder.next()
    recorder.body = "On it"
    assert slack.type("alice", "/form main v1") == "On it"
    headers, content = recorder.next()
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(content.decode())["text"] == ["main v1"]
    assert SignatureVerifier(SECRET).is_valid_request(content, headers)


@pytest.mark.parametrize(("status", "code"), [(500, "http_service_error"), (404, "http_client_error")])
def test_an_answer_that_is_not_200_is_a_failure_in_front_of_the_person(slack, recorder, status, code):
    slack.use_http(recorder.url, SECRET)
    recorder.statuses = [status]
    assert slack.type("alice", "/form") == f'/form failed with the error "{code}"'


def test_an_event_that_fails_comes_again_and_says_so(slack, recorder):
    slack.use_http(recorder.url, SECRET)
    recorder.next()
    recorder.statuses = [500, 500]
    with pytest.raises(Undelivered, match="http_service_error"):
        slack.send_event({"type": "app_mention", "user": "U0000ALICE"})
    first, second, third = (recorder.next() for _ in range(3))
    retries = [(each.get("X-Slack-Retry-Num"), each.get("X-Slack-Retry-Reason")) for each, _ in (first, second, third)]
    assert retries == [(None, None), ("1", "http_error"), ("2", "http_error")]
    assert len({json.loads(content)["event_id"] for _, content in (first, second, third)}) == 1
    assert first[0]["Content-Type"] == "application/json"
