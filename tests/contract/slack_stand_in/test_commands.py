"""Commands, buttons and events on their way through the real slack_bolt, and what Slack itself answers."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from bot.sandbox.slack import SlackSandbox
from tests.contract.local_slack import ALICE, BOB, CHANNEL, RANDOM, refusal
from tests.contract.slack_stand_in.talk import CARD, COMMANDS, GO, page, says, texts


class Trains:
    """The smallest app there is: a card for each command, a thread below it, a button on it."""

    def __init__(self, slack):
        self.seen = []
        self.at_home = threading.Event()
        client = WebClient("xoxb-sandbox", base_url=slack.api_url)
        app = App(client=client)
        app.command("/train")(self.train)
        app.command("/modal")(self.modal)
        app.action("go")(self.go)
        app.event("app_home_opened")(self.home)
        self.handler = SocketModeHandler(app, "xapp-sandbox")
        self.handler.connect()

    def train(self, ack, body, client):
        self.seen.append(body)
        if body["text"] == "quietly":
            ack()
            return
        ack(f"On it: {body['text']}")
        card = client.chat_postMessage(channel=body["channel_id"], text="card", blocks=CARD)
        client.chat_postMessage(channel=body["channel_id"], text=body["text"], thread_ts=card["ts"])

    def modal(self, ack, body, client):
        view = {"type": "modal", "title": {"type": "plain_text", "text": "Runs"}, "blocks": [{"type": "divider"}]}
        client.views_open(trigger_id=body["trigger_id"], view=view)
        again = refusal(client.views_open, trigger_id=body["trigger_id"], view=view)
        ack(again)

    def go(self, ack, body, respond):
        ack()
        self.seen.append(body)
        respond(text=f"Went {body['actions'][0]['value']}", replace_original=False)

    def home(self, event, client):
        client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [{"type": "divider"}]})
        self.at_home.set()


@pytest.fixture(scope="module")
def bolt(tmp_path_factory):
    """One app for all tests that need one: slack_sdk takes seconds to let go of a socket."""
    with SlackSandbox(tmp_path_factory.mktemp("bolt"), commands=COMMANDS, ack_seconds=1.5) as slack:
        slack.app = Trains(slack)
        yield slack
        slack.app.handler.close()


def test_a_command_is_acknowledged_to_the_caller_and_answered_in_a_thread(bolt):
    with bolt.subscribe() as news:
        assert bolt.type("alice", "/train main v1.0.0") == "On it: main v1.0.0"
        reply = news.wait(says("main v1.0.0"))["message"]
    assert bolt.ephemerals("alice")[-1].text == "On it: main v1.0.0"
    assert texts(bolt.thread("#training", reply["ts"])) == ["card", "main v1.0.0"]
    assert "main v1.0.0" not in texts(bolt.messages("#training"))


def test_a_command_comes_with_everything_that_slack_tells(bolt):
    bolt.type("bob", "/train quietly", "#random")
    body = bolt.app.seen[-1]
    assert (body["command"], body["text"], body["api_app_id"]) == ("/train", "quietly", "A0STATION0")
    assert (body["user_id"], body["user_name"]) == (BOB, "bob")
    assert (body["channel_id"], body["channel_name"]) == (RANDOM, "random")
    assert (body["team_id"], body["team_domain"], body["is_enterprise_install"]) == ("T0ORCHARD0", "orchard", "false")
    assert body["response_url"].startswith(bolt.url)
    assert body["trigger_id"]
    assert body["token"]


def test_a_silent_acknowledgement_shows_nothing(bolt):
    before = bolt.ephemerals("bob")
    assert bolt.type("bob", "/train quietly") == ""
    assert bolt.ephemerals("bob") == before


def test_angle_brackets_in_a_command_arrive_escaped(bolt):
    assert bolt.type("alice", "/train <!channel> a&b") == "On it: &lt;!channel&gt; a&amp;b"


def test_a_command_that_nobody_acknowledges_times_out_in_front_of_the_person(bolt):
    sentence = '/sleep failed with the error "operation_timeout"'
    assert bolt.type("alice", "/sleep") == sentence
    assert bolt.ephemerals("alice")[-1].text == sentence


def test_an_acknowledgement_that_is_lost_is_none(bolt):
    bolt.fault("ack", "reset_before")
    assert bolt.type("alice", "/train quietly") == '/train failed with the error "operation_timeout"'
    assert bolt.app.seen[-1]["text"] == "quietly"


def test_a_command_delivered_again_is_the_same_command(bolt):
    bolt.type("alice", "/train quietly")
    bolt.redeliver()
    first, second = bolt.app.seen[-2:]
    assert first["trigger_id"] == second["trigger_id"]


def test_a_button_reaches_the_app_and_its_answer_only_the_person(bolt):
    with bolt.subscribe() as news:
        bolt.type("alice", "/train main v2.0.0")
        card = news.wait(says("main v2.0.0"))["message"]["thread_ts"]
        assert bolt.click("bob", card, "go") == ""
        news.wait(says("Went 42"))
    click = bolt.app.seen[-1]
    assert click["container"] == {
        "type": "message",
        "message_ts": card,
        "channel_id": CHANNEL,
        "is_ephemeral": False,
        "thread_ts": card,
    }
    assert click["user"]["id"] == BOB
    assert click["message"]["blocks"][0]["elements"] == [GO]
    assert click["actions"][0]["block_id"] == click["message"]["blocks"][0]["block_id"]
    assert click["actions"][0]["action_ts"] > card
    assert bolt.ephemerals("bob")[-1].text == "Went 42"
    assert "Went 42" not in texts(bolt.ephemerals("alice"))


def connected(event):
    return event == {"type": "app", "connected": True}


@pytest.mark.parametrize("reason", ["refresh_requested", "too_many_websockets"])
def test_an_app_whose_socket_was_closed_with_a_reason_comes_back(bolt, reason):
    with bolt.subscribe() as news:
        bolt.disconnect(reason)
        news.wait(connected)
    assert bolt.type("alice", "/train quietly") == ""


def test_an_app_that_was_warned_opens_a_socket_and_then_closes_the_old_one(bolt):
    with bolt.subscribe() as news:
        bolt.disconnect("warning")
        news.wait(connected)  # the new one opened
        news.wait(connected)  # the old one closed
    assert bolt.type("alice", "/train quietly") == ""


def test_fifty_commands_at_once_are_all_acknowledged(bolt):
    with ThreadPoolExecutor(50) as people:
        answers = list(people.map(lambda _: bolt.type("alice", "/train quietly"), range(50)))
    assert answers == [""] * 50


def test_a_trigger_opens_one_modal(bolt):
    assert bolt.type("alice", "/modal") == "exchanged_trigger_id"
    (modal,) = bolt.modals("alice")
    assert modal["title"]["text"] == "Runs"
    assert bolt.modals("bob") == []


def test_an_event_reaches_the_app(bolt):
    bolt.send_event({"type": "app_home_opened", "user": ALICE, "channel": "D000", "tab": "home", "event_ts": "1.0"})
    assert bolt.app.at_home.wait(5)  # Bolt acknowledges an event before its listener ran
    assert bolt.home_tab("alice")["type"] == "home"


# Answered by Slack itself


def test_no_app_means_dispatch_failed(slack):
    assert slack.type("alice", "/train main v1.0.0") == '/train failed with the error "dispatch_failed"'


def test_an_unknown_command_is_told_so(slack):
    assert slack.type("alice", "/trian main v1.0.0") == "/trian is not a valid command."


def test_a_command_cannot_be_used_in_a_thread(slack):
    slack.type("alice", "hello")
    root = slack.messages()[0].ts
    assert slack.type("alice", "/train main v1.0.0", thread_ts=root) == "/train is not supported in threads. Sorry!"


def test_an_invited_bot_may_speak(slack, client):
    assert refusal(client.chat_postMessage, channel=RANDOM, text="hi") == "not_in_channel"
    assert slack.type("bob", "/invite @Stationmaster", "#random") == ""
    assert client.chat_postMessage(channel="#random", text="hi")["channel"] == RANDOM
    assert slack.messages("#random")[0].subtype == "channel_join"


# Typed and pressed on the page


def test_the_page_runs_commands_and_presses_buttons(bolt):
    command = {"user": ALICE, "channel": CHANNEL, "text": "/train main v9.0.0"}
    with bolt.subscribe() as news:
        assert page(bolt, "/sandbox/command", command) == {"ok": True}
        card = news.wait(says("card"))["message"]
    press = {
        "user": BOB,
        "channel": CHANNEL,
        "message_ts": card["ts"],
        "block_id": card["blocks"][0]["block_id"],
        "action_id": "go",
        "type": "button",
    }
    assert page(bolt, "/sandbox/action", press) == {"ok": True}
    gone = page(bolt, "/sandbox/action", {**press, "action_id": "stop"})
    assert gone == {"ok": False, "error": "There is no stop here any more."}
    wrong = page(bolt, "/sandbox/command", {**command, "text": "/trian"})
    assert wrong == {"ok": False, "error": "/trian is not a valid command."}
