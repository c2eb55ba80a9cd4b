"""What is marked until it is read, and what everybody can read and name."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.contract.forms_app import FREE, TEXT, buttons, modal
from tests.contract.local_slack import CHANNEL
from tests.doubles.block_kit import plain
from tests.integration.page_forms.forms import CARD, opened

pytestmark = pytest.mark.browser


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


# Whatever is shown


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
