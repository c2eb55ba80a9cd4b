"""Who comes to the page, and what it says when the app or the sandbox behind it goes away."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from bot.sandbox.slack import SlackSandbox
from tests.integration.page.parts import COMMANDS, box, messages

pytestmark = pytest.mark.browser


def test_a_newcomer_is_told_what_to_type_and_one_click_fills_the_box(page: Page) -> None:
    page.get_by_role("button", name="Type /train main v1.0.0").click()

    expect(box(page)).to_have_value("/train main v1.0.0")
    expect(box(page)).to_be_focused()


def test_the_sidebar_says_where_one_is_who_one_is_and_that_nothing_leaves_the_machine(page: Page) -> None:
    sidebar = page.get_by_role("navigation", name="Workspace")

    expect(sidebar).to_contain_text("Orchard")
    expect(sidebar.get_by_role("link", name="training")).to_have_attribute("aria-current", "page")
    expect(sidebar.get_by_role("link", name="Alice Archer")).to_have_attribute("aria-current", "true")
    expect(sidebar.get_by_role("link", name="Project on the local GitLab")).to_have_attribute("target", "_blank")
    expect(sidebar).to_contain_text("nothing here leaves this machine")
    expect(sidebar.get_by_role("region", name="Apps")).not_to_contain_text("Slackbot")


def test_switching_to_bob_speaks_as_bob(page: Page, slack: SlackSandbox) -> None:
    page.get_by_role("link", name="Bob Baker").click()
    expect(page.get_by_role("link", name="Bob Baker")).to_have_attribute("aria-current", "true")
    box(page).fill("Hello from Bob")
    box(page).press("Enter")

    expect(messages(page).last).to_contain_text("Bob Baker")
    assert [message.user for message in slack.messages()] == ["U000000BOB"]


def test_an_app_that_is_not_connected_is_said_to_be_so(page: Page, slack: SlackSandbox, client: WebClient) -> None:
    warning = page.get_by_text("Stationmaster is not connected: commands get no answer")
    expect(warning).to_be_visible()
    handler = SocketModeHandler(App(client=client, token_verification_enabled=False), slack.app_token)
    handler.connect()
    expect(warning).to_have_count(0)
    expect(page.get_by_role("img", name="connected", exact=True)).to_be_visible()
    handler.close()

    expect(warning).to_be_visible()


# When things go away and come back


def test_the_page_comes_back_by_itself_when_the_sandbox_does(page: Page, slack: SlackSandbox, tmp_path: Path) -> None:
    port = int(slack.url.rpartition(":")[2])
    slack.stop()
    expect(page.get_by_text("The sandbox is not answering")).to_be_visible()
    with SlackSandbox(tmp_path, port=port, commands=COMMANDS) as back:
        back.type("bob", "while you were away")

        expect(messages(page).last).to_contain_text("while you were away", timeout=10_000)
        expect(page.get_by_text("The sandbox is not answering")).to_have_count(0)


def test_text_that_could_not_be_sent_stays_in_the_box(page: Page, slack: SlackSandbox) -> None:
    slack.stop()
    box(page).fill("important words")
    box(page).press("Enter")

    expect(messages(page).last).to_contain_text("The sandbox did not answer")
    expect(box(page)).to_have_value("important words")
