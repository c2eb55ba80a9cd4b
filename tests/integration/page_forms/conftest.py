"""A small Bolt app with forms, which is started once for a file, and people before the page."""

from __future__ import annotations

import queue

import pytest
from slack_bolt.adapter.socket_mode import SocketModeHandler

from bot.sandbox.slack import SlackSandbox, SlashCommand
from tests.contract.forms_app import Forms
from tests.integration.browser import Pages


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
