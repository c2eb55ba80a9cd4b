"""Modals, Home, selects, pictures and unread marks of the sandbox's page, in a real Chromium with a small Bolt app."""

from __future__ import annotations

import io
import os
import queue
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect
from slack_bolt.adapter.socket_mode import SocketModeHandler

from bot.sandbox.slack import SlackSandbox, SlashCommand
from tests.contract.forms_app import COLOURS, Forms, buttons, entry, modal, option, plain
from tests.integration.browser import Pages, chromium

pytestmark = pytest.mark.browser

CHANNEL = "C0TRAINING"
SHOTS = Path(os.environ.get("SCREENSHOTS", "build/screenshots"))
TEXT = entry("text", "Text", "plain_text_input")
CARD = {"type": "header", "text": plain("Run 42 of all")}
FREE = entry("text", "Text", "plain_text_input", of={"optional": True})


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    commands = [SlashCommand("/form", "", "Opens a modal")]
    with SlackSandbox(tmp_path_factory.mktemp("page"), commands=commands, ack_seconds=20) as slack:
        app = Forms(slack)
        app.slack = slack
        handler = SocketModeHandler(app.app, "xapp-sandbox")
        handler.connect()
        yield app
        handler.close()


@pytest.fixture
def slack(app):
    """The workspace with nothing open."""
    for person in ("alice", "bob"):
        app.slack.close(person, everything=True)
    app.told = queue.Queue()
    return app.slack


@pytest.fixture
def pages(browser, slack):
    with Pages(browser, slack.url) as pages:
        yield pages


@pytest.fixture
def alice(pages):
    return pages.open("alice")


def opened(person, app, view=None):
    if view:
        app.views.put(view)
    person.type("/form")
    expect(person.modal).to_be_visible()
    return person.modal


def last(app):
    said = app.hears()
    while not app.told.empty():
        said = app.hears()
    return said


# Modals


def test_a_modal_with_every_element_is_filled_in_and_sent(alice, app):
    opened(alice, app)
    alice.fill("Name", "wider")
    alice.fill("Epochs", "12")
    alice.fill("Note", "two\nlines")
    alice.choose("Colour", "Green")
    alice.choose("Colours", "Blue")
    alice.search("Branch", "feat", "feature/wider")
    alice.search("Tags", "ma", "main")
    alice.search("Tags", "fix", "fix/data")
    alice.choose("Who", "Bob Baker")
    alice.choose("Where", "#random")
    alice.choose("Steps", "Red")
    alice.choose("Mode", "Blue")
    alice.fill("Day", "2026-03-01")
    alice.fill("Hour", "17:30")
    alice.fill("Moment", "2026-03-01T12:00")
    alice.choose("Size", "Green")
    assert alice.nameless() == []
    alice.screenshot(SHOTS / "modal.png")
    alice.submit()

    expect(alice.modal).to_be_hidden()
    held = {block: next(iter(each.values())) for block, each in last(app)["view"]["state"]["values"].items()}
    red, green, blue = COLOURS
    assert held["name"]["value"] == "wider"
    assert held["note"]["value"] == "two\nlines"
    assert held["epochs"]["value"] == "12"
    assert held["colour"]["selected_option"] == held["size"]["selected_option"] == green
    assert held["colours"]["selected_options"] == [blue]
    assert held["branch"]["selected_option"] == option("feature/wider")
    assert held["tags"]["selected_options"] == [option("main"), option("fix/data")]
    assert (held["who"]["selected_user"], held["where"]["selected_channel"]) == ("U000000BOB", "C000RANDOM")
    assert (held["steps"]["selected_options"], held["mode"]["selected_option"]) == ([red], blue)
    assert (held["day"]["selected_date"], held["hour"]["selected_time"]) == ("2026-03-01", "17:30")
    assert held["moment"]["selected_date_time"] == 1772366400


