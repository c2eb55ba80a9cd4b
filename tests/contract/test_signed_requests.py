"""HTTP mode from outside: what is let in, what is not, and what else the bot answers there."""

import json
import socket
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import httpx
import pytest

from bot.clock import SystemClock
from bot.errors import SettingsError
from bot.runs.store import Store
from bot.sandbox.slack import SlackSandbox
from bot.slack.app import SlackFront
from bot.slack.listeners import BUSY
from bot.slack.signed import EVENTS, Answer, SignedRequests
from bot.web.metrics import metrics
from bot.web.server import WebServer
from bot.web.site import LARGEST_BODY, PUSHES, site
from commands.desk import Desk
from tests.doubles.signed_slack import FORM, JSON, SECRET, signed

TRAIN = {
    "command": "/train",
    "text": "main v1.0.0",
    "user_id": "U0000ALICE",
    "channel_id": "C0TRAINING",
    "team_id": "T1",
    "trigger_id": "1.2.3",
}


class Bot:
    """A bot without an engine, and an address."""

    def __init__(self, folder, slack):
        self.folder = folder
        self.store = Store(folder / "ledger.sqlite", SystemClock())
        self.well = True
        desk = Desk(store=self.store, clock=SystemClock(), project="team/fruits")
        self.front = SlackFront(desk, bot_token=slack.bot_token, signing_secret=SECRET, api_url=slack.api_url)
        app = site(
            health=lambda: (self.well, "At work." if self.well else "Not heard of for 99 s."),
            metrics=lambda: metrics(self.store.counts, self.front),
            receive=self.front.requests.receive,
        )
        self.web = WebServer(app, host="127.0.0.1", port=0)
        self.front.start()
        self.web.start()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.web.port}", trust_env=False, timeout=30)

    def post(self, body, headers=None):
        return self.http.post(EVENTS, content=body, headers=signed(body) if headers is None else headers)

    def close(self):
        self.http.close()
        self.web.stop()
        self.front.stop()
        self.store.close()

    @property
    def requests(self):
        return self.store.counts.requests()


@pytest.fixture
def bot(tmp_path):
    with SlackSandbox(tmp_path) as slack:
        bot = Bot(tmp_path / "bot", slack)
        yield bot
        bot.close()


def form(**changes):
    return urlencode(TRAIN | changes).encode()


def test_a_signed_command_is_noted(bot):
    answer = bot.post(form())
    assert (answer.status_code, answer.text) == (200, "")
    assert bot.requests == 1


def test_a_refusal_is_an_answer_to_its_caller_alone(bot):
    said = bot.post(form(text="main")).json()
    assert said["response_type"] == "ephemeral"
    assert "It needs a branch and a tag" in said["text"]


BODY = form()
FORGED = {
    "no signature": {"Content-Type": FORM},
    "no timestamp": {name: value for name, value in signed(BODY).items() if name != "X-Slack-Request-Timestamp"},
    "another secret": signed(BODY, secret="another"),
    "another body": signed(form(text="main v6.6.6")),
    "a signature of the old kind": signed(BODY) | {"X-Slack-Signature": signed(BODY)["X-Slack-Signature"][3:]},
    "a signature that is no text": signed(BODY) | {"X-Slack-Signature": "v0=\u00fc".encode()},
    "a time that is none": signed(BODY) | {"X-Slack-Request-Timestamp": "now"},
    "a time beyond all": signed(BODY) | {"X-Slack-Request-Timestamp": "9" * 400},
}


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED)
def test_what_slack_did_not_sign_is_refused_and_read_by_nobody(bot, headers):
    assert bot.post(BODY, headers).status_code == 401
    assert bot.requests == 0


@pytest.mark.parametrize("seconds", [-301, -86_400, 301])
def test_what_was_signed_at_another_time_is_refused(bot, seconds):
    # 301 s ahead would be 300 s ahead when a busy machine lets a second pass: a little more is the same case
    at = time.time() + seconds + (30 if seconds > 0 else 0)
    assert bot.post(BODY, signed(BODY, at=at)).status_code == 401
    assert bot.requests == 0


def test_a_refused_request_is_counted_and_logged_once(bot, caplog):
    for _ in range(3):
        bot.post(BODY, FORGED["another secret"])
    assert "stationmaster_slack_requests_refused_total 3\n" in bot.http.get("/metrics").text
    assert sum("SLACK_SIGNING_SECRET is wrong" in line for line in caplog.messages) == 1
    assert SECRET not in caplog.text


