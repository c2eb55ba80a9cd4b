"""Modals, selects, Home and pictures of the local Slack, against the real slack_bolt and slack_sdk."""

import io
import json
import queue
import urllib.request

import pytest
from PIL import Image
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk.errors import SlackApiError

from bot.sandbox.slack import Refused, SlackSandbox, SlashCommand, Undelivered
from tests.contract.forms_app import BRANCHES, COLOURS, EVERYTHING, Forms, buttons, entry, modal, option
from tests.doubles.block_kit import plain

ALICE, BOB, CHANNEL = "U0000ALICE", "U000000BOB", "C0TRAINING"
TEXT = entry("text", "Text", "plain_text_input")
FREE = entry("text", "Text", "plain_text_input", of={"optional": True})


@pytest.fixture(scope="module")
def slack(tmp_path_factory):
    """One workspace and one app: slack_sdk takes seconds to let go of a socket."""
    commands = [SlashCommand("/form", "", "Opens a modal")]
    with SlackSandbox(tmp_path_factory.mktemp("forms"), commands=commands, ack_seconds=20) as slack:
        slack.app = Forms(slack)
        handler = SocketModeHandler(slack.app.app, "xapp-sandbox")
        handler.connect()
        yield slack
        handler.close()


@pytest.fixture
def app(slack):
    """The app with nothing left over from another test."""
    for person in ("alice", "bob"):
        slack.close(person, everything=True)
    slack.app.told = queue.Queue()
    return slack.app


def opened(slack, app, view=None, person="alice"):
    if view:
        app.views.put(view)
    assert slack.type(person, "/form") == ""
    return slack.modal(person)


def refusal(call, **arguments):
    with pytest.raises(SlackApiError) as refused:
        call(**arguments)
    return refused.value.response["error"]


# What is entered


def test_a_submission_brings_what_every_element_holds(slack, app):
    opened(slack, app)
    slack.fill("alice", "Name", "wider")
    slack.fill("alice", "Epochs", "12")
    slack.choose("alice", "Colours", "Green", "b")
    slack.choose("alice", "Branch", "main")
    slack.choose("alice", "Tags", "main", "fix/data")
    slack.choose("alice", "Who", "bob")
    slack.choose("alice", "Where", "#random")
    slack.choose("alice", "Steps", "Red")
    slack.choose("alice", "Mode", "Blue")
    slack.choose("alice", "Day", "2026-03-01")
    slack.choose("alice", "Hour", "17:30")
    slack.choose("alice", "Moment", "1772000000")
    assert slack.choose("alice", "Size", "Green") == ""
    assert slack.submit("alice") == {}
    body = last(app)
    red, green, blue = COLOURS
    main, fix = option("main"), option("fix/data")
    assert {block: next(iter(held.values())) for block, held in body["view"]["state"]["values"].items()} == {
        "name": {"type": "plain_text_input", "value": "wider"},
        "note": {"type": "plain_text_input", "value": "as usual"},
        "epochs": {"type": "number_input", "value": "12"},
        "mail": {"type": "email_text_input", "value": None},
        "link": {"type": "url_text_input", "value": None},
        "colour": {"type": "static_select", "selected_option": red},
        "colours": {"type": "multi_static_select", "selected_options": [green, blue]},
        "branch": {"type": "external_select", "selected_option": main},
        "tags": {"type": "multi_external_select", "selected_options": [main, fix]},
        "who": {"type": "users_select", "selected_user": BOB},
        "where": {"type": "channels_select", "selected_channel": "C000RANDOM"},
        "talk": {"type": "conversations_select", "selected_conversation": None},
        "steps": {"type": "checkboxes", "selected_options": [red]},
        "mode": {"type": "radio_buttons", "selected_option": blue},
        "day": {"type": "datepicker", "selected_date": "2026-03-01"},
        "hour": {"type": "timepicker", "selected_time": "17:30"},
        "moment": {"type": "datetimepicker", "selected_date_time": 1772000000},
        "size": {"type": "static_select", "selected_option": green},
    }
    assert (body["type"], body["user"]["id"], body["view"]["callback_id"]) == ("view_submission", ALICE, "form")
    assert slack.modal("alice") is None


def last(app):
    said = app.hears()
    while not app.told.empty():
        said = app.hears()
    return said


def test_slack_itself_asks_for_what_is_required_and_the_app_hears_nothing(slack, app):
    opened(slack, app)
    slack.fill("alice", "Epochs", "12.5")
    slack.fill("alice", "Mail", "nobody")
    assert slack.submit("alice") == {
        "name": "Please complete this required field.",
        "branch": "Please complete this required field.",
        "epochs": "Please enter a whole number.",
        "mail": "Please enter a valid email address.",
    }
    assert app.told.empty()
    assert slack.modal("alice")


