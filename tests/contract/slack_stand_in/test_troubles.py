"""The local Slack misbehaves as it is told to, stops, and comes back as it was."""

import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from websockets.sync.client import connect

from bot.errors import UserError
from bot.sandbox.slack import SlackSandbox
from tests.contract.local_slack import ALICE, CHANNEL, refusal
from tests.contract.slack_stand_in.talk import CARD, COMMANDS, hear, link, page, says, texts


def test_429_says_when_to_come_back_and_does_nothing(slack, client):
    slack.fault("chat.postMessage", "429", retry_after=7)
    with pytest.raises(SlackApiError) as refused:
        client.chat_postMessage(channel=CHANNEL, text="x")
    response = refused.value.response
    assert (response.status_code, response["error"], response.headers["Retry-After"]) == (429, "ratelimited", "7")
    assert slack.messages() == []
    client.chat_postMessage(channel=CHANNEL, text="x")
    assert texts(slack.messages()) == ["x"]


@pytest.mark.parametrize("kind", ["500", "503"])
def test_a_broken_slack_answers_with_its_status(slack, client, kind):
    slack.fault("*", kind)
    with pytest.raises(SlackApiError) as refused:
        client.chat_postMessage(channel=CHANNEL, text="x")
    assert refused.value.response.status_code == int(kind)


@pytest.mark.parametrize(("kind", "said"), [("reset_before", []), ("reset_after", ["x"])])
def test_a_connection_breaks_before_or_after_the_deed(slack, client, kind, said):
    slack.fault("chat.postMessage", kind)
    with pytest.raises(ConnectionResetError):
        client.chat_postMessage(channel=CHANNEL, text="x")
    assert texts(slack.messages()) == said


def test_the_usual_client_says_it_twice_when_the_answer_is_lost(slack):
    slack.fault("chat.postMessage", "reset_after")
    WebClient("xoxb-sandbox", base_url=slack.api_url).chat_postMessage(channel=CHANNEL, text="x")
    assert texts(slack.messages()) == ["x", "x"]


def test_a_late_answer_is_late_and_the_deed_is_done(slack):
    slack.fault("chat.postMessage", "delay", retry_after=0.3)
    hasty = WebClient("xoxb-sandbox", base_url=slack.api_url, timeout=0.1, retry_handlers=[])
    with slack.subscribe() as news:
        with pytest.raises(TimeoutError):
            hasty.chat_postMessage(channel=CHANNEL, text="x")
        assert slack.messages() == []
        news.wait(says("x"))


def test_a_fault_can_be_asked_for_over_http(slack, client):
    fault = {"method": "auth.test", "kind": "429", "times": 2, "retry_after": 0}
    assert page(slack, "/sandbox/faults", fault)["ok"]
    assert [refusal(client.auth_test) for _ in range(2)] == ["ratelimited"] * 2
    assert client.auth_test()["ok"]
    assert "reset_after" in page(slack, "/sandbox/faults", {"method": "auth.test", "kind": "fire"})["error"]


# Coming back


def test_a_restart_goes_on_where_it_was(tmp_path):
    with SlackSandbox(tmp_path, commands=COMMANDS) as slack:
        client = WebClient("xoxb-sandbox", base_url=slack.api_url)
        root = client.chat_postMessage(channel=CHANNEL, text="root", blocks=CARD)["ts"]
        client.files_upload_v2(channel=CHANNEL, thread_ts=root, filename="a.txt", content="a")
        client.chat_update(channel=CHANNEL, ts=root, text="edited")
        client.reactions_add(channel=CHANNEL, timestamp=root, name="eyes")
        client.chat_postEphemeral(channel=CHANNEL, user=ALICE, text="psst")
        slack.type("alice", "/invite @Stationmaster", "#random")
        before = slack.thread(CHANNEL, root), slack.ephemerals("alice"), slack.messages("#random")
    with SlackSandbox(tmp_path, commands=COMMANDS) as slack:
        client = WebClient("xoxb-sandbox", base_url=slack.api_url)
        assert (slack.thread(CHANNEL, root), slack.ephemerals("alice"), slack.messages("#random")) == before
        assert client.chat_postMessage(channel="#random", text="still in")["ts"] > root
        with urllib.request.urlopen(slack.url + before[0][1].files[0].path) as answer:
            assert answer.read() == b"a"


def test_what_was_answered_is_on_disk_at_once(slack, client, tmp_path):
    client.chat_postMessage(channel=CHANNEL, text="said before the power went")
    other = SlackSandbox(tmp_path)  # a second look at the same files while the first still runs: kill -9 leaves no more
    assert texts(other.messages()) == ["said before the power went"]
    other.stop()


def test_stopping_closes_everything_and_leaves_no_thread(tmp_path):
    slack = SlackSandbox(tmp_path, commands=COMMANDS).start()
    client = WebClient("xoxb-sandbox", base_url=slack.api_url)
    news = slack.subscribe()
    with link(client) as socket, connect(f"{slack.url.replace('http', 'ws')}/sandbox/live?user={ALICE}") as live:
        hear(socket)
        hear(live)
        slack.stop()
    slack.stop()
    assert all(event["type"] == "app" for event in news)  # and the iteration ends
    assert not [thread for thread in threading.enumerate() if thread.name == f"slack-{slack.port}"]


def test_a_person_who_waits_while_it_stops_is_let_go(slack, client):
    with link(client) as socket, ThreadPoolExecutor(1) as people:
        hear(socket)
        typed = people.submit(slack.type, "alice", "/train main v1.0.0")
        hear(socket)
        slack.stop()
        with pytest.raises(RuntimeError, match="stopped meanwhile"):
            typed.result(5)


def test_a_port_that_is_taken_is_said_in_a_sentence(slack, tmp_path):
    with pytest.raises(UserError, match=f"Port {slack.port} of 127.0.0.1 cannot be used"):
        SlackSandbox(tmp_path, port=slack.port)
