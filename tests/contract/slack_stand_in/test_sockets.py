"""Sockets without Bolt, tokens, and the address that a command is answered at."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient
from websockets.sync.client import connect

from bot.clock import SystemClock
from bot.sandbox.slack import SlackSandbox
from tests.contract.local_slack import BOT, refusal
from tests.contract.slack_stand_in.talk import COMMANDS, hear, link, texts


def test_a_socket_is_greeted_and_closed_with_a_reason(slack, client):
    with link(client) as socket:
        hello = hear(socket)
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        assert hello["connection_info"]["app_id"] == "A0STATION0"
        slack.disconnect("refresh_requested")
        goodbye = hear(socket)
        assert (goodbye["type"], goodbye["reason"]) == ("disconnect", "refresh_requested")


def test_a_ticket_opens_one_socket(slack, client):
    address = client.apps_connections_open(app_token="xapp-sandbox")["url"]
    with connect(address) as socket:
        hear(socket)
        with pytest.raises(Exception, match="403"):
            connect(address)


def test_each_payload_goes_to_one_of_several_sockets(slack, client):
    with link(client) as first, link(client) as second, ThreadPoolExecutor(2) as people:
        assert [hear(first)["num_connections"], hear(second)["num_connections"]] == [1, 2]
        typed = [people.submit(slack.type, "alice", f"/train {number}") for number in range(2)]
        for socket in (first, second):
            envelope = hear(socket)
            assert envelope["accepts_response_payload"]
            answer = {"envelope_id": envelope["envelope_id"], "payload": {"text": "got it"}}
            socket.send(json.dumps(answer))
        assert [each.result(5) for each in typed] == ["got it"] * 2


def test_the_eleventh_socket_is_too_many(slack, client):
    with ExitStack() as open_ones:
        first_words = [hear(open_ones.enter_context(link(client)))["type"] for _ in range(11)]
    assert first_words == ["hello"] * 10 + ["disconnect"]


def test_a_socket_cut_without_a_word_is_gone(slack, client):
    with link(client) as socket, slack.subscribe() as news:
        hear(socket)
        slack.cut_sockets()
        news.wait(lambda event: event == {"type": "app", "connected": False})
    assert slack.type("alice", "/train main v1") == '/train failed with the error "dispatch_failed"'


# Tokens


@pytest.mark.parametrize(
    ("token", "error"),
    [("", "not_authed"), ("xoxb-other", "invalid_auth"), ("xapp-sandbox", "not_allowed_token_type")],
)
def test_a_wrong_token_opens_nothing(slack, token, error):
    assert refusal(WebClient(token, base_url=slack.api_url).auth_test) == error


def test_the_bots_token_opens_no_socket(client):
    assert refusal(client.apps_connections_open, app_token="xoxb-sandbox") == "not_allowed_token_type"


def test_the_bot_knows_itself(client):
    me = client.auth_test()
    assert (me["team"], me["user"], me["user_id"], me["bot_id"]) == ("Orchard", "stationmaster", BOT, "B0STATION0")


def test_a_method_that_is_none(client):
    assert refusal(client.api_call, api_method="chat.shout") == "unknown_method"


# response_url


def response_url(slack, client):
    with link(client) as socket, ThreadPoolExecutor(1) as people:
        hear(socket)
        typed = people.submit(slack.type, "alice", "/train x")
        envelope = hear(socket)
        socket.send(json.dumps({"envelope_id": envelope["envelope_id"]}))
        assert typed.result(5) == ""
    return envelope["payload"]["response_url"]


def test_a_response_url_is_good_for_five_answers(slack, client):
    hook = WebhookClient(response_url(slack, client))
    assert [hook.send(text=str(number)).status_code for number in range(5)] == [200] * 5
    sixth = hook.send(text="5")
    assert (sixth.status_code, json.loads(sixth.body)["error"]) == (404, "used_url")
    assert texts(slack.ephemerals("alice")) == list("01234")


def test_a_response_url_answers_in_the_channel_replaces_and_deletes(slack, client):
    hook = WebhookClient(response_url(slack, client))
    hook.send(text="for all", response_type="in_channel")
    assert texts(slack.messages()) == ["for all"]
    hook.send(text="for all, again", replace_original=True)
    assert texts(slack.messages()) == ["for all, again"]
    hook.send(delete_original=True)
    assert slack.messages() == []


def test_a_response_url_knows_the_limits(slack, client):
    answer = WebhookClient(response_url(slack, client)).send(blocks=[{"type": "bar"}])
    assert json.loads(answer.body)["error"] == "invalid_blocks"


def test_a_response_url_ends_after_half_an_hour(tmp_path):
    clock = Wound()
    with SlackSandbox(tmp_path, commands=COMMANDS, clock=clock) as slack:
        hook = WebhookClient(response_url(slack, WebClient("xoxb-sandbox", base_url=slack.api_url)))
        clock.time += 30 * 60
        assert hook.send(text="just in time").status_code == 200
        clock.time += 1
        late = hook.send(text="late")
    assert (late.status_code, json.loads(late.body)["error"]) == (404, "expired_url")


class Wound(SystemClock):
    """A clock that somebody else moves."""

    time = 1_800_000_000.0

    def now(self):
        return self.time