@pytest.mark.parametrize(
    ("more", "text", "sentence"),
    [
        ({"max_length": 3}, "abcd", "no more than 3 characters"),
        ({"min_length": 3}, "ab", "at least 3 characters"),
    ],
)
def test_a_text_that_is_too_long_or_too_short_is_not_sent(slack, app, more, text, sentence):
    opened(slack, app, modal([entry("text", "Text", "plain_text_input", **more)]))
    slack.fill("alice", "it", text)
    assert sentence in slack.submit("alice")["text"]


def test_the_apps_errors_come_back_beside_their_blocks(slack, app):
    opened(slack, app, modal([TEXT]))
    slack.fill("alice", "it", "x")
    app.answers.put({"response_action": "errors", "errors": {"text": "This tag exists."}})
    assert slack.submit("alice") == {"text": "This tag exists."}
    assert slack.modal("alice")["state"]["values"]["text"]["it"]["value"] == "x"
    assert slack.submit("alice") == {}


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "errors", "errors": {"nowhere": "?"}},
        {"response_action": "update", "view": {"type": "modal", "title": plain("x" * 25), "blocks": []}},
        {"response_action": "explode"},
    ],
)
def test_an_answer_that_slack_does_not_take_is_trouble(slack, app, answer):
    opened(slack, app, modal([FREE]))
    app.answers.put(answer)
    with pytest.raises(Refused, match="We had some trouble connecting"):
        slack.submit("alice")
    assert slack.modal("alice")


def test_an_update_keeps_what_was_entered_where_the_ids_stay(slack, app):
    opened(slack, app, modal([FREE]))
    slack.fill("alice", "it", "kept")
    other = {**FREE, "block_id": "another"}
    app.answers.put({"response_action": "update", "view": modal([FREE, other], title="Second")})
    assert slack.submit("alice") == {}
    view = slack.modal("alice")
    assert view["title"]["text"] == "Second"
    assert [each["it"]["value"] for each in view["state"]["values"].values()] == ["kept", None]


# Modals on modals


def test_a_pushed_modal_lies_on_the_first_and_its_end_shows_that_again(slack, app):
    first = opened(slack, app, modal([FREE, buttons("push")]))
    slack.fill("alice", "it", "below")
    app.views.put(modal([FREE], title="On top"))
    assert slack.press("alice", "push") == ""
    second = slack.modal("alice")
    assert (second["previous_view_id"], second["root_view_id"]) == (first["id"], first["id"])
    slack.submit("alice")
    assert slack.modal("alice")["state"]["values"]["text"]["it"]["value"] == "below"


def test_a_fourth_modal_is_one_too_many(slack, app):
    opened(slack, app, modal([FREE]))
    for _ in range(2):
        app.answers.put({"response_action": "push", "view": modal([FREE])})
        assert slack.submit("alice") == {}
    app.answers.put({"response_action": "push", "view": modal([FREE])})
    with pytest.raises(Refused, match="push_limit_reached"):
        slack.submit("alice")
    assert len(slack.modals("alice")) == 3


def test_clear_closes_them_all(slack, app):
    opened(slack, app, modal([FREE]))
    app.answers.put({"response_action": "push", "view": modal([FREE])})
    slack.submit("alice")
    app.answers.put({"response_action": "clear"})
    slack.submit("alice")
    assert slack.modals("alice") == []


def test_an_app_that_wants_to_know_is_told_of_a_close(slack, app):
    opened(slack, app, modal([FREE], notify_on_close=True, private_metadata="run 42"))
    slack.close("alice")
    body = app.hears()
    assert (body["type"], body["is_cleared"], body["view"]["private_metadata"]) == ("view_closed", False, "run 42")
    opened(slack, app, modal([FREE]))
    slack.close("alice", everything=True)
    assert app.told.empty()


def test_a_stale_hash_is_a_conflict_and_a_closed_view_is_gone(slack, app):
    view = opened(slack, app, modal([FREE], external_id="one"))
    client = app.client
    fresh = client.views_update(external_id="one", hash=view["hash"], view=modal([FREE], external_id="one"))["view"]
    assert refusal(client.views_update, view_id=view["id"], hash=view["hash"], view=modal([FREE])) == "hash_conflict"
    assert client.views_update(view_id=view["id"], hash=fresh["hash"], view=modal([FREE]))["ok"]
    slack.close("alice")
    assert refusal(client.views_update, view_id=view["id"], view=modal([FREE])) == "not_found"


