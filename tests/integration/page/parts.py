"""The parts of the page, found by their roles, and a card to show on it."""

from __future__ import annotations

from playwright.sync_api import Page
from slack_sdk import WebClient

from bot.sandbox.slack import SlashCommand

COMMANDS = [
    SlashCommand("/train", "<branch> <tag>", "Train a branch and release it as a tag"),
    SlashCommand("/train-help", "", "What the bot can do"),
    SlashCommand("/runs", "[mine|active|all]", "List runs"),
]


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