def test_what_is_missing_is_said_beside_its_input_which_gets_the_focus(alice, app):
    opened(alice, app, modal([FREE, {**TEXT, "block_id": "second", "label": plain("Tag")}]))
    alice.submit()

    tag = alice.modal.get_by_label("Tag", exact=True)
    expect(tag).to_be_focused()
    expect(tag).to_have_attribute("aria-invalid", "true")
    expect(tag).to_have_accessible_description("Please complete this required field.")
    tag.fill("v1.0.0")
    app.answers.put({"response_action": "errors", "errors": {"second": "v1.0.0 exists. Try v1.0.1."}})
    alice.submit()
    expect(tag).to_have_accessible_description("v1.0.0 exists. Try v1.0.1.")
    expect(tag).to_have_value("v1.0.0")
    tag.fill("v1.0.1")
    alice.submit()

    expect(alice.modal).to_be_hidden()


def test_the_button_is_busy_until_the_app_has_answered(alice, app):
    opened(alice, app, modal([TEXT]))
    alice.fill("Text", "x")
    app.gate.clear()
    alice.submit()
    expect(alice.modal.get_by_role("button", name="Go")).to_have_attribute("aria-busy", "true")
    app.gate.set()

    expect(alice.modal).to_be_hidden()


def test_an_answer_that_slack_does_not_take_is_said_in_the_modal(alice, app):
    opened(alice, app, modal([TEXT]))
    alice.fill("Text", "x")
    app.answers.put({"response_action": "explode"})
    alice.submit()
    expect(alice.modal.get_by_role("alert")).to_contain_text("We had some trouble connecting. Try again?")
    expect(alice.modal.get_by_label("Text")).to_have_value("x")
    alice.submit()

    expect(alice.modal).to_be_hidden()


def test_a_modal_on_a_modal_gives_back_what_was_typed_below(alice, app):
    opened(alice, app, modal([FREE, buttons("push")]))
    alice.fill("Text", "below")
    app.views.put(modal([FREE], title="On top"))
    alice.press("Push", alice.modal)
    expect(alice.modal.get_by_role("heading", name="On top")).to_be_visible()
    expect(alice.modal.get_by_label("Text")).to_have_value("")
    alice.cancel()

    expect(alice.modal.get_by_role("heading", name="Train")).to_be_visible()
    expect(alice.modal.get_by_label("Text")).to_have_value("below")


def test_an_update_from_the_app_changes_what_it_says_and_keeps_what_is_typed(alice, app):
    answer = {"type": "section", "block_id": "answer", "text": plain("Looking at the branch")}
    opened(alice, app, modal([FREE, answer, buttons("replace")]))
    alice.fill("Text", "typed")
    app.views.put(modal([FREE, {**answer, "text": plain("Nothing changed")}]))
    alice.press("Replace", alice.modal)

    expect(alice.modal).to_contain_text("Nothing changed")
    expect(alice.modal.get_by_label("Text")).to_have_value("typed")


def test_escape_closes_every_modal_and_gives_the_focus_back(alice, app, slack):
    opened(alice, app, modal([FREE], notify_on_close=True))
    alice.page.keyboard.press("Escape")

    expect(alice.modal).to_be_hidden()
    assert app.hears()["type"] == "view_closed"
    expect(alice.box).to_be_focused()
    assert slack.modals("alice") == []