def test_an_external_id_names_one_view(slack, app):
    opened(slack, app, modal([FREE], external_id="one"))
    app.views.put(modal([FREE], external_id="one"))
    assert slack.type("bob", "/form") == "duplicate_external_id"
    assert slack.modal("bob") is None


# Acting


def test_an_action_in_a_modal_brings_the_view_with_all_that_is_entered(slack, app):
    view = opened(slack, app, modal([FREE, buttons("go", value="7")], private_metadata="m"))
    slack.fill("alice", "it", "typed")
    assert slack.press("alice", "Go") == ""
    body = app.hears()
    assert body["container"] == {"type": "view", "view_id": view["id"]}
    assert (body["view"]["private_metadata"], body["view"]["state"]["values"]["text"]["it"]["value"]) == ("m", "typed")
    (action,) = body["actions"]
    assert (action["type"], action["action_id"], action["block_id"], action["value"]) == (
        "button",
        "go",
        "buttons",
        "7",
    )
    assert not {"channel", "message", "response_url"} & body.keys()
    assert body["trigger_id"]


def test_a_view_is_updated_by_what_is_pressed_in_it(slack, app):
    opened(slack, app, modal([FREE, buttons("replace")]))
    app.views.put(modal([FREE], title="Replaced"))
    slack.press("alice", "replace")
    assert slack.modal("alice")["title"]["text"] == "Replaced"


def test_a_press_that_is_not_acknowledged_says_so_to_the_person_alone(tmp_path):
    with SlackSandbox(tmp_path) as slack:
        view = {"type": "home", "blocks": [buttons("go")]}
        Forms(slack).client.views_publish(user_id=ALICE, view=view)
        assert slack.press("alice", "Go") == 'That did not work: the app failed with "dispatch_failed"'
        assert slack.ephemerals("alice") == []


def test_a_text_input_that_dispatches_tells_the_app_and_any_other_does_not(slack, app):
    loud = entry("loud", "Loud", "plain_text_input", of={"dispatch_action": True})
    loud["element"]["action_id"] = "typed"
    opened(slack, app, modal([FREE, loud]))
    slack.fill("alice", "Text", "quiet")
    slack.fill("alice", "Loud", "loud")
    body = app.hears()
    assert (body["actions"][0]["type"], body["actions"][0]["value"]) == ("plain_text_input", "loud")
    assert app.told.empty()


def test_selects_in_a_message_bring_their_choice_and_the_state_of_all(slack, app):
    select = {"type": "static_select", "action_id": "size", "options": COLOURS, "placeholder": plain("Size")}
    menu = {"type": "overflow", "action_id": "menu", "options": [option("Open"), option("Hide")]}
    blocks = [{"type": "actions", "block_id": "row", "elements": [select, menu]}]
    ts = app.client.chat_postMessage(channel=CHANNEL, text="x", blocks=blocks)["ts"]
    slack.choose("alice", "size", "Green", on=ts)
    slack.choose("alice", "menu", "Hide", on=ts)
    chosen, opened_menu = app.hears(), app.hears()
    assert chosen["actions"][0]["selected_option"] == COLOURS[1]
    assert chosen["actions"][0]["placeholder"] == plain("Size")
    assert chosen["response_url"].startswith(slack.url)
    assert opened_menu["actions"][0]["selected_option"] == option("Hide")
    assert opened_menu["state"] == {
        "values": {"row": {"size": {"type": "static_select", "selected_option": COLOURS[1]}}}
    }


def test_what_is_not_offered_cannot_be_chosen(slack, app):
    opened(slack, app)
    for name, choice in [("Colour", "Pink"), ("Branch", "nowhere"), ("Day", "tomorrow"), ("Shape", "x")]:
        with pytest.raises(Refused):
            slack.choose("alice", name, choice)


# External selects


def test_an_external_select_asks_the_app_with_what_was_typed(slack, app):
    view = opened(slack, app)
    assert slack.suggest("alice", "Branch", "feature") == [option("feature/wider"), option("feature/typo")]
    body = app.hears()
    assert (body["type"], body["action_id"], body["block_id"], body["value"]) == (
        "block_suggestion",
        "it",
        "branch",
        "feature",
    )
    assert body["container"] == {"type": "view", "view_id": view["id"]}
    assert body["view"]["id"] == view["id"]


def test_it_asks_from_the_least_length_on(slack, app):
    opened(slack, app)
    assert slack.suggest("alice", "Branch", "") == []
    assert app.told.empty()
    assert slack.suggest("alice", "Tags", "") == [option(each) for each in BRANCHES]


def test_groups_are_options_too_and_more_than_a_hundred_are_none(slack, app):
    opened(slack, app)
    assert slack.suggest("alice", "Branch", "groups") == [option("main")]
    with pytest.raises(Refused, match="no more than 100 items allowed"):
        slack.suggest("alice", "Branch", "many")


