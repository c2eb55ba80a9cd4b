"""All that the unit tests can make the bot say, hostile text included, held to Slack's own definitions.

Their payloads have passed slack_sdk's validation and our stand-in's rules by then. What both let pass and Slack does
not describe (a field that an element does not have, a style that there is not) is found here.
"""

import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from bot.slack.blocks import actions, button, section
from tests.integration.emulated_slack import FOLDER, needs_node
from tests.integration.slack_types import wrong_with

pytestmark = [needs_node, pytest.mark.timeout(900)]  # some hundred tests run within the first one

TALKING = (
    *(
        "blocks",
        "blocks_hostile",
        "buttons",
        "commands",
        "compare",
        "costs_command",
        "delivery",
        "delivery_troubles",
        "digest",
        "home",
    ),
    *(
        "locations_command",
        "modal",
        "modal_view",
        "notifications",
        "run_filter",
        "slack_limits",
        "slack_view_limits",
        "verdict",
    ),
)
"""The unit tests in which something is said or shown."""


@pytest.fixture(scope="module")
def payloads(tmp_path_factory):
    """One payload of each shape that those tests come to."""
    book = tmp_path_factory.mktemp("payloads") / "book.jsonl"
    root = FOLDER.parents[2]
    tests = [root / "tests" / "unit" / f"test_{name}.py" for name in TALKING]
    argv = [sys.executable, "-m", "pytest", "-p", "tests.doubles.payload_book", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PAYLOAD_BOOK": str(book)}
    done = subprocess.run(argv, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    return [json.loads(line) for line in book.read_text().splitlines()]


def test_slacks_own_types_describe_everything_that_is_said_and_shown(payloads):
    made = Counter(kind for kind, _ in payloads)
    assert made["Message"] > 20
    assert made["View"] > 20
    assert wrong_with(payloads) == ""


SLIPS = {
    "a field too many": ("Message", {"blocks": [{**section("x"), "colour": "red"}]}),
    "a field of another element": ("Message", {"blocks": [actions({**button("x", "y", "z"), "placeholder": {}})]}),
    "a style that there is not": ("Message", {"blocks": [actions(button("x", "y", "z", style="blue"))]}),
    "markup where Slack takes none": ("Message", {"blocks": [{**section("x"), "type": "header"}]}),
    "a modal without a title": ("View", {"type": "modal", "blocks": []}),
    "a call with an argument of another": (
        "ChatUpdateArguments",
        {"channel": "C1", "ts": "1", "text": "x", "user": "U"},
    ),
    "a call's block": ("ChatUpdateArguments", {"channel": "C1", "ts": "1", "text": "x", "blocks": [{"type": "x"}]}),
}


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_a_slip_is_seen(slip):
    assert "error TS" in wrong_with([slip])
