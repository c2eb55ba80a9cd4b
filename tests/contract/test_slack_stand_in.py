"""The local Slack against the real slack_sdk and slack_bolt: its promises to an app, to a person and to the page."""

import json
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient
from websockets.sync.client import connect

from bot.clock import SystemClock
from bot.errors import UserError
from bot.sandbox.slack import SlackSandbox, SlashCommand

CHANNEL, RANDOM = "C0TRAINING", "C000RANDOM"
ALICE, BOB, BOT = "U0000ALICE", "U000000BOB", "U0STATION0"
COMMANDS = [
    SlashCommand("/train", "<branch> <tag>", "Train a model and release it"),
    SlashCommand("/sleep", "", "Acknowledged by nobody"),
    SlashCommand("/modal", "", "Opens a modal"),
]
GO = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go", "value": "42"}
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Runs"}, "blocks": [{"type": "divider"}]}
CARD = [{"type": "actions", "elements": [GO]}]


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


@pytest.fixture
def slack(tmp_path):
    with SlackSandbox(tmp_path, commands=COMMANDS, ack_seconds=0.5) as slack:
        yield slack


@pytest.fixture
def client(slack):
    return WebClient("xoxb-sandbox", base_url=slack.api_url, retry_handlers=[])


def page(slack, path, body=None, **headers):
    """One request of the page: its JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(slack.url + path, data, headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def texts(messages):
    return [message.text for message in messages]


def refusal(call, **arguments):
    """The error code that Slack refuses a call with."""
    with pytest.raises(SlackApiError) as refused:
        call(**arguments)
    return refused.value.response["error"]


# A command's way, through Bolt


def says(text):
    return lambda event: event["type"] == "message" and event["message"]["text"] == text


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


# Commands that Slack itself answers


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


# Sockets, without Bolt


def link(client):
    return connect(client.apps_connections_open(app_token="xapp-sandbox")["url"])


def hear(socket):
    return json.loads(socket.recv(timeout=5))


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


# Messages


def test_a_message_is_kept_as_it_was_sent(slack, client):
    text = "a &lt; b & *bold* <@U0000ALICE>"
    answer = client.chat_postMessage(channel="training", text=text, unfurl_links=False)
    (message,) = slack.messages()
    assert (message.text, message.ts, message.user, message.pings) == (text, answer["ts"], BOT, (ALICE,))
    assert answer["message"]["bot_id"] == "B0STATION0"


def test_a_form_and_json_say_the_same(client):
    by_form = client.api_call("chat.postMessage", params={"channel": CHANNEL, "text": "x", "blocks": json.dumps(CARD)})
    by_json = client.api_call("chat.postMessage", json={"channel": CHANNEL, "text": "x", "blocks": CARD})
    assert by_form["message"]["blocks"][0]["elements"] == by_json["message"]["blocks"][0]["elements"] == [GO]


def test_an_edit_keeps_what_it_does_not_mention_and_pings_nobody(slack, client):
    ts = client.chat_postMessage(channel=CHANNEL, text="one", blocks=CARD)["ts"]
    client.chat_update(channel=CHANNEL, ts=ts, text="two <@U0000ALICE>")
    (message,) = slack.messages()
    assert (message.text, message.pings) == ("two <@U0000ALICE>", ())
    assert message.blocks[0]["elements"] == [GO]
    assert message.edited_ts


def test_a_thread_tells_its_root_and_may_show_in_the_channel(slack, client):
    root = client.chat_postMessage(channel=CHANNEL, text="root")["ts"]
    reply = client.chat_postMessage(channel=CHANNEL, text="a", thread_ts=root)["ts"]
    client.chat_postMessage(channel=CHANNEL, text="b", thread_ts=reply, reply_broadcast=True)
    assert texts(slack.thread(CHANNEL, reply)) == ["root", "a", "b"]
    assert texts(slack.messages()) == ["root", "b"]
    newest_first = client.conversations_history(channel=CHANNEL)["messages"]
    assert [(each["text"], each.get("reply_count")) for each in newest_first] == [("b", None), ("root", 2)]


def test_metadata_is_found_again_in_the_thread(client):
    metadata = {"event_type": "run", "event_payload": {"run_id": 42, "kind": "finished"}}
    root = client.chat_postMessage(channel=CHANNEL, text="root")["ts"]
    client.chat_postMessage(channel=CHANNEL, text="done", thread_ts=root, metadata=metadata)
    told = client.conversations_replies(channel=CHANNEL, ts=root, include_all_metadata=True)["messages"]
    untold = client.conversations_replies(channel=CHANNEL, ts=root)["messages"]
    assert [each.get("metadata") for each in told] == [None, metadata]
    assert "metadata" not in untold[1]


def test_a_long_thread_comes_in_pages(client):
    root = client.chat_postMessage(channel=CHANNEL, text="0")["ts"]
    for number in range(1, 5):
        client.chat_postMessage(channel=CHANNEL, text=str(number), thread_ts=root)
    pages = [page["messages"] for page in client.conversations_replies(channel=CHANNEL, ts=root, limit=2)]
    assert [[each["text"] for each in page] for page in pages] == [["0", "1"], ["2", "3"], ["4"]]


def test_history_between_two_moments_excludes_them_unless_asked(client):
    moments = [client.chat_postMessage(channel=CHANNEL, text=str(number))["ts"] for number in range(3)]
    between = {"channel": CHANNEL, "oldest": moments[0], "latest": moments[2]}
    assert [each["text"] for each in client.conversations_history(**between)["messages"]] == ["1"]
    assert len(client.conversations_history(**between, inclusive=True)["messages"]) == 3


def test_a_deleted_root_with_replies_leaves_a_tombstone(slack, client):
    root = client.chat_postMessage(channel=CHANNEL, text="root", blocks=CARD)["ts"]
    reply = client.chat_postMessage(channel=CHANNEL, text="reply", thread_ts=root)["ts"]
    client.chat_delete(channel=CHANNEL, ts=root)
    assert texts(slack.messages()) == ["This message was deleted."]
    client.chat_delete(channel=CHANNEL, ts=reply)
    assert len(slack.thread(CHANNEL, root)) == 1


def test_an_ephemeral_message_is_seen_by_one_person_and_by_no_method(slack, client):
    client.chat_postEphemeral(channel=CHANNEL, user=ALICE, text="only you")
    assert texts(slack.ephemerals("alice")) == ["only you"]
    assert slack.ephemerals("bob") == slack.messages() == []
    assert client.conversations_history(channel=CHANNEL)["messages"] == []


def test_a_direct_message_goes_to_one_person(slack, client):
    answer = client.chat_postMessage(channel=ALICE, text="your turn")
    assert answer["channel"] == client.conversations_open(users=ALICE)["channel"]["id"]
    assert texts(slack.messages(answer["channel"])) == ["your turn"]


def test_a_permalink_and_a_reaction(slack, client):
    ts = client.chat_postMessage(channel=CHANNEL, text="x")["ts"]
    link = client.chat_getPermalink(channel=CHANNEL, message_ts=ts)["permalink"]
    assert link == f"{slack.url}/archives/{CHANNEL}/p{ts.replace('.', '')}"
    with urllib.request.urlopen(link) as answer:
        assert answer.url == f"{slack.url}/#training/{ts}"
    client.reactions_add(channel=CHANNEL, timestamp=ts, name=":steam_locomotive:")
    assert refusal(client.reactions_add, channel=CHANNEL, timestamp=ts, name="steam_locomotive") == "already_reacted"


def test_people_are_found_by_id_and_by_address(client):
    assert client.users_info(user=ALICE)["user"]["profile"]["email"] == "alice@example.com"
    assert client.users_lookupByEmail(email="Bob@example.com")["user"]["id"] == BOB
    assert {each["name"] for each in client.users_list()["members"]} >= {"alice", "bob", "stationmaster"}
    assert [each["name"] for each in client.conversations_list()["channels"]] == ["training", "random"]
    assert client.conversations_info(channel=RANDOM)["channel"]["is_member"] is False


REFUSALS = {
    "channel_not_found": ("chat.postMessage", {"channel": "C0NOWHERE0", "text": "x"}),
    "not_in_channel": ("chat.postMessage", {"channel": "#random", "text": "x"}),
    "no_text": ("chat.postMessage", {"channel": CHANNEL}),
    "msg_too_long": ("chat.postMessage", {"channel": CHANNEL, "text": "x" * 40_001}),
    "invalid_blocks": ("chat.postMessage", {"channel": CHANNEL, "blocks": [{"type": "bar"}]}),
    "invalid_blocks_format": ("chat.postMessage", {"channel": CHANNEL, "blocks": "[{"}),
    "thread_not_found": ("chat.postMessage", {"channel": CHANNEL, "text": "x", "thread_ts": "1.000001"}),
    "message_not_found": ("chat.update", {"channel": CHANNEL, "text": "x", "ts": "1.000001"}),
    "user_not_found": ("users.info", {"user": "U0NOBODY00"}),
    "users_not_found": ("users.lookupByEmail", {"email": "nobody@example.com"}),
    "invalid_arguments": ("users.info", {}),
    "invalid_cursor": ("conversations.history", {"channel": CHANNEL, "cursor": "?"}),
    "file_not_found": ("files.completeUploadExternal", {"files": [{"id": "F0"}], "channel_id": CHANNEL}),
    "expired_trigger_id": ("views.open", {"trigger_id": "1.2.3", "view": MODAL}),
}


@pytest.mark.parametrize("error", REFUSALS)
def test_slack_refuses_in_its_own_words(slack, client, error):
    method, arguments = REFUSALS[error]
    assert refusal(client.api_call, api_method=method, json=arguments) == error
    assert slack.messages() == []


def test_a_refused_block_is_named(client):
    with pytest.raises(SlackApiError) as refused:
        client.chat_postMessage(channel=CHANNEL, text="x", blocks=[{"type": "header", "text": {"type": "plain_text"}}])
    sentence = "[ERROR] missing required field: text [json-pointer:/blocks/0/text]"
    assert refused.value.response["response_metadata"]["messages"] == [sentence]


def test_somebody_elses_message_cannot_be_changed(slack, client):
    slack.type("alice", "mine")
    ts = slack.messages()[0].ts
    assert refusal(client.chat_update, channel=CHANNEL, ts=ts, text="yours") == "cant_update_message"
    assert refusal(client.chat_delete, channel=CHANNEL, ts=ts) == "cant_delete_message"


def test_an_archived_channel_and_one_that_threw_the_bot_out_take_nothing(slack, client):
    slack.remove_bot("#training")
    assert refusal(client.chat_postMessage, channel=CHANNEL, text="x") == "not_in_channel"
    slack.archive_channel("#training")
    assert refusal(client.chat_postMessage, channel=CHANNEL, text="x") == "is_archived"


# Files


def test_a_file_is_uploaded_in_three_steps_and_can_be_opened(slack, client):
    root = client.chat_postMessage(channel=CHANNEL, text="root")["ts"]
    client.files_upload_v2(
        channel=CHANNEL,
        thread_ts=root,
        filename="full log.txt",
        content="line",
        title="Full log",
        initial_comment="Here",
    )
    said = slack.thread(CHANNEL, root)[1]
    (file,) = said.files
    assert (said.text, file.name, file.title, file.mimetype, file.size) == (
        "Here",
        "full log.txt",
        "Full log",
        "text/plain",
        4,
    )
    private = client.files_info(file=file.id)["file"]["url_private"]
    for address, headers in [(slack.url + file.path, {}), (private, {"Authorization": "Bearer xoxb-sandbox"})]:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
            assert answer.read() == b"line"
    with urllib.request.urlopen(private) as answer:  # without the token one is led to a page for people
        assert answer.headers["content-type"].startswith("text/html")


def test_completing_an_upload_twice_shares_it_twice(slack, client):
    upload = client.files_getUploadURLExternal(filename="curve.png", length=3)
    urllib.request.urlopen(urllib.request.Request(upload["upload_url"], b"png", method="POST")).close()
    for _ in range(2):
        client.files_completeUploadExternal(files=[{"id": upload["file_id"]}], channel_id=CHANNEL)
    assert [message.files[0].id for message in slack.messages()] == [upload["file_id"]] * 2


def test_an_upload_of_another_length_or_to_another_address_is_refused(slack, client):
    upload = client.files_getUploadURLExternal(filename="curve.png", length=3)
    for address, content in [(upload["upload_url"], b"four"), (upload["upload_url"] + "X", b"png")]:
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(address, content)
    arguments = {"files": [{"id": upload["file_id"]}], "channel_id": CHANNEL}
    assert refusal(client.files_completeUploadExternal, **arguments) == "file_not_found"


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


# Misbehaviour


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


# The page


def test_the_page_knows_who_it_is_and_what_can_be_typed(slack):
    slack.links.append(("Project on the local GitLab", "http://127.0.0.1:1/team/fruits"))
    state = page(slack, "/sandbox/state")
    assert (state["team"]["name"], state["me"]["name"]) == ("Orchard", "alice")
    assert [channel["name"] for channel in state["channels"]] == ["training", "random", "Stationmaster"]
    assert state["commands"][0] == {
        "command": "/train",
        "usage_hint": "<branch> <tag>",
        "description": "Train a model and release it",
    }
    assert state["links"] == [{"text": "Project on the local GitLab", "url": "http://127.0.0.1:1/team/fruits"}]
    assert page(slack, f"/sandbox/state?user={BOB}")["me"]["real_name"] == "Bob Baker"


def test_the_page_is_told_at_once_and_whispers_reach_their_person_only(slack, client):
    place = f"{slack.url.replace('http', 'ws')}/sandbox/live?user="
    with connect(place + ALICE) as hers, connect(place + BOB) as his:
        assert hear(hers) == hear(his) == {"type": "app", "connected": False}
        client.chat_postEphemeral(channel=CHANNEL, user=ALICE, text="psst")
        root = client.chat_postMessage(channel=CHANNEL, text="root")["ts"]
        client.chat_postMessage(channel=CHANNEL, text="reply", thread_ts=root)
        heard = [hear(his) for _ in range(3)]
        assert [(each["type"], each["message"]["text"]) for each in heard] == [
            ("message", "root"),
            ("message", "reply"),
            ("changed", "root"),
        ]
        assert heard[2]["message"]["reply_count"] == 1
        assert hear(hers)["message"]["ephemeral"]


def test_the_page_reads_a_channel_and_a_thread(slack, client):
    root = client.chat_postMessage(channel=CHANNEL, text="root", blocks=CARD)["ts"]
    client.files_upload_v2(channel=CHANNEL, thread_ts=root, filename="curve.png", content=b"png")
    client.chat_postEphemeral(channel=CHANNEL, user=ALICE, text="psst")
    here = page(slack, f"/sandbox/messages?channel={CHANNEL}&user={ALICE}")["messages"]
    assert [(each["text"], each["reply_count"], each["bot"]) for each in here] == [("root", 1, True), ("psst", 0, True)]
    thread = page(slack, f"/sandbox/messages?channel={CHANNEL}&user={BOB}&thread_ts={root}")["messages"]
    assert thread[1]["files"][0]["url"].startswith("/files/")
    assert len(page(slack, f"/sandbox/messages?channel={CHANNEL}&user={BOB}")["messages"]) == 1


def test_the_page_posts_and_dismisses(slack, client):
    ts = page(slack, "/sandbox/post", {"user": BOB, "channel": CHANNEL, "text": "hello"})["ts"]
    page(slack, "/sandbox/post", {"user": BOB, "channel": CHANNEL, "text": "again", "thread_ts": ts})
    assert texts(slack.thread(CHANNEL, ts)) == ["hello", "again"]
    client.chat_postEphemeral(channel=CHANNEL, user=ALICE, text="psst")
    whisper = slack.ephemerals("alice")[0].ephemeral_id
    page(slack, "/sandbox/dismiss", {"user": BOB, "ephemeral_id": whisper})
    assert len(slack.ephemerals("alice")) == 1
    page(slack, "/sandbox/dismiss", {"user": ALICE, "ephemeral_id": whisper})
    assert slack.ephemerals("alice") == []


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


@pytest.mark.parametrize("headers", [{"Origin": "https://elsewhere.example"}, {"Host": "elsewhere.example"}])
def test_no_other_sites_page_can_type(slack, headers):
    with pytest.raises(urllib.error.HTTPError, match=r"403|400"):
        page(slack, "/sandbox/post", {"user": BOB, "channel": CHANNEL, "text": "hello"}, **headers)
    assert slack.messages() == []


def test_nothing_but_the_page_is_served(slack):
    for path in ("/sandbox.py", "/page_api.py", "/page-none.js", "/..%2fpage.html"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(slack.url + path)
