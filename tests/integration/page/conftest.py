"""The page of the sandbox's Slack, the real stand-in behind it, and a real Bolt app that answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from bot.sandbox.slack import SlackSandbox
from tests.integration.browser import BORING, PATIENCE, visit
from tests.integration.page.parts import COMMANDS


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
