"""A local Slack, and the bot's client of it that tries nothing again."""

import pytest
from slack_sdk import WebClient

from bot.sandbox.slack import SlackSandbox
from tests.contract.slack_stand_in.talk import COMMANDS


@pytest.fixture
def slack(tmp_path):
    with SlackSandbox(tmp_path, commands=COMMANDS, ack_seconds=0.5) as slack:
        yield slack


@pytest.fixture
def client(slack):
    return WebClient("xoxb-sandbox", base_url=slack.api_url, retry_handlers=[])
