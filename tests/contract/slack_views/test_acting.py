"""What people press and choose in modals and in messages, and the options that the app is asked for."""

import pytest

from bot.sandbox.slack import Refused, SlackSandbox
from tests.contract.forms_app import BRANCHES, COLOURS, FREE, Forms, buttons, entry, modal, opened, option
from tests.contract.local_slack import ALICE, CHANNEL
from tests.doubles.block_kit import plain


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
