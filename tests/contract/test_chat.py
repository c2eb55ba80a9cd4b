"""The `Chat` door: one suite for the real one over the local Slack and for the double that other tests use."""

import pytest
from slack_sdk import WebClient

from bot.clock import SystemClock
from bot.errors import DoorError, NotFound, Unauthorised, Unavailable
from bot.ports import Message, Person
from bot.sandbox.slack import SlackSandbox
from bot.slack.chat import SlackChat, web_client
from tests.doubles.chat import FakeChat

ALICE, BOB = "U0000ALICE", "U000000BOB"
CHANNEL, ELSEWHERE = "C0TRAINING", "C000RANDOM"
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}


@pytest.fixture
def slack(tmp_path):
    with SlackSandbox(tmp_path) as sandbox:
        yield sandbox


@pytest.fixture
def slack_chat(slack):
    return SlackChat(web_client(slack.bot_token, slack.api_url))


@pytest.fixture
def fake_chat():
    fake = FakeChat(closed={ELSEWHERE})
    fake.people[ALICE] = Person(ALICE, "alice", "alice@example.com")
    return fake


@pytest.fixture(params=["slack", "double"])
def chat(request):
    return request.getfixturevalue("slack_chat" if request.param == "slack" else "fake_chat")


def say(key, text="hello"):
    return Message(key, text, [SECTION])


# what every Chat does


def test_a_message_is_found_again_by_its_key(chat):
    ts = chat.post(CHANNEL, say("run-1-card"))
    chat.post(CHANNEL, say("run-2-card"))
    assert chat.find(CHANNEL, "run-1-card") == ts
    assert chat.find(CHANNEL, "run-3-card") is None


def test_a_message_that_stands_for_several_is_found_by_each_of_their_keys(chat):
    root = chat.post(CHANNEL, say("card"))
    ts = chat.post(CHANNEL, say("run-1-1 run-1-2"), thread=root)
    assert [chat.find(CHANNEL, key, thread=root) for key in ("run-1-1", "run-1-2", "run-1")] == [ts, ts, None]


def test_a_thread_and_the_channel_are_looked_through_apart(chat):
    root = chat.post(CHANNEL, say("card"))
    reply = chat.post(CHANNEL, say("milestone"), thread=root)
    assert chat.find(CHANNEL, "milestone", thread=root) == reply
    assert chat.find(CHANNEL, "milestone") is None


def test_an_edited_message_keeps_its_key(chat):
    ts = chat.post(CHANNEL, say("card"))
    chat.update(CHANNEL, ts, say("card", "changed"))
    assert chat.find(CHANNEL, "card") == ts


def test_editing_what_is_not_there_says_so(chat):
    with pytest.raises(NotFound):
        chat.update(CHANNEL, "1.000001", say("card"))


def test_a_channel_without_the_bot_is_not_found(chat):
    with pytest.raises(NotFound):
        chat.post(ELSEWHERE, say("card"))


def test_a_file_is_there_after_it_was_shared_and_in_no_other_thread(chat):
    root, other = chat.post(CHANNEL, say("a")), chat.post(CHANNEL, say("b"))
    assert not chat.has_file(CHANNEL, root, "run-1.log")
    chat.upload(CHANNEL, root, name="run-1.log", title="Full log", content=b"line\xff\n")
    assert chat.has_file(CHANNEL, root, "run-1.log")
    assert not chat.has_file(CHANNEL, other, "run-1.log")


def test_a_person_has_a_name_and_an_address(chat):
    assert chat.person(ALICE).email == "alice@example.com"
    assert chat.person(ALICE).name == "alice"


def test_a_stranger_is_not_found(chat):
    with pytest.raises(NotFound):
        chat.person("U0NOBODY00")


def test_a_person_is_known_by_their_address_and_a_stranger_is_nobody(chat):
    found = chat.person_of("alice@example.com")
    assert found.email == "alice@example.com"
    assert found == chat.person(found.id)
    assert chat.person_of("nobody@example.com") is None


def test_a_persons_id_is_a_place_to_write_to(chat):
    root = chat.post(ALICE, say("card"))
    chat.update(ALICE, root, say("card", "changed"))
    reply = chat.post(ALICE, say("milestone"), thread=root)
    assert chat.find(ALICE, "card") == root
    assert chat.find(ALICE, "milestone", thread=root) == reply


# the real one, against Slack's manners


def test_a_whisper_is_seen_by_one_person(slack, slack_chat):
    slack_chat.whisper(CHANNEL, BOB, say("request-1", "no such branch"))
    assert [message.text for message in slack.ephemerals(BOB)] == ["no such branch"]
    assert slack.ephemerals(ALICE) == []
    assert slack.messages() == []


def test_where_a_whisper_is_impossible_it_becomes_a_direct_message(slack, slack_chat):
    slack_chat.whisper(ELSEWHERE, ALICE, say("request-1", "no such branch"))
    assert slack_chat.find(ALICE, "request-1") is not None


def test_the_log_arrives_as_the_bytes_it_was(slack, slack_chat):
    root = slack_chat.post(CHANNEL, say("card"))
    content = bytes(range(256)) * 40
    slack_chat.upload(CHANNEL, root, name="run-1.log", title="Full log of run 1", content=content)
    (shared,) = slack.thread(CHANNEL, root)[-1].files
    assert (shared.name, shared.title, shared.size) == ("run-1.log", "Full log of run 1", len(content))