def test_a_modal_is_filled_in_by_keyboard_alone(alice, app):
    required = entry("branch", "Branch", "external_select", min_query_length=1)
    mode = entry("mode", "Mode", "radio_buttons", options=COLOURS)
    opened(alice, app, modal([TEXT, required, entry("colour", "Colour", "static_select", options=COLOURS), mode]))
    keyboard = alice.page.keyboard
    assert alice.focused() == "Text"
    keyboard.type("by hand")
    keyboard.press("Tab")
    keyboard.type("feature")
    expect(alice.modal.get_by_role("listbox", name="Branch").get_by_role("option")).to_have_count(2)
    keyboard.press("ArrowDown")
    expect(alice.modal.get_by_role("combobox", name="Branch")).to_have_attribute(
        "aria-activedescendant", re.compile("-0$")
    )
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    expect(alice.modal.get_by_role("combobox", name="Branch")).to_have_value("feature/typo")
    keyboard.press("Tab")
    keyboard.type("Gre")
    keyboard.press("Tab")
    keyboard.press("Space")
    keyboard.press("ArrowDown")
    keyboard.press("Tab")
    assert alice.focused() == "Cancel"
    keyboard.press("Tab")
    assert alice.focused() == "Go"
    keyboard.press("Enter")

    expect(alice.modal).to_be_hidden()
    held = {block: next(iter(each.values())) for block, each in last(app)["view"]["state"]["values"].items()}
    assert held["text"]["value"] == "by hand"
    assert held["branch"]["selected_option"] == option("feature/typo")
    assert (held["colour"]["selected_option"], held["mode"]["selected_option"]) == (COLOURS[1], COLOURS[1])


def test_the_focus_never_leaves_an_open_modal_for_the_page_behind_it(alice, app):
    opened(alice, app, modal([TEXT]))
    for _ in range(8):
        alice.page.keyboard.press("Tab")
        inside = "document.activeElement === document.body || Boolean(document.activeElement.closest('dialog'))"
        assert alice.page.evaluate(inside)


def test_a_search_without_an_answer_says_so(alice, app, slack):
    opened(alice, app, modal([entry("branch", "Branch", "external_select", min_query_length=1)]))
    box = alice.modal.get_by_role("combobox", name="Branch")
    box.fill("nowhere")
    expect(alice.modal.get_by_role("status")).to_contain_text("Nothing found")
    box.fill("many")
    expect(alice.modal.get_by_role("status")).to_contain_text("Could not load the options")
    box.press("Escape")

    expect(alice.modal).to_be_visible()
    expect(alice.modal.get_by_role("status")).to_be_empty()


# Home


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
    words = {"title": plain("Sure?"), "text": plain("All of it."), "confirm": plain("Yes"), "deny": plain("No")}
    select = {"type": "static_select", "action_id": "size", "options": COLOURS, "confirm": words}
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


def test_a_button_in_a_modal_asks_above_it_and_no_leaves_everything_as_it_is(alice, app):
    words = {"title": plain("Sure?"), "text": plain("All of it."), "confirm": plain("Yes"), "deny": plain("No")}
    opened(alice, app, modal([FREE, buttons("go", confirm=words)]))
    alice.fill("Text", "kept")
    alice.press("Go", alice.modal.locator(".actions"))
    expect(alice.question).to_be_visible()
    alice.page.keyboard.press("Escape")
    expect(alice.question).to_be_hidden()
    expect(alice.modal.get_by_label("Text")).to_have_value("kept")
    alice.press("Go", alice.modal.locator(".actions"))
    alice.press("Yes", alice.question)

    assert app.hears()["view"]["state"]["values"]["text"]["it"]["value"] == "kept"


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


# Who has read what


def test_a_mention_is_red_other_messages_are_counted_and_both_go_when_they_are_read(alice, slack):
    slack.type("bob", "psst", "#random")
    link = alice.sidebar.get_by_role("link", name="random")
    expect(link.get_by_role("img", name="1 unread", exact=True)).to_be_visible()
    slack.type("bob", "<@U0000ALICE> are you there?", "#random")
    expect(link.get_by_role("img", name="2 unread, 1 for you")).to_be_visible()
    expect(link.locator(".called")).to_have_text("1")
    expect(alice.page.locator("#announce")).to_have_text("New message in #random from Bob Baker")
    alice.go("random")

    expect(link.locator(".number")).to_have_count(0)
    expect(alice.page.get_by_role("separator", name="New messages")).to_be_visible()


