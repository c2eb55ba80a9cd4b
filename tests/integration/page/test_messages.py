"""Messages on the page: drawn as Slack draws them, changed in place, and never obeyed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from slack_sdk import WebClient

from bot.sandbox.slack import SlackSandbox
from tests.integration.page.parts import box, card, messages, post_card

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[3]


def test_what_a_person_types_is_text_and_never_markup(page: Page, slack: SlackSandbox) -> None:
    box(page).fill("<img src=x onerror=alert(1)> & <https://evil.example|safe> @bob")
    box(page).press("Enter")

    expect(messages(page).last).to_contain_text("<img src=x onerror=alert(1)> & <https://evil.example|safe>")
    expect(messages(page).last.locator("img")).to_have_count(0)
    expect(messages(page).last.locator(".mention")).to_have_text("@Bob Baker")
    assert slack.messages()[-1].text.endswith("<@U000000BOB>")


def test_mrkdwn_is_drawn_as_slack_draws_it(page: Page, client: WebClient) -> None:
    text = (
        "*bold* _slanted_ ~gone~ `co*d*e` a_b_c 10:30:45 :rocket: :no_such_emoji: "
        "<https://a.example/?x=1&amp;y=2|here> <@U0000ALICE>\n"
        "> quoted\n• one\n• two\n```\nx &lt; *1*\n```"
    )
    client.chat_postMessage(channel="#training", text=text)
    message = messages(page).last

    expect(message.locator("b").filter(has_text="bold")).to_be_visible()
    expect(message.locator("i")).to_have_text("slanted")
    expect(message.locator("s")).to_have_text("gone")
    expect(message.locator("code")).to_have_text("co*d*e")
    expect(message.locator("pre")).to_have_text("x < *1*")
    expect(message.locator("blockquote")).to_have_text("quoted")
    expect(message.get_by_role("listitem")).to_have_text(["one", "two"])
    expect(message.get_by_role("link", name="here")).to_have_attribute("href", "https://a.example/?x=1&y=2")
    expect(message.locator(".mention.me")).to_have_text("@Alice Archer")
    expect(message).to_contain_text("a_b_c 10:30:45 🚀 :no_such_emoji:")


def test_a_link_that_would_run_something_is_only_text(page: Page, client: WebClient) -> None:
    client.chat_postMessage(channel="#training", text="<javascript:alert(1)|press> <data:text/html,x|me>")

    expect(messages(page).last).to_contain_text("javascript:alert(1)")
    expect(messages(page).last.get_by_role("link")).to_have_count(0)


def test_a_card_shows_its_header_fields_context_and_buttons(page: Page, client: WebClient) -> None:
    post_card(client, done=6)
    message = messages(page).last

    expect(message.get_by_role("heading", name="Run 42 · main → v1.0.0")).to_be_visible()
    expect(message).to_contain_text("⏳ Training")
    expect(message).to_contain_text("▓▓▓▓▓▓░░░░ 60 %")
    expect(message.locator(".fields > div")).to_have_text(["Stage 2 of 4", "Epoch 7/12"])
    expect(message.locator(".context")).to_contain_text("Asked by @Alice Archer")
    expect(message.get_by_role("button", name="Cancel")).to_have_class(re.compile("danger"))
    expect(message).to_contain_text("App")


def test_an_edited_card_changes_in_place_and_keeps_the_focus(page: Page, client: WebClient) -> None:
    ts = post_card(client, done=1)
    message = messages(page).last
    message.get_by_role("button", name="Cancel").focus()
    message.evaluate("node => { node.dataset.same = 'yes' }")
    message.locator(".header").evaluate("node => { window.standing = node }")
    client.chat_update(channel="C0TRAINING", ts=ts, text="Run 42", blocks=card(7))

    expect(message).to_contain_text("▓▓▓▓▓▓▓░░░ 70 %")
    expect(message.get_by_role("button", name="Cancel")).to_be_focused()
    assert message.locator(".header").evaluate("node => node === window.standing")
    expect(message).not_to_contain_text("(edited)")


def test_days_are_divided_and_one_persons_messages_stand_together(page: Page) -> None:
    for text in ("one", "two"):
        box(page).fill(text)
        box(page).press("Enter")
        expect(messages(page).last).to_contain_text(text)

    expect(page.get_by_role("separator", name="Today")).to_be_visible()
    expect(messages(page).nth(0)).to_contain_text("Alice Archer")
    expect(messages(page).nth(1)).not_to_contain_text("Alice Archer")


def test_a_reader_further_up_stays_there_and_is_offered_the_way_down(page: Page, client: WebClient) -> None:
    client.chat_postMessage(channel="#training", text="\n".join(f"line {number}" for number in range(80)))
    expect(messages(page)).to_have_count(1)
    log = page.get_by_role("log", name="Messages")
    expect(page.get_by_role("button", name="New messages")).to_be_hidden()
    log.evaluate("node => { node.scrollTop = 300 }")
    page.wait_for_function("document.querySelector('#messages').scrollTop === 300")
    post_card(client)
    page.get_by_role("button", name="New messages").wait_for()

    assert log.evaluate("node => node.scrollTop") == 300
    page.get_by_role("button", name="New messages").click()
    expect(messages(page).last).to_be_in_viewport()
    expect(page.get_by_role("button", name="New messages")).to_be_hidden()


def test_what_came_into_another_channel_is_marked_until_it_is_read(page: Page, slack: SlackSandbox) -> None:
    slack.type("bob", "psst", "#random")
    link = page.get_by_role("link", name="random")
    expect(link).to_contain_text("1")
    expect(page).to_have_title(re.compile(r"^\(1\)"))
    link.click()

    expect(messages(page).last).to_contain_text("psst")
    expect(link).not_to_contain_text("1")
    expect(page.get_by_role("separator", name="New messages")).to_be_visible()


def test_the_page_asks_nobody_but_this_machine_for_anything(page: Page, client: WebClient, slack: SlackSandbox) -> None:
    asked = []
    page.on("requestfinished", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: None if request.failure == "csp" else asked.append(request.url))
    image = {"type": "image", "image_url": "https://elsewhere.example/spy.png", "alt_text": "A picture from elsewhere"}
    client.chat_postMessage(channel="#training", text="Look", blocks=[image])
    expect(messages(page).last.get_by_role("img", name="A picture from elsewhere")).to_be_attached()
    page.reload()
    expect(messages(page).last.get_by_role("img", name="A picture from elsewhere")).to_be_attached()

    assert asked
    assert [url for url in asked if not url.startswith((slack.url, slack.url.replace("http", "ws"), "data:"))] == []


def test_every_emoji_that_the_bot_writes_is_known_to_the_page() -> None:
    known = set(re.findall(r"([a-z0-9_+-]+) [^\sa-z0-9]", (ROOT / "bot/sandbox/slack/page-emoji.js").read_text()))
    sources = [*(ROOT / "bot/slack").glob("*.py"), *(ROOT / "bot/runs").glob("*.py"), *(ROOT / "commands").glob("*.py")]
    written = {code for source in sources for code in re.findall(r":([a-z][a-z_]{2,}):", source.read_text())}

    assert {"rocket", "white_check_mark", "+1"} <= known
    assert written <= known
