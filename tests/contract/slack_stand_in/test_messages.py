"""Messages and files of the local Slack, through the real slack_sdk: kept, threaded, found again and refused."""

import json
import urllib.error
import urllib.request

import pytest
from slack_sdk.errors import SlackApiError

from tests.contract.local_slack import ALICE, BOB, BOT, CHANNEL, RANDOM, refusal
from tests.contract.slack_stand_in.talk import CARD, GO, texts

MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Runs"}, "blocks": [{"type": "divider"}]}


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


# Refused


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