def test_a_request_that_is_replayed_while_its_signature_is_good_makes_no_second_run(bot):
    headers = signed(BODY)
    answers = [bot.post(BODY, headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert bot.requests == 1


def test_a_retry_of_slacks_makes_no_second_run(bot):
    for attempt in range(3):
        retried = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": "http_timeout"}
        assert bot.post(BODY, signed(BODY) | (retried if attempt else {})).status_code == 200
    assert bot.requests == 1


def test_two_commands_without_a_trigger_are_two(bot):
    for tag in ("v1.0.0", "v1.0.1"):
        assert bot.post(form(text=f"main {tag}", trigger_id="")).status_code == 200
    assert bot.requests == 2


def test_the_address_is_verified_with_slacks_challenge(bot):
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRN", "token": "t"}).encode()
    assert "3eZbrw1aBm2rZgRN" in bot.post(body, signed(body, kind=JSON)).text
    assert bot.post(body, signed(body, kind=JSON, secret="another")).status_code == 401


def test_slacks_look_at_the_certificate_is_answered(bot):
    body = b"ssl_check=1&token=t"
    assert bot.post(body).status_code == 200


@pytest.mark.parametrize("kind", ["app_home_opened", "something_new"])
def test_an_event_is_taken_whether_or_not_somebody_listens(bot, kind):
    event = {"type": kind, "user": "U0000ALICE", "tab": "home"}
    body = json.dumps({"type": "event_callback", "event_id": "Ev1", "team_id": "T1", "event": event}).encode()
    assert bot.post(body, signed(body, kind=JSON)).status_code == 200


def test_a_signed_body_that_is_no_text_is_refused(bot):
    body = b"text=\xff\xfe"
    assert bot.post(body, signed(body)).status_code == 401


def test_nothing_is_read_beyond_a_megabyte(bot):
    body = b"x" * (LARGEST_BODY + 1)
    assert bot.post(body, signed(body)).status_code == 413


def test_only_a_post_is_one(bot):
    assert bot.http.get(EVENTS).status_code == 405
    assert bot.http.get("/").status_code == 404


def test_health_is_that_of_the_process_and_not_of_slack(bot):
    assert (bot.http.get("/healthz").status_code, bot.http.get("/healthz").text) == (200, "At work.\n")
    bot.well = False
    assert (bot.http.get("/healthz").status_code, bot.http.get("/healthz").text) == (503, "Not heard of for 99 s.\n")


def test_fifty_commands_at_once_are_all_noted(bot):
    bodies = [form(text=f"main v1.0.{number}", trigger_id=f"t-{number}") for number in range(50)]
    with ThreadPoolExecutor(50) as people:
        assert {answer.status_code for answer in people.map(bot.post, bodies)} == {200}
    assert bot.requests == 50


def test_a_locked_ledger_is_said_to_be_busy_to_everybody(bot):
    other = sqlite3.connect(bot.folder / "ledger.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    bodies = [form(trigger_id=f"t-{number}") for number in range(20)]
    with ThreadPoolExecutor(20) as people:
        assert {answer.json()["text"] for answer in people.map(bot.post, bodies)} == {BUSY}
    other.execute("ROLLBACK")
    other.close()
    assert bot.requests == 0


def test_without_slack_and_gitlab_there_is_no_address_for_them(tmp_path):
    web = WebServer(site(health=lambda: (True, "At work."), metrics=str, receive=None), host="127.0.0.1", port=0)
    web.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{web.port}", trust_env=False) as http:
        assert http.get("/healthz").status_code == 200
        assert http.post(EVENTS, content=BODY, headers=signed(BODY)).status_code == 404
        assert http.post(PUSHES).status_code == 404
    web.stop()


def test_what_is_being_answered_at_the_end_is_answered():
    begun, finish = threading.Event(), threading.Event()

    def answer(_headers, _body, _arrived):
        begun.set()
        finish.wait(20)
        return Answer(200, "done")

    requests = SignedRequests(SECRET, answer, SystemClock())
    requests.start()
    web = WebServer(site(health=lambda: (True, ""), metrics=str, receive=requests.receive), host="127.0.0.1", port=0)
    web.start()
    url = f"http://127.0.0.1:{web.port}{EVENTS}"
    with ThreadPoolExecutor(2) as people:
        posted = people.submit(httpx.post, url, content=BODY, headers=signed(BODY), trust_env=False, timeout=30)
        assert begun.wait(20)
        stopping = people.submit(web.stop)
        finish.set()
        assert posted.result(30).text == "done"
        stopping.result(30)
    requests.stop()


def test_after_the_end_and_before_the_start_nothing_is_taken():
    requests = SignedRequests(SECRET, lambda *_: Answer(200), SystemClock())
    headers = {name.lower(): value for name, value in signed(BODY).items()}
    assert requests.receive(headers, BODY).result().status == 503
    requests.start()
    assert requests.connected
    assert requests.receive(headers, BODY).result(20).status == 200
    requests.stop()
    assert not requests.connected
    assert requests.receive(headers, BODY).result().status == 503


def test_a_port_that_is_taken_is_a_wrong_setting():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        web = WebServer(site(health=lambda: (True, ""), metrics=str, receive=None), host="127.0.0.1", port=port)
        with pytest.raises(SettingsError, match="HTTP_PORT"):
            web.start()
        web.stop()


@pytest.mark.parametrize(("token", "status"), [("right", 202), ("wrong", 403), ("", 403)])
def test_gitlabs_webhook_is_heard_only_with_its_token(token, status):
    heard = []

    def pushed(given):
        heard.append(given)
        return given == "right"

    web = WebServer(site(health=lambda: (True, ""), metrics=str, receive=None, pushed=pushed), host="127.0.0.1", port=0)
    web.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{web.port}", trust_env=False, timeout=30) as http:
        assert http.post(PUSHES, headers={"X-Gitlab-Token": token}, json={"ref": "x"}).status_code == status
        assert http.get(PUSHES).status_code == 405
    web.stop()
    assert heard == [token]
