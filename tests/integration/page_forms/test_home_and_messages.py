"""Home, and what can be chosen and looked at in messages."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.contract.forms_app import COLOURS, FREE, modal, option
from tests.contract.local_slack import CHANNEL
from tests.doubles.block_kit import plain
from tests.integration.page_forms.forms import SURE

pytestmark = pytest.mark.browser


def test_home_is_published_when_it_is_opened_and_its_buttons_reach_the_app(alice, app):
    alice.open_home()
    alice.press("Go", alice.home)
    expect(alice.main.get_by_role("link", name="Home")).to_have_attribute("aria-current", "page")
    told = [app.hears() for _ in range(2)]
    assert [each["type"] for each in told] == ["app_home_opened", "block_actions"]
    assert told[1]["container"]["type"] == "view"
    app.views.put(modal([FREE], title="From Home"))
    alice.press("Push", alice.home)
    expect(alice.modal.get_by_role("heading", name="From Home")).to_be_visible()
    assert alice.nameless() == []


def test_the_tabs_of_the_app_lead_from_its_home_to_its_messages(alice, app):
    alice.open_home()
    app.client.chat_postMessage(channel="U0000ALICE", text="Your turn")
    alice.main.get_by_role("link", name="Messages").click()

    alice.wait_for("Your turn")
    expect(alice.home).to_be_hidden()
    assert [app.hears()["tab"], app.hears()["tab"]] == ["home", "messages"]


# In messages


def test_selects_and_menus_in_a_message_reach_the_app(alice, app):
    select = {"type": "static_select", "action_id": "size", "options": COLOURS, "placeholder": plain("Size")}
    menu = {"type": "overflow", "action_id": "menu", "options": [option("Open"), option("Hide")]}
    blocks = [{"type": "actions", "block_id": "row", "elements": [select, menu]}]
    app.client.chat_postMessage(channel=CHANNEL, text="choices", blocks=blocks)
    message = alice.messages.last
    alice.choose("Size", "Green", message)
    assert app.hears()["actions"][0]["selected_option"] == COLOURS[1]
    message.get_by_label("More actions").click()
    alice.press("Hide", message)
    body = app.hears()

    assert body["actions"][0]["selected_option"] == option("Hide")
    assert body["state"]["values"]["row"]["size"]["selected_option"] == COLOURS[1]
    expect(message.get_by_role("button", name="Hide")).to_be_hidden()


def test_a_choice_that_asks_first_reaches_the_app_only_after_a_yes(alice, app):
    select = {"type": "static_select", "action_id": "size", "options": COLOURS, "confirm": SURE}
    app.client.chat_postMessage(
        channel=CHANNEL, text="x", blocks=[{"type": "section", "text": plain("Careful"), "accessory": select}]
    )
    alice.choose("Careful", "Green", alice.messages.last)
    alice.press("No", alice.question)
    expect(alice.messages.last.get_by_label("Careful")).to_have_value("")
    assert app.told.empty()
    alice.choose("Careful", "Blue", alice.messages.last)
    alice.press("Yes", alice.question)

    assert app.hears()["actions"][0]["selected_option"] == COLOURS[2]


def test_a_select_in_a_message_searches_and_its_choice_goes_off_at_once(alice, app):
    search = {"type": "external_select", "action_id": "it", "min_query_length": 0, "placeholder": plain("Branch")}
    app.client.chat_postMessage(channel=CHANNEL, text="which?", blocks=[{"type": "actions", "elements": [search]}])
    alice.search("Branch", "wider", "feature/wider", alice.messages.last)

    expect(alice.messages.last.get_by_role("combobox", name="Branch")).to_have_value("feature/wider")
    body = last_action(app)
    assert body["actions"][0]["selected_option"] == option("feature/wider")
    assert body["container"]["type"] == "message"


def last_action(app):
    while (body := app.hears())["type"] != "block_actions":
        pass
    return body


# Pictures


def test_a_picture_has_its_words_and_opens_large(alice, app):
    target = io.BytesIO()
    Image.new("RGB", (1600, 900), "seagreen").save(target, "PNG")
    app.client.files_upload_v2(
        channel=CHANNEL,
        filename="curve.png",
        content=target.getvalue(),
        title="Learning curve",
        alt_txt="Accuracy rises",
    )
    small = alice.messages.last.get_by_role("img", name="Accuracy rises")
    expect(small).to_be_visible()
    shown = small.bounding_box()
    assert shown["width"] <= 480
    assert shown["width"] / shown["height"] == pytest.approx(1600 / 900, rel=0.02)
    alice.messages.last.get_by_role("button", name="Accuracy rises").click()
    large = alice.page.get_by_role("dialog", name=re.compile("Learning curve"))
    expect(large.get_by_role("img", name="Accuracy rises")).to_be_visible()
    assert alice.nameless() == []
    alice.page.keyboard.press("Escape")

    expect(large).to_be_hidden()
