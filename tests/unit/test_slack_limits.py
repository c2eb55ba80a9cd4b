"""Slack's rules of messages, each at its edge: the largest thing that passes and the smallest that does not."""

import json

import pytest

from bot.sandbox.slack.limits import check_message, check_metadata
from bot.sandbox.slack.mentions import pings
from tests.doubles.block_kit import (
    actions,
    button,
    confirm,
    context,
    fields,
    header,
    image,
    mrkdwn,
    plain,
    section,
    select,
)

LARGEST = {
    "50 blocks": [{"type": "divider"}] * 50,
    "a section of 3,000 characters": [section("x" * 3000)],
    "10 fields": [fields(*"0123456789")],
    "fields of 2,000 characters": [fields("x" * 2000)],
    "a header of 150 characters": [header("x" * 150)],
    "a context of 10 elements": [context(*"0123456789")],
    "25 buttons": [actions(*[button(action_id=str(number)) for number in range(25)])],
    "a button text of 75 characters": [actions(button("x" * 75))],
    "a button value of 2,000 characters": [actions(button(value="x" * 2000))],
    "a button link of 3,000 characters": [actions(button(url="h" * 3000))],
    "an action_id of 255 characters": [actions(button(action_id="x" * 255))],
    "the same action_id in two blocks": [actions(button(action_id="a")), actions(button(action_id="a"))],
    "a block_id of 255 characters": [{"type": "divider", "block_id": "x" * 255}],
    "an image": [image(title=plain("x" * 2000))],
    "an image link of 3,000 characters": [image(image_url="h" * 3000)],
    "a button that asks first": [actions(button(confirm=confirm("x" * 100), style="danger"))],
    "a picture beside a section": [{**section("x"), "accessory": image()}],
    "a picture in a context": [{"type": "context", "elements": [image()]}],
    "100 options": [actions(select(100))],
    "rich text": [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]}],
}


@pytest.mark.parametrize("blocks", LARGEST.values(), ids=LARGEST)
def test_slack_takes(blocks):
    assert check_message("", blocks) == []


TOO_MUCH = {
    "51 blocks": ([{"type": "divider"}] * 51, "no more than 50 items allowed", "/blocks"),
    "a section of 3,001 characters": (
        [section("x" * 3001)],
        "must be less than 3001 characters",
        "/blocks/0/text/text",
    ),
    "an empty section text": ([section("")], "must be more than 0 characters", "/blocks/0/text/text"),
    "a section with neither text nor fields": (
        [{"type": "section"}],
        "missing required field: text",
        "/blocks/0",
    ),
    "11 fields": ([fields(*"0123456789a")], "no more than 10 items allowed", "/blocks/0/fields"),
    "a field of 2,001 characters": (
        [fields("x" * 2001)],
        "must be less than 2001 characters",
        "/blocks/0/fields/0/text",
    ),
    "a header of 151 characters": ([header("x" * 151)], "must be less than 151 characters", "/blocks/0/text/text"),
    "a header in mrkdwn": (
        [{"type": "header", "text": mrkdwn("*x*")}],
        "must be one of: plain_text",
        "/blocks/0/text/type",
    ),
    "a context of 11 elements": ([context(*"0123456789a")], "no more than 10 items allowed", "/blocks/0/elements"),
    "26 buttons": (
        [actions(*[button(action_id=str(number)) for number in range(26)])],
        "no more than 25 items allowed",
        "/blocks/0/elements",
    ),
    "no buttons": ([actions()], "must have at least 1 items", "/blocks/0/elements"),
    "a button text of 76 characters": (
        [actions(button("x" * 76))],
        "must be less than 76 characters",
        "/blocks/0/elements/0/text/text",
    ),
    "a button in mrkdwn": (
        [actions({"type": "button", "text": mrkdwn("Go")})],
        "must be one of: plain_text",
        "/blocks/0/elements/0/text/type",
    ),
    "a button value of 2,001 characters": (
        [actions(button(value="x" * 2001))],
        "must be less than 2001 characters",
        "/blocks/0/elements/0/value",
    ),
    "a button value that is a number": (
        [actions(button(value=42))],
        "must provide a string",
        "/blocks/0/elements/0/value",
    ),
    "a green button": (
        [actions(button(style="success"))],
        "must be one of: primary, danger",
        "/blocks/0/elements/0/style",
    ),
    "an action_id of 256 characters": (
        [actions(button(action_id="x" * 256))],
        "must be less than 256 characters",
        "/blocks/0/elements/0/action_id",
    ),
    "one action_id twice": (
        [actions(button(action_id="a"), button(action_id="a"))],
        "action_id `a` already exists",
        "/blocks/0/elements/1/action_id",
    ),
    "one block_id twice": (
        [{"type": "divider", "block_id": "b"}, {"type": "divider", "block_id": "b"}],
        "block_id `b` already exists",
        "/blocks/1/block_id",
    ),
    "an image without words": (
        [{"type": "image", "image_url": "https://example.com/a.png"}],
        "missing required field: alt_text",
        "/blocks/0",
    ),
    "an image without an address": (
        [{"type": "image", "alt_text": "a curve"}],
        "must have image_url or slack_file",
        "/blocks/0",
    ),
    "a question without a way back": (
        [actions(button(confirm={**confirm(), "deny": None}))],
        "missing required field: deny",
        "/blocks/0/elements/0/confirm",
    ),
    "101 options": ([actions(select(101))], "no more than 100 items allowed", "/blocks/0/elements/0/options"),
    "a block of no known type": ([{"type": "progress"}], "unsupported type: progress", "/blocks/0/type"),
    "a button outside actions": ([button()], "unsupported type: button", "/blocks/0/type"),
    "an input among buttons": (
        [actions({"type": "plain_text_input"})],
        "unsupported type: plain_text_input",
        "/blocks/0/elements/0/type",
    ),
    "a field that Slack does not know": (
        [{**section("x"), "colour": "red"}],
        "invalid additional property: colour",
        "/blocks/0",
    ),
    "a text that is only a string": (
        [{"type": "section", "text": "x"}],
        "must provide an object",
        "/blocks/0/text",
    ),
    "a block that is only a string": (["x"], "must provide an object", "/blocks/0"),
}


