"""The local Slack and one small app with forms behind it, for all tests of a file."""

import queue

import pytest
from slack_bolt.adapter.socket_mode import SocketModeHandler

from bot.sandbox.slack import SlackSandbox, SlashCommand
from tests.contract.forms_app import Forms


@pytest.fixture(scope="module")
def slack(tmp_path_factory):
    """One workspace and one app: slack_sdk takes seconds to let go of a socket."""
    commands = [SlashCommand("/form", "", "Opens a modal")]
    with SlackSandbox(tmp_path_factory.mktemp("forms"), commands=commands, ack_seconds=20) as slack:
        slack.app = Forms(slack)
        handler = SocketModeHandler(slack.app.app, "xapp-sandbox")
        handler.connect()
        yield slack
        handler.close()


@pytest.fixture
def app(slack):
    """The app with nothing left over from another test."""
    for person in ("alice", "bob"):
        slack.close(person, everything=True)
    slack.app.told = queue.Queue()
    return slack.app
