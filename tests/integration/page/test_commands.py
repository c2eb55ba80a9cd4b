"""Commands and buttons on the page: how they are chosen, sent and answered."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from slack_bolt import App
from slack_sdk import WebClient

from bot.sandbox.slack import SlackSandbox
from tests.integration.page.parts import box, messages, post_card

pytestmark = pytest.mark.browser


def test_a_slash_lists_the_commands_and_keys_choose_one(page: Page) -> None:
    box(page).press_sequentially("/t")
    options = page.get_by_role("listbox", name="Commands").get_by_role("option")
    expect(options).to_have_count(2)
    expect(options.first).to_contain_text("<branch> <tag>")
    expect(options.first).to_contain_text("Train a branch and release it as a tag")
    box(page).press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    box(page).press("ArrowDown")
    box(page).press("Tab")

    expect(box(page)).to_have_value("/train ")
    expect(options).to_have_count(0)
    expect(page.locator(".usage .turn")).to_have_text("<branch>")


def test_escape_closes_the_list_and_keeps_what_was_typed(page: Page) -> None:
    box(page).press_sequentially("/tr")
    box(page).press("Escape")

    expect(page.get_by_role("listbox")).to_have_count(0)
    expect(box(page)).to_have_value("/tr")


def test_an_answer_to_a_command_is_seen_by_its_caller_alone_and_can_be_dismissed(
    open_page, app: App, slack: SlackSandbox
) -> None:
    app.command("/train")(lambda ack, command: ack(f"Usage, not {command['text']}"))
    alice, bob = open_page(), open_page("?user=U000000BOB")
    box(alice).fill("/train main")
    box(alice).press("Enter")

    expect(messages(alice)).to_contain_text(["Usage, not main"])
    expect(messages(alice).last).to_contain_text("Only visible to you")
    slack.type("alice", "for everybody")
    expect(messages(bob)).to_have_count(1)
    messages(alice).first.get_by_role("button", name="Dismiss").click()
    expect(messages(alice)).to_have_count(1)
    assert slack.ephemerals("alice") == []


def test_a_command_that_slack_refuses_says_why_and_stays_in_the_box(page: Page) -> None:
    box(page).fill("/trian main v1.0.0")
    box(page).press("Enter")

    expect(messages(page).last).to_contain_text("/trian is not a valid command")
    expect(box(page)).to_have_value("/trian main v1.0.0")


def test_a_command_without_an_app_says_so_once(page: Page) -> None:
    box(page).fill("/train main v1.0.0")
    box(page).press("Enter")

    expect(messages(page)).to_contain_text(["/train failed with the error"])


def test_arrow_up_brings_back_the_commands_sent(page: Page, app: App) -> None:
    app.command("/runs")(lambda ack: ack("none"))
    for command in ("/runs mine", "/runs"):
        box(page).fill(command)
        box(page).press("Enter")
        expect(messages(page).filter(has_text="none")).not_to_have_count(0)
    for expected in ("/runs", "/runs mine"):
        box(page).press("ArrowUp")
        expect(box(page)).to_have_value(expected)
    box(page).press("ArrowDown")
    box(page).press("ArrowDown")

    expect(box(page)).to_have_value("")


def test_a_danger_button_asks_first_and_only_yes_reaches_the_app(page: Page, app: App, client: WebClient) -> None:
    pressed = []

    @app.action("cancel")
    def cancel(ack, action, body) -> None:
        ack()
        pressed.append((action["value"], body["user"]["id"]))
        client.chat_update(channel="C0TRAINING", ts=body["message"]["ts"], text="Cancelled", blocks=[])

    post_card(client)
    button = messages(page).last.get_by_role("button", name="Cancel")
    button.click()
    dialog = page.get_by_role("dialog", name="Cancel run 42?")
    expect(dialog).to_contain_text("Nothing is released.")
    expect(dialog.get_by_role("button", name="Keep training")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()
    assert pressed == []
    button.click()
    dialog.get_by_role("button", name="Cancel the run").click()

    expect(messages(page).last).to_contain_text("Cancelled")
    assert pressed == [("42", "U0000ALICE")]


def test_a_press_that_nobody_answers_is_said_once(page: Page, client: WebClient) -> None:
    post_card(client)
    messages(page).last.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the run").click()

    expect(messages(page).filter(has_text="That did not work")).to_have_count(1)
    expect(messages(page)).to_have_count(2)


def test_a_button_with_an_address_opens_it_beside_the_page(
    page: Page, app: App, client: WebClient, slack: SlackSandbox
) -> None:
    app.action("release")(lambda ack: ack())
    text = {"type": "plain_text", "text": "Open release"}
    button = {"type": "button", "action_id": "release", "text": text, "url": f"{slack.url}/sandbox/state"}
    client.chat_postMessage(channel="#training", text="Done", blocks=[{"type": "actions", "elements": [button]}])
    with page.expect_popup() as popup:
        messages(page).last.get_by_role("link", name="Open release").click()

    expect(popup.value.locator("body")).to_contain_text("Orchard")
