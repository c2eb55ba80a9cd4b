"""Modals of the local Slack: what is entered, refused, sent and updated, and modals on modals."""

import pytest

from bot.sandbox.slack import Refused
from tests.contract.forms_app import COLOURS, EVERYTHING, FREE, TEXT, buttons, entry, modal, opened, option
from tests.contract.local_slack import ALICE, BOB, refusal
from tests.doubles.block_kit import plain


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
    body = app.hears_last()
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


def test_everything_that_the_tests_show_is_allowed(slack, app):
    assert len(opened(slack, app)["blocks"]) == len(EVERYTHING)
