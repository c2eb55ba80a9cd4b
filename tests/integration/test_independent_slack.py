"""The real bot in HTTP mode against a Slack that is not ours: what a person would see there.

The emulator has every method that the bot calls; it is strict about scopes, channels and people, and keeps blocks as
they come (what it lets pass is held to Slack's own types below, and in test_slack_types.py). It has no Socket Mode and
no response_url, so paging through `/runs` is not here, and no way to read a view but the answer to it.
"""

import re

import pytest

from bot.slack.home import ALSO_CHANNEL, DIRECT_MESSAGE, NOTIFY_ME
from commands.modal.view import CHOOSE_BRANCH
from tests.doubles.signed_slack import SECRET
from tests.integration.emulated_slack import BOT, OTHER, PRIVATE, PUBLIC, element, emulated_slack, needs_node, words_of
from tests.integration.slack_types import CALLS, wrong_with
from tests.scenario.test_results import change
from tests.scenario.waiting import until
from tests.scenario.world import TinyWorld

pytestmark = needs_node

HOSTILE = "<!channel> <@U0STATION0> <https://evil.test|click> & `*_~```\\x1b[31m\\u202e"


@pytest.fixture(scope="module")
def slack():
    with emulated_slack() as slack:
        yield slack


@pytest.fixture(scope="module")
def world(tmp_path_factory, slack):
    with TinyWorld(tmp_path_factory.mktemp("world")) as world:
        world.project.branch("long", gate=True)
        world.project.branch("hostile", script=f'raise SystemExit("""{HOSTILE}""")')
        world.project.branch("formed")
        http = {"SLACK_MODE": "http", "SLACK_SIGNING_SECRET": SECRET, "HTTP_PORT": "0"}
        with world.serving(**slack.settings, **http) as bot:
            port = until(lambda: re.search(r"listening on port (\d+) of 127", bot.said), "it says where it listens")[1]
            slack.bot_url = f"http://127.0.0.1:{port}"
            yield world
            bot.stop()
            assert bot.returncode == 0
            assert "Traceback" not in bot.said, bot.said


def last_word(slack, tag, said, *, channel=PUBLIC, name="alice"):
    """The card and the one message of its thread that mentions who asked, once the run has ended that way."""
    card = slack.until(lambda: slack.card(tag, said, channel=channel, name=name), f"the card of {tag} says {said}")
    mention = f"<@{slack.people[name]}>"

    def found():
        return [each for each in slack.thread(card, channel, name=name) if mention in words_of(each)]

    (message,) = slack.until(found, f"{tag} has its last word")
    return card, message


def number_of(card):
    return words_of(card).split("Run ")[1].split(" ")[0]


def with_files(slack, card, names, **where):
    """Name -> file, once the thread has all of them."""

    def shared():
        files = {file["name"]: file for each in slack.thread(card, **where) for file in each.get("files", ())}
        return files if names <= files.keys() else None

    return slack.until(shared, f"{names} are shared")


@pytest.fixture(scope="module")
def released(world, slack):
    """Alice's release v1.0.0, from her command in the public channel: its card and its last word."""
    change(world, "main", rate=4, epochs=3)
    assert slack.types("alice", "/train main v1.0.0") == {}
    return last_word(slack, "v1.0.0", "*Released*")


@pytest.fixture(scope="module")
def bobs(world, slack, released):
    """Bob's release v2.0.0 in the private channel, after he chose in Home to hear of it wherever he can."""
    change(world, "topic", rate=2, epochs=4, start="main")
    slack.opens_home("bob")
    shown = slack.until(lambda: slack.views("views.publish"), "Home is there")[-1]
    options = element(shown, NOTIFY_ME)["options"]
    assert [each["value"] for each in options] == [ALSO_CHANNEL, DIRECT_MESSAGE]
    assert slack.choose("bob", shown, NOTIFY_ME, selected_options=options) == {}
    assert slack.types("bob", "/train topic v2.0.0", PRIVATE) == {}
    return last_word(slack, "v2.0.0", "*Released*", channel=PRIVATE, name="bob")


def test_a_command_becomes_one_card_that_was_edited_and_a_thread_with_one_last_word(slack, released):
    card, last = released
    assert (card["user"], card["edited"]["user"]) == (BOT, BOT)
    assert [root["ts"] for root in slack.roots() if "→ v1.0.0" in words_of(root)] == [card["ts"]]
    assert {each["user"] for each in slack.thread(card)} == {BOT}
    assert "is released" in words_of(last)
    assert not last.get("reply_broadcast")
    assert card["metadata"]["event_payload"]["key"] != last["metadata"]["event_payload"]["key"]


def test_the_curves_are_pictures_that_people_can_open(slack, released):
    card, _ = released
    (name,) = names = {f"run-{number_of(card)}-learning-curves.png"}
    files = with_files(slack, card, names)
    assert slack.content(files[name]).startswith(b"\x89PNG\r\n")
    (listed,) = [each for each in slack.ask("alice", "files.list")["files"] if each["name"] == name]
    assert listed["channels"] == [slack.channels[PUBLIC]]
    assert [share["thread_ts"] for share in listed["shares"]["public"][slack.channels[PUBLIC]]] == [card["ts"]]


def test_the_list_and_a_refusal_are_answers_to_whoever_asked(slack, released):
    listed = slack.types("bob", "/runs all")
    assert listed["response_type"] == "ephemeral"
    assert "v1.0.0" in words_of(listed)
    refused = slack.types("alice", f"/train {HOSTILE} v9.9.9")
    assert refused["response_type"] == "ephemeral"
    assert not re.search(r"<[!@]", refused["text"])