# Home


def test_opening_home_tells_the_app_which_publishes_it(slack, app):
    home = slack.open_home("bob")
    event = app.hears()
    assert (event["type"], event["user"], event["tab"]) == ("app_home_opened", BOB, "home")
    assert home["type"] == "home"
    assert "view" not in event
    slack.open_home("bob")
    assert app.hears()["view"]["id"] == home["id"]
    slack.open_home("bob", "messages")
    assert app.hears()["tab"] == "messages"


def test_a_button_in_home_opens_a_modal(slack, app):
    slack.open_home("alice")
    app.views.put(modal([FREE]))
    assert slack.press("alice", "push", on="home") == ""
    assert slack.modal("alice")["title"]["text"] == "Train"


@pytest.mark.parametrize(
    ("method", "view"), [("views.publish", modal([FREE])), ("views.update", {"type": "home", "blocks": []})]
)
def test_a_view_of_the_wrong_kind_is_refused(app, method, view):
    call = {"user_id": ALICE, "view_id": "V1", "view": view}
    assert refusal(app.client.api_call, api_method=method, json=call) == "invalid_arguments"


# Events and pages


def test_an_event_that_nobody_takes_is_said_to_be_lost(tmp_path):
    with SlackSandbox(tmp_path) as slack, pytest.raises(Undelivered, match="dispatch_failed"):
        slack.send_event({"type": "app_mention"})


def page(slack, name, **body):
    request = urllib.request.Request(f"{slack.url}/sandbox/{name}", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_the_page_sends_what_its_elements_hold(slack, app):
    view = opened(slack, app)
    where = {"user": ALICE, "view_id": view["id"]}
    found = page(slack, "suggest", **where, block_id="branch", action_id="it", query="main")
    assert found["options"] == [option("main")]
    values = {"name": {"it": "wider"}, "epochs": {"it": "3"}, "branch": {"it": option("main")}}
    assert page(slack, "submit", **where, values={**values, "name": {"it": ""}})["errors"]["name"]
    assert page(slack, "submit", **where, values=values) == {"ok": True, "errors": {}}
    assert last(app)["view"]["state"]["values"]["name"]["it"]["value"] == "wider"
    assert page(slack, "submit", **where) == {"ok": False, "error": "This is not open any more."}


def test_the_page_is_told_of_a_modal_and_of_home(slack, app):
    with slack.subscribe() as news:
        opened(slack, app, modal([FREE]))
        assert news.wait(lambda event: event["type"] == "modals")["modals"][0]["title"] == plain("Train")
        page(slack, "close", user=ALICE)
        assert news.wait(lambda event: event["type"] == "modals")["modals"] == []
        assert page(slack, "home", user=ALICE, tab="home") == {"ok": True, "heard": True}
        news.wait(lambda event: event["type"] == "home")
    with urllib.request.urlopen(f"{slack.url}/sandbox/state?user={ALICE}") as answer:
        state = json.load(answer)
    assert (state["modals"], state["home"]["type"]) == ([], "home")


# Pictures


def picture(width, height):
    target = io.BytesIO()
    Image.new("RGB", (width, height), "green").save(target, "PNG")
    return target.getvalue()


def test_a_picture_has_words_a_size_and_thumbnails_that_the_token_opens(slack, app):
    content = picture(800, 400)
    upload = app.client.files_upload_v2(
        channel=CHANNEL, filename="curve.png", content=content, title="Curve", alt_txt="Accuracy by epoch"
    )
    file = app.client.files_info(file=upload["file"]["id"])["file"]
    assert (file["mimetype"], file["alt_txt"]) == ("image/png", "Accuracy by epoch")
    assert (file["original_w"], file["original_h"], file["thumb_360_w"], file["thumb_360_h"]) == (800, 400, 360, 180)
    assert fetched(file["url_private"]) == content
    with Image.open(io.BytesIO(fetched(file["thumb_360"]))) as small:
        assert small.size == (360, 180)
    said = slack.messages()[-1]
    assert (said.files[0].alt, said.files[0].width) == ("Accuracy by epoch", 800)


def fetched(address):
    request = urllib.request.Request(address, headers={"Authorization": "Bearer xoxb-sandbox"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def test_what_is_called_a_picture_and_is_none_has_no_size(app):
    upload = app.client.files_upload_v2(channel=CHANNEL, filename="curve.png", content=b"no picture")
    assert "thumb_360" not in app.client.files_info(file=upload["file"]["id"])["file"]


def test_everything_that_the_tests_show_is_allowed(slack, app):
    assert len(opened(slack, app)["blocks"]) == len(EVERYTHING)
