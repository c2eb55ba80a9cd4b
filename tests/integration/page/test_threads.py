"""Threads and files on the page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from slack_sdk import WebClient

from bot.sandbox.slack import SlackSandbox
from tests.integration.page.parts import messages, post_card, thread

pytestmark = pytest.mark.browser


def test_a_thread_opens_beside_the_channel_grows_live_and_escape_closes_it(page: Page, client: WebClient) -> None:
    ts = post_card(client)
    client.chat_postMessage(channel="#training", thread_ts=ts, text="Data ready")
    footer = messages(page).last.get_by_role("button", name="1 reply")
    footer.click()
    expect(thread(page)).to_contain_text("Data ready")
    client.chat_postMessage(channel="#training", thread_ts=ts, text="Stage `train` done")

    expect(thread(page).get_by_role("article")).to_have_count(3)
    expect(thread(page)).to_contain_text("2 replies")
    expect(messages(page).last).to_contain_text("2 replies")
    expect(messages(page)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(thread(page)).to_be_hidden()
    expect(messages(page).last.get_by_role("button", name="2 replies")).to_be_focused()


def test_a_reply_goes_into_the_thread_and_a_command_there_is_refused(
    page: Page, client: WebClient, slack: SlackSandbox
) -> None:
    ts = post_card(client)
    messages(page).last.hover()
    messages(page).last.get_by_role("button", name="Reply in thread").click()
    reply = thread(page).get_by_role("textbox")
    expect(reply).to_be_focused()
    reply.fill("Looks good")
    reply.press("Enter")
    expect(thread(page).get_by_role("article").last).to_contain_text("Looks good")
    reply.fill("/runs")
    reply.press("Enter")

    expect(thread(page).get_by_role("article").last).to_contain_text("/runs is not supported in threads")
    assert [message.text for message in slack.thread("#training", ts)] == ["Run 42", "Looks good"]


def test_an_open_thread_survives_a_reload_of_the_page(page: Page, client: WebClient) -> None:
    ts = post_card(client)
    client.chat_postMessage(channel="#training", thread_ts=ts, text="Data ready")
    messages(page).last.get_by_role("button", name="1 reply").click()
    expect(thread(page)).to_contain_text("Data ready")
    page.reload()

    expect(thread(page)).to_contain_text("Data ready")


def test_a_log_file_shows_its_first_lines_and_can_be_taken_home(page: Page, client: WebClient) -> None:
    log = "\n".join(f"epoch {number} <b>" for number in range(40))
    client.files_upload_v2(channel="C0TRAINING", content=log, filename="run-42.log", title="Full log")
    message = messages(page).last

    expect(message.locator("pre")).to_contain_text("epoch 0 <b>")
    message.get_by_role("button", name="Show more").click()
    expect(message.get_by_role("button", name="Show less")).to_be_visible()
    with page.expect_download() as download:
        message.get_by_role("link", name="Download").click()
    assert download.value.path().read_text() == log


def test_a_picture_stands_in_its_place(page: Page, client: WebClient) -> None:
    dot = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da636460f85f0f000287018"
        "0eb47ba920000000049454e44ae426082"
    )
    client.files_upload_v2(channel="C0TRAINING", content=dot, filename="curve.png", title="Learning curve")

    picture = messages(page).last.get_by_role("img", name="Learning curve")
    expect(picture).to_be_visible()
    assert picture.evaluate("node => node.decode().then(() => node.naturalWidth)") == 1


@pytest.mark.parametrize("width", [900, 600])
def test_a_narrow_window_scrolls_nothing_sideways(page: Page, client: WebClient, width: int) -> None:
    ts = post_card(client)
    client.chat_postMessage(channel="#training", thread_ts=ts, text="w" * 300)
    page.set_viewport_size({"width": width, "height": 700})
    messages(page).last.get_by_role("button", name="1 reply").click()
    expect(thread(page)).to_contain_text("www")

    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert thread(page).evaluate("node => node.getBoundingClientRect().right") <= width
    assert thread(page).evaluate("node => node.querySelector('.scroller').scrollWidth <= node.clientWidth")