def whispers(slack, name):
    """What only this person was shown, beside answers to commands."""
    asked = [each for each in list(slack.relay.asked) if each.method == "chat.postEphemeral"]
    return [each.arguments for each in asked if each.arguments["user"] == slack.people[name]]


def test_what_the_engine_refuses_only_its_caller_sees(slack, released):
    assert slack.types("alice", "/train main v1.0.0") == {}
    (whisper,) = slack.until(lambda: whispers(slack, "alice"), "she is told")
    assert "v1.0.1" in words_of(whisper)
    assert len([root for root in slack.roots() if "→ v1.0.0" in words_of(root)]) == 1


def test_home_sends_the_last_word_to_the_private_channel_and_to_a_direct_message(slack, bobs):
    card, last = bobs
    assert last["reply_broadcast"] is True
    assert [each for each in slack.thread(card, PRIVATE, name="bob") if each.get("reply_broadcast")] == [last]

    def told():
        return [each for each in slack.direct("bob") if "v2.0.0" in words_of(each)]

    assert len(slack.until(told, "Bob has a direct message")) == 1


def test_two_releases_are_compared_in_the_channel_with_both_curves(slack, released, bobs):
    said = slack.types("alice", "/compare v1.0.0 v2.0.0")
    assert said["response_type"] == "in_channel"
    assert "v2.0.0" in words_of(said)

    def told():
        return [root for root in slack.roots() if "v1.0.0" in words_of(root) and "v2.0.0" in words_of(root)]

    (message,) = slack.until(told, "the comparison goes on")
    slack.until(lambda: [each for each in slack.thread(message) if each.get("files")], "it has its picture")


def test_a_run_is_cancelled_with_the_button_of_its_card(world, slack):
    assert slack.types("alice", "/train long v3.0.0") == {}
    world.until_training("long")
    card = slack.until(lambda: slack.card("v3.0.0", "*Training"), "it trains")
    assert slack.press("alice", card, "cancel") == {}
    card, last = last_word(slack, "v3.0.0", "*Cancelled")
    assert "cancelled" in words_of(last)
    with pytest.raises(StopIteration):
        element(card, "cancel")


def test_a_failure_with_hostile_words_pings_nobody_and_is_told_where_it_was_asked_for(slack, world):
    assert "when a run fails" in slack.types("bob", "/notify failed hostile", OTHER)["text"]
    assert slack.types("alice", "/train hostile v4.0.0") == {}
    card, last = last_word(slack, "v4.0.0", "*Failed")
    assert "&lt;!channel&gt;" in words_of(last)
    assert re.findall(r"<[!@][^>]*>", words_of(last)) == [f"<@{slack.people['alice']}>"]
    assert not re.search(r"<[!@]", words_of(card))
    slack.until(lambda: [root for root in slack.roots(OTHER) if "v4.0.0" in words_of(root)], "the other channel hears")
    assert slack.press("bob", last, "log") == {}
    (window,) = slack.until(lambda: slack.views("views.open"), "Bob sees the last lines")
    assert window["title"]["text"] == f"Log of run {number_of(card)}"
    assert "&lt;!channel&gt;" in words_of(window)
    assert not re.search(r"<[!@]", words_of(window))
    (name,) = names = {f"run-{number_of(card)}.log"}
    assert b"<!channel>" in slack.content(with_files(slack, card, names)[name])


def offers(slack, view, typed):
    """What the list of branches answers, once it offers something."""
    answer = slack.suggest("bob", view, "branch", CHOOSE_BRANCH, typed)
    return answer if answer["options"] else None


def test_a_form_is_filled_in_refused_corrected_and_sent_off(slack, released):
    assert slack.types("bob", "/train formed") == {}

    def answered():
        return [view for view in slack.views("views.update") if "*Branch:* `formed`" in words_of(view)]

    view = slack.until(answered, "the form says what would run")[-1]
    (opened,) = [each for each in slack.views("views.open") if each["id"] == view["id"]]
    assert opened["type"] == "modal"
    offered = until(lambda: offers(slack, view, "form"), "the branch is offered")
    assert [each["value"] for each in offered["options"]] == ["formed"]
    assert wrong_with([("Options", offered)]) == ""
    refused = slack.submit("bob", view, tag="v1.0.0")
    assert refused["response_action"] == "errors"
    assert refused["errors"].keys() == {"tag"}
    assert slack.submit("bob", view, tag="v5.0.0") == {}
    last_word(slack, "v5.0.0", "*Released*", name="bob")


def test_home_shows_what_was_chosen_and_the_release(slack, bobs):
    def shows():
        view = slack.views("views.publish")[-1]
        chosen = element(view, NOTIFY_ME).get("initial_options", ())
        return len(chosen) == 2 and "v2.0.0" in words_of(view)

    slack.until(shows, "Home is drawn again")


def test_slack_took_every_call_and_slacks_own_types_know_every_argument(slack, released, bobs):
    asked = list(slack.relay.asked)
    wrong = [each for each in asked if not each.answer.get("ok") or "warning" in each.answer]
    assert [(each.method, each.answer) for each in wrong] == []
    assert {"chat.postMessage", "chat.update", "files.completeUploadExternal", "conversations.open"} <= {
        each.method for each in asked
    }
    calls = [(CALLS[each.method], each.arguments) for each in asked]
    answers = [("Message", {"blocks": each["blocks"]}) for each in slack.answers if each.get("blocks")]
    assert wrong_with(calls + answers) == ""