def test_a_picture_arrives_as_a_picture_below_the_words_that_say_what_is_on_it(slack, slack_chat):
    root = slack_chat.post(CHANNEL, say("card"))
    content = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    slack_chat.upload(CHANNEL, root, name="run-1.png", title="Curves", content=content, caption="A line that rises")
    said = slack.thread(CHANNEL, root)[-1]
    (shared,) = said.files
    assert said.text == "A line that rises"
    assert (shared.name, shared.mimetype, shared.size) == ("run-1.png", "image/png", len(content))


def test_foreign_text_never_pings(slack, slack_chat):
    slack_chat.post(CHANNEL, Message("k", "hello @channel and @alice, see https://example.com", []))
    assert slack.messages()[0].pings == ()


def test_slacks_wish_to_be_left_alone_comes_with_its_seconds(slack, slack_chat):
    slack.fault("chat.postMessage", "429", retry_after=7)
    with pytest.raises(Unavailable) as caught:
        slack_chat.post(CHANNEL, say("card"))
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("kind", ["500", "503", "reset_before", "reset_after"])
def test_a_fault_of_slacks_leaves_open_whether_it_worked(slack, slack_chat, kind):
    slack.fault("chat.postMessage", kind)
    with pytest.raises(Unavailable) as caught:
        slack_chat.post(CHANNEL, say("card"))
    assert caught.value.retry_after is None


def test_a_lost_answer_is_no_second_message(slack, slack_chat):
    slack.fault("chat.postMessage", "reset_after")
    with pytest.raises(Unavailable):
        slack_chat.post(CHANNEL, say("card"))
    assert len(slack.messages()) == 1
    assert slack_chat.find(CHANNEL, "card") == slack.messages()[0].ts


def test_an_upload_that_is_cut_off_is_a_passing_fault(slack, slack_chat):
    root = slack_chat.post(CHANNEL, say("card"))
    for method in ("files.getUploadURLExternal", "upload", "files.completeUploadExternal"):
        slack.fault(method, "503")
        with pytest.raises(Unavailable):
            slack_chat.upload(CHANNEL, root, name="run-1.log", title="Full log", content=b"x")
    assert not slack_chat.has_file(CHANNEL, root, "run-1.log")


def test_a_wrong_token_is_refused_for_good(slack):
    chat = SlackChat(web_client("xoxb-wrong", slack.api_url))
    with pytest.raises(Unauthorised, match="invalid_auth"):
        chat.post(CHANNEL, say("card"))


def test_blocks_that_slack_does_not_like_are_refused_with_its_word(slack_chat):
    with pytest.raises(DoorError, match="invalid_blocks"):
        slack_chat.post(CHANNEL, Message("k", "text", [{"type": "header"}]))


def test_an_archived_channel_is_gone(slack, slack_chat):
    ts = slack_chat.post(CHANNEL, say("card"))
    slack.archive_channel(CHANNEL)
    with pytest.raises(NotFound):
        slack_chat.post(CHANNEL, say("milestone"), thread=ts)


def test_no_server_at_all_is_a_passing_fault():
    with pytest.raises(Unavailable):
        SlackChat(web_client("xoxb-sandbox", "http://127.0.0.1:9/api/")).post(CHANNEL, say("card"))


def test_a_client_that_repeats_calls_by_itself_is_cured_of_it(slack):
    chat = SlackChat(WebClient("xoxb-sandbox", base_url=slack.api_url))
    slack.fault("chat.postMessage", "reset_after")
    with pytest.raises(Unavailable):
        chat.post(CHANNEL, say("card"))
    assert len(slack.messages()) == 1


def test_an_address_works_with_and_without_its_last_slash(slack):
    client = web_client("xoxb-sandbox", slack.api_url.rstrip("/"))
    assert SlackChat(client).who_am_i() == "stationmaster in Orchard"


class Deaf(SlackChat):
    """A workspace where the app was not given the right to read."""

    def _ask(self, method, arguments):
        if method.startswith("conversations."):
            method = "conversations.inventedHere"
        return super()._ask(method, arguments)


def test_without_the_right_to_read_nothing_is_found_and_the_log_says_so_once(slack, caplog):
    chat = Deaf(web_client("xoxb-sandbox", slack.api_url))
    ts = chat.post(CHANNEL, say("card"))
    assert chat.find(CHANNEL, "card") is None
    assert chat.find(CHANNEL, "card") is None
    assert not chat.has_file(CHANNEL, ts, "run-1.log")
    assert len([record for record in caplog.records if "may be said twice" in record.getMessage()]) == 2  # two methods


def test_a_long_channel_is_looked_through_page_by_page(tmp_path):
    with SlackSandbox(tmp_path, clock=SystemClock()) as slack:
        chat = SlackChat(web_client(slack.bot_token, slack.api_url))
        first = chat.post(CHANNEL, say("run-1-card"))
        for number in range(210):
            slack.type("alice", f"chatter {number}")
        assert chat.find(CHANNEL, "run-1-card") == first
