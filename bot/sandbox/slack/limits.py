"""Slack's rules for what an app may send. Pure: nothing here knows of a workspace.

The figures are those of docs.slack.dev/reference/block-kit and of slack_sdk's models; the total size of the
blocks of one message is undocumented and was measured near 13,200 characters of JSON (bolt-js#2509). The
sentences are Slack's own, so that a developer who looks for one of them finds it.
"""

from __future__ import annotations

import json

from bot.sandbox.slack.block_rules import check_block
from bot.sandbox.slack.checklist import Breach, Checklist

BLOCKS_IN_A_MESSAGE = 50
BLOCKS_IN_A_VIEW = 100
ALL_BLOCKS = 13_200
TEXT = 40_000
METADATA = 8_000
ATTACHMENTS = 100


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


def check_view(view: object) -> list[Breach]:
    """Everything wrong with a modal or a home tab."""
    if not isinstance(view, dict):
        return [Breach("invalid_arguments", "must provide an object", "/view")]
    check = Checklist(code="invalid_arguments")
    if view.get("type") not in ("modal", "home"):
        check.say("must be one of: modal, home", "/view/type")
    modal = view.get("type") == "modal"
    for name in ("title", "submit", "close"):
        check.text(view, name, "/view", 24, kinds=("plain_text",), required=modal and name == "title")
    check.string(view, "callback_id", "/view", 255)
    check.string(view, "private_metadata", "/view", 3000)
    blocks = view.get("blocks")
    inputs = [b for b in blocks if isinstance(b, dict) and b.get("type") == "input"] if isinstance(blocks, list) else []
    if modal and inputs and "submit" not in view:
        check.say("must have a submit button when it has input blocks", "/view/submit")
    below = check_blocks(blocks, most=BLOCKS_IN_A_VIEW, at="/view/blocks")
    return check.breaches + [Breach("invalid_arguments", each.message, each.pointer) for each in below]
