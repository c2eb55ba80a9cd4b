"""A local Slack: see `sandbox.SlackSandbox`."""

from bot.sandbox.slack.deliveries import Refused
from bot.sandbox.slack.feed import Subscription
from bot.sandbox.slack.interactions import SlashCommand
from bot.sandbox.slack.line import Undelivered
from bot.sandbox.slack.message import Message
from bot.sandbox.slack.people import APP_TOKEN, BOT_TOKEN
from bot.sandbox.slack.refusal import Refusal
from bot.sandbox.slack.sandbox import SlackSandbox

__all__ = [
    "APP_TOKEN",
    "BOT_TOKEN",
    "Message",
    "Refusal",
    "Refused",
    "SlackSandbox",
    "SlashCommand",
    "Subscription",
    "Undelivered",
]