def test_a_direct_message_is_counted_beside_the_app(alice, app):
    app.client.chat_postMessage(channel="U0000ALICE", text="Your turn")
    link = alice.sidebar.get_by_role("link", name="Stationmaster")
    expect(link.locator(".called")).to_have_text("1")
    link.click()

    alice.wait_for("Your turn")
    expect(link.locator(".number")).to_have_count(0)


def test_a_mention_in_a_thread_leads_there_until_it_is_read(alice, app):
    root = app.client.chat_postMessage(channel=CHANNEL, text="Run 42")["ts"]
    app.client.chat_postMessage(channel=CHANNEL, thread_ts=root, text="<@U0000ALICE> released")
    threads = alice.sidebar.get_by_role("link", name="Threads")
    expect(threads.locator(".called")).to_have_text("1")
    expect(alice.message("Run 42")).to_contain_text("1 new")
    threads.click()

    expect(alice.thread).to_contain_text("@Alice Archer released")
    expect(threads).to_have_count(0)
    expect(alice.message("Run 42")).not_to_contain_text("1 new")


def test_two_people_at_once_each_have_their_own_modals_marks_and_whispers(pages, app):
    alice, bob = pages.open("alice"), pages.open("bob", "random")
    opened(alice, app, modal([TEXT], title="Of Alice"))
    opened(bob, app, modal([TEXT], title="Of Bob"))
    expect(alice.modal.get_by_role("heading")).to_have_text("Of Alice")
    bob.cancel()
    expect(bob.modal).to_be_hidden()
    expect(alice.modal).to_be_visible()
    app.client.chat_postEphemeral(channel=CHANNEL, user="U0000ALICE", text="only for Alice")
    app.client.chat_postMessage(channel=CHANNEL, text="<@U000000BOB> finished")
    alice.page.keyboard.press("Escape")

    alice.wait_for("only for Alice")
    expect(bob.sidebar.get_by_role("link", name="training").locator(".called")).to_have_text("1")
    bob.go("training")
    bob.wait_for("finished")
    expect(bob.message("only for Alice")).to_have_count(0)


def test_everything_on_the_page_has_a_name(alice, app):
    app.client.chat_postMessage(channel=CHANNEL, text="card", blocks=[CARD, buttons("go")])
    app.client.chat_postEphemeral(channel=CHANNEL, user="U0000ALICE", text="only you")
    alice.wait_for("only you")
    alice.open_thread("Run 42 of all")

    assert alice.nameless() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(pages, app, slack, scheme):
    alice = pages.open("alice", scheme=scheme)
    slack.type("bob", "<@U0000ALICE> and `code` and *bold* https://example.com", "#random")
    app.client.chat_postMessage(channel=CHANNEL, text="card", blocks=[CARD, buttons("go", style="danger")])
    ts = app.client.chat_postMessage(channel=CHANNEL, text="<@U0000ALICE> <!here> `code`")["ts"]
    app.client.chat_postMessage(channel=CHANNEL, thread_ts=ts, text="reply")
    expect(alice.messages.last).to_contain_text("1 new")
    expect(alice.sidebar.locator(".called").first).to_be_visible()
    assert alice.faint() == []
    alice.open_home()
    expect(alice.home.get_by_role("button", name="Go")).to_be_visible()
    assert alice.faint() == []
    alice.go("training")
    opened(alice, app, modal([TEXT, FREE | {"block_id": "free", "hint": plain("A hint")}]))
    alice.submit()
    expect(alice.modal.locator(".error")).to_be_visible()
    assert alice.faint() == []


def test_after_escape_what_is_typed_at_once_goes_into_the_box_of_the_channel(app, alice):
    opened(alice, app)
    alice.page.keyboard.press("Escape")
    expect(alice.modal).to_be_hidden()
    expect(alice.box).to_be_focused()
    alice.page.keyboard.type("typed at once")
    expect(alice.box).to_have_value("typed at once")
