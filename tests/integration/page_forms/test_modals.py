"""Modals on the page: filled in by mouse and by keyboard, refused, changed below the hand, and closed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.contract.forms_app import COLOURS, FREE, TEXT, buttons, entry, modal, option
from tests.doubles.block_kit import plain
from tests.integration.page_forms.forms import SHOTS, SURE, opened

pytestmark = pytest.mark.browser


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
    held = {block: next(iter(each.values())) for block, each in app.hears_last()["view"]["state"]["values"].items()}
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
    held = {block: next(iter(each.values())) for block, each in app.hears_last()["view"]["state"]["values"].items()}
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


def test_a_button_in_a_modal_asks_above_it_and_no_leaves_everything_as_it_is(alice, app):
    opened(alice, app, modal([FREE, buttons("go", confirm=SURE)]))
    alice.fill("Text", "kept")
    alice.press("Go", alice.modal.locator(".actions"))
    expect(alice.question).to_be_visible()
    alice.page.keyboard.press("Escape")
    expect(alice.question).to_be_hidden()
    expect(alice.modal.get_by_label("Text")).to_have_value("kept")
    alice.press("Go", alice.modal.locator(".actions"))
    alice.press("Yes", alice.question)

    assert app.hears()["view"]["state"]["values"]["text"]["it"]["value"] == "kept"


def test_after_escape_what_is_typed_at_once_goes_into_the_box_of_the_channel(app, alice):
    opened(alice, app)
    alice.page.keyboard.press("Escape")
    expect(alice.modal).to_be_hidden()
    expect(alice.box).to_be_focused()
    alice.page.keyboard.type("typed at once")
    expect(alice.box).to_have_value("typed at once")
