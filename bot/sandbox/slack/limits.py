"""Slack's rules for what an app may send. Pure: nothing here knows of a workspace.

The figures are those of docs.slack.dev/reference/block-kit and of slack_sdk's models; the total size of the
blocks of one message is undocumented and was measured near 13,200 characters of JSON (bolt-js#2509). The
sentences are Slack's own, so that a developer who looks for one of them finds it.
"""

from __future__ import annotations

import json

from bot.sandbox.slack.block_rules import check_block
from bot.sandbox.slack.checklist import Breach, Checklist
from bot.sandbox.slack.element_rules import check_choices

BLOCKS_IN_A_MESSAGE = 50
BLOCKS_IN_A_VIEW = 100
ALL_BLOCKS = 13_200
TEXT = 40_000
METADATA = 8_000
ATTACHMENTS = 100
VIEW = 250_000
_VIEW = (
    *("title", "submit", "close", "blocks", "callback_id", "external_id", "private_metadata"),
    *("clear_on_close", "notify_on_close", "submit_disabled"),
)


def check_message(
    text: str, blocks: object = None, attachments: object = None, metadata: object = None
) -> list[Breach]:
    """Everything wrong with a message; an empty list when Slack would take it."""
    breaches = []
    if not (text.strip() or blocks or attachments):
        breaches.append(Breach("no_text", "text, blocks or attachments must be given"))
    if len(text) > TEXT:
        breaches.append(Breach("msg_too_long", f"text is longer than {TEXT} characters"))
    if isinstance(attachments, list) and len(attachments) > ATTACHMENTS:
        breaches.append(Breach("too_many_attachments", f"no more than {ATTACHMENTS} attachments allowed"))
    return breaches + check_blocks(blocks or []) + check_metadata(metadata)


def check_blocks(blocks: object, *, most: int = BLOCKS_IN_A_MESSAGE, at: str = "/blocks") -> list[Breach]:
    """Everything wrong with a list of blocks."""
    if not isinstance(blocks, list):
        return [Breach("invalid_blocks_format", "must provide an array", at)]
    check = Checklist()
    check.count(blocks, at, most)
    for index, block in enumerate(blocks):
        check_block(check, block, f"{at}/{index}")
    check.unique(blocks, "block_id", at)
    size = len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))
    if not check.breaches and most == BLOCKS_IN_A_MESSAGE and size > ALL_BLOCKS:
        return [Breach("msg_blocks_too_long", f"the blocks have {size} characters, {ALL_BLOCKS} at most", at)]
    return check.breaches


def check_metadata(metadata: object) -> list[Breach]:
    """Everything wrong with message metadata; None and {} (which removes it) are right."""
    if not metadata:
        return []
    if not isinstance(metadata, dict):
        return [Breach("invalid_metadata_format", "must provide an object", "/metadata")]
    if not isinstance(metadata.get("event_type"), str) or not isinstance(metadata.get("event_payload"), dict):
        sentence = "must have event_type, a string, and event_payload, an object"
        return [Breach("invalid_metadata_schema", sentence, "/metadata")]
    if len(json.dumps(metadata)) > METADATA:
        return [Breach("metadata_too_large", f"must be less than {METADATA + 1} characters", "/metadata")]
    return []


def check_view(view: object, kind: str | None = None) -> list[Breach]:
    """Everything wrong with a modal or a home tab; `kind` when only one of them is welcome."""
    if not isinstance(view, dict):
        return [Breach("invalid_arguments", "must provide an object", "/view")]
    kinds = (kind,) if kind else ("modal", "home")
    check = Checklist(code="invalid_arguments")
    check.only(view, _VIEW, "/view")
    if view.get("type") not in kinds:
        check.say(f"must be one of: {', '.join(kinds)}", "/view/type")
    modal = view.get("type") == "modal"
    for name in ("title", "submit", "close"):
        check.text(view, name, "/view", 24, kinds=("plain_text",), required=modal and name == "title")
    check.string(view, "callback_id", "/view", 255)
    check.string(view, "external_id", "/view", 255)
    check.string(view, "private_metadata", "/view", 3000)
    for name in ("clear_on_close", "notify_on_close", "submit_disabled"):
        check.flag(view, name, "/view")
    return check.breaches + _check_view_blocks(view.get("blocks"), needs_submit=modal and "submit" not in view)


def _check_view_blocks(blocks: object, *, needs_submit: bool) -> list[Breach]:
    below = [
        Breach("invalid_arguments", each.message, each.pointer)
        for each in check_blocks(blocks, most=BLOCKS_IN_A_VIEW, at="/view/blocks")
    ]
    if below or not isinstance(blocks, list):
        return below
    check = Checklist(code="invalid_arguments")
    if needs_submit and any(block["type"] == "input" for block in blocks):
        check.say("must have a submit button when it has input blocks", "/view/submit")
    elements = [element for block in blocks for element in (block.get("element"), block.get("accessory")) if element]
    if len([element for element in elements if element.get("focus_on_load")]) > 1:
        check.say("only one element can have focus_on_load", "/view/blocks")
    if len(json.dumps(blocks, separators=(",", ":"))) > VIEW:
        return [Breach("view_too_large", f"the view has more than {VIEW} bytes", "/view")]
    return check.breaches


def check_options(answer: object) -> list[Breach]:
    """Everything wrong with what an app answers to a block_suggestion: options or option_groups, 100 at most."""
    if not isinstance(answer, dict) or not {"options", "option_groups"} & answer.keys():
        return [Breach("invalid_options", "missing required field: options")]
    check = Checklist(code="invalid_options")
    check_choices(check, answer, "", most=100, least=0, kinds=("plain_text",))
    return check.breaches
