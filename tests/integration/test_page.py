"""The page of the sandbox's Slack in a real Chromium, against the real stand-in and a real Bolt app."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from bot.sandbox.slack import SlackSandbox, SlashCommand
from tests.integration.browser import BORING, PATIENCE, chromium, visit

pytestmark = pytest.mark.browser

COMMANDS = [
    SlashCommand("/train", "<branch> <tag>", "Train a branch and release it as a tag"),
    SlashCommand("/train-help", "", "What the bot can do"),
    SlashCommand("/runs", "[mine|active|all]", "List runs"),
]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[SlackSandbox]:
    with SlackSandbox(tmp_path, commands=COMMANDS, ack_seconds=0.5) as slack:
        slack.links.append(("Project on the local GitLab", "http://127.0.0.1:1/team/fruits"))
        yield slack


@pytest.fixture
def client(slack: SlackSandbox) -> WebClient:
    return WebClient(slack.bot_token, base_url=slack.api_url)


@pytest.fixture
def app(slack: SlackSandbox, client: WebClient) -> Iterator[App]:
    app = App(client=client, token_verification_enabled=False)
    handler = SocketModeHandler(app, slack.app_token)
    handler.connect()
    yield app
    handler.close()


@pytest.fixture
def open_page(browser: Browser, slack: SlackSandbox) -> Iterator:
    """Open the page, as somebody else with `query`; whatever the page complains about fails the test."""
    contexts, complaints = [], []

    def open_page(query: str = "") -> Page:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 800}))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        visit(page, f"{slack.url}/{query}")
        expect(page.get_by_role("heading", name="training", exact=True)).to_be_visible()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [line for line in complaints if not any(words in line for words in BORING)] == []


@pytest.fixture
def page(open_page) -> Page:
    return open_page()


def box(page: Page):
    return page.get_by_role("main").get_by_role("textbox")


def messages(page: Page):
    return page.get_by_role("main").get_by_role("article")


def thread(page: Page):
    return page.get_by_role("complementary")


def card(done: int, *, run: int = 42) -> list[dict]:
    confirm = {
        "title": {"type": "plain_text", "text": f"Cancel run {run}?"},
        "text": {"type": "mrkdwn", "text": "*Nothing* is released."},
        "confirm": {"type": "plain_text", "text": "Cancel the run"},
        "deny": {"type": "plain_text", "text": "Keep training"},
        "style": "danger",
    }
    cancel = {"type": "plain_text", "text": "Cancel"}
    bar = "▓" * done + "░" * (10 - done)
    return [
        {"type": "header", "text": {"type": "plain_text", "text": f"Run {run} · main → v1.0.0"}},
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": f":hourglass_flowing_sand: *Training*\n{bar} {done}0 %"},
        },
        {
            "type": "section",
            "fields": [{"type": "mrkdwn", "text": "*Stage*\n2 of 4"}, {"type": "mrkdwn", "text": "*Epoch*\n7/12"}],
        },
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "Asked by <@U0000ALICE>"}]},
        {
            "type": "actions",
            "block_id": "buttons",
            "elements": [
                {
                    "type": "button",
                    "action_id": "cancel",
                    "text": cancel,
                    "style": "danger",
                    "value": "42",
                    "confirm": confirm,
                }
            ],
        },
    ]


def post_card(client: WebClient, done: int = 1) -> str:
    return client.chat_postMessage(channel="#training", text="Run 42", blocks=card(done))["ts"]


# A first visit


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


# Messages


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


# Threads and files


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


# Commands and buttons


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


def test_every_emoji_that_the_bot_writes_is_known_to_the_page() -> None:
    known = set(re.findall(r"([a-z0-9_+-]+) [^\sa-z0-9]", (ROOT / "bot/sandbox/slack/page-emoji.js").read_text()))
    sources = [*(ROOT / "bot/slack").glob("*.py"), *(ROOT / "bot/runs").glob("*.py"), *(ROOT / "commands").glob("*.py")]
    written = {code for source in sources for code in re.findall(r":([a-z][a-z_]{2,}):", source.read_text())}

    assert {"rocket", "white_check_mark", "+1"} <= known
    assert written <= known