@pytest.mark.parametrize(("blocks", "sentence", "pointer"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_slack_refuses_and_says_where(blocks, sentence, pointer):
    (breach,) = check_message("", blocks)
    assert (breach.code, breach.message, breach.pointer) == ("invalid_blocks", sentence, pointer)


def test_the_sentence_of_a_breach_is_written_as_slack_writes_it():
    (breach,) = check_message("", [section("x" * 3001)])
    assert str(breach) == "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"


def test_blocks_that_pass_one_by_one_are_too_long_together():
    four = [section("x" * 3000)] * 4
    room = 13_200 - len(json.dumps([*four, section("")], separators=(",", ":")))
    assert check_message("", [*four, section("x" * room)]) == []
    (breach,) = check_message("", [*four, section("x" * (room + 1))])
    assert breach.code == "msg_blocks_too_long"


@pytest.mark.parametrize(
    ("text", "code"), [("", "no_text"), ("  \n", "no_text"), ("x" * 40_001, "msg_too_long")], ids=repr
)
def test_a_text_must_say_something_in_40000_characters(text, code):
    assert [breach.code for breach in check_message(text)] == [code]


def test_the_longest_text_passes():
    assert check_message("x" * 40_000) == []


def test_blocks_that_are_no_list_are_another_error():
    assert [breach.code for breach in check_message("x", {"type": "divider"})] == ["invalid_blocks_format"]


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ("run 42", "invalid_metadata_format"),
        ({"event_type": "run"}, "invalid_metadata_schema"),
        ({"event_type": "run", "event_payload": "42"}, "invalid_metadata_schema"),
        ({"event_type": "run", "event_payload": {"log": "x" * 8000}}, "metadata_too_large"),
    ],
)
def test_metadata_has_a_type_and_a_small_payload(metadata, code):
    assert [breach.code for breach in check_metadata(metadata)] == [code]


@pytest.mark.parametrize("metadata", [None, {}, {"event_type": "run", "event_payload": {"run_id": 42}}])
def test_right_metadata_passes(metadata):
    assert check_metadata(metadata) == []


@pytest.mark.parametrize(
    ("text", "blocks", "notified"),
    [
        ("done <@U0000ALICE> and <@U0000ALICE|alice>", None, ("U0000ALICE",)),
        ("<!channel> <!here|here>", None, ("!channel", "!here")),
        ("&lt;@U0000ALICE&gt; @alice &lt;!channel&gt;", None, ()),
        ("<@U0000ALICE>", [section("no name in here")], ()),
        ("", [context("for <@U000000BOB>")], ("U000000BOB",)),
        ("", [header("<@U000000BOB>")], ()),
        (
            "",
            [{"type": "rich_text", "elements": [{"type": "user", "user_id": "U000000BOB"}]}],
            ("U000000BOB",),
        ),
    ],
)
def test_only_what_slack_shows_as_a_mention_notifies(text, blocks, notified):
    assert pings(text, blocks) == notified
