"""The rules of each kind of block. Pure; figures as in `limits`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.sandbox.slack.checklist import Checklist
from bot.sandbox.slack.element_rules import ACCESSORIES, ACTIONS, INPUTS, check_element, check_picture


def check_block(check: Checklist, block: object, at: str) -> None:
    """Enter everything wrong with `block`, which stands at the JSON pointer `at`, in the checklist."""
    if not isinstance(block, dict):
        check.say("must provide an object", at)
        return
    check.string(block, "block_id", at, 255)
    rule = _BLOCKS.get(str(block.get("type")))
    if rule is None:
        check.say(f"unsupported type: {block.get('type')}", f"{at}/type")
        return
    rule(check, block, at)


def _section(check: Checklist, block: dict[str, Any], at: str) -> None:
    check.only(block, ("text", "fields", "accessory", "expand"), at)
    check.text(block, "text", at, 3000, required="fields" not in block)
    if "fields" in block:
        for index, _ in enumerate(fields := check.items(block, "fields", at, most=10)):
            check.text({str(index): fields[index]}, str(index), f"{at}/fields", 2000, required=True)
    if "accessory" in block:
        check_element(check, block["accessory"], f"{at}/accessory", ACCESSORIES)


def _header(check: Checklist, block: dict[str, Any], at: str) -> None:
    check.only(block, ("text", "level"), at)
    check.text(block, "text", at, 150, kinds=("plain_text",), required=True)


def _divider(check: Checklist, block: dict[str, Any], at: str) -> None:
    check.only(block, (), at)


def _context(check: Checklist, block: dict[str, Any], at: str) -> None:
    check.only(block, ("elements",), at)
    elements = check.items(block, "elements", at, most=10)
    for index, element in enumerate(elements):
        if isinstance(element, dict) and element.get("type") == "image":
            check_element(check, element, f"{at}/elements/{index}", ("image",))
        else:
            check.text({str(index): element}, str(index), f"{at}/elements", 3000, required=True)


def _actions(check: Checklist, block: dict[str, Any], at: str) -> None:
    check.only(block, ("elements",), at)
    elements = check.items(block, "elements", at, most=25)
    for index, element in enumerate(elements):
        check_element(check, element, f"{at}/elements/{index}", ACTIONS)
    check.unique(elements, "action_id", f"{at}/elements")


def _image(check: Checklist, block: dict[str, Any], at: str) -> None:
    check.only(block, ("image_url", "slack_file", "alt_text", "title"), at)
    check_picture(check, block, at)
    check.text(block, "title", at, 2000, kinds=("plain_text",))


def _rich_text(check: Checklist, block: dict[str, Any], at: str) -> None:
    check.only(block, ("elements",), at)
    parts = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")
    for index, element in enumerate(check.items(block, "elements", at, most=1000, least=0)):
        if not isinstance(element, dict) or element.get("type") not in parts:
            check.say(f"must be one of: {', '.join(parts)}", f"{at}/elements/{index}/type")


def _markdown(check: Checklist, block: dict[str, Any], at: str) -> None:
    check.only(block, ("text",), at)
    check.require(block, ("text",), at)
    check.string(block, "text", at, 12_000, least=1)


def _video(check: Checklist, block: dict[str, Any], at: str) -> None:
    check.require(block, ("alt_text", "thumbnail_url", "video_url"), at)
    check.text(block, "title", at, 199, kinds=("plain_text",), required=True)


def _input(check: Checklist, block: dict[str, Any], at: str) -> None:
    check.only(block, ("label", "element", "dispatch_action", "hint", "optional"), at)
    check.text(block, "label", at, 2000, kinds=("plain_text",), required=True)
    check.text(block, "hint", at, 2000, kinds=("plain_text",))
    check.require(block, ("element",), at)
    for name in ("dispatch_action", "optional"):
        check.flag(block, name, at)
    if "element" in block:
        check_element(check, block["element"], f"{at}/element", INPUTS)


def _anything(check: Checklist, block: dict[str, Any], at: str) -> None:
    """Known to Slack, not used by this bot: taken as it is."""


_Rule = Callable[[Checklist, dict[str, Any], str], None]
_BLOCKS: dict[str, _Rule] = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "rich_text": _rich_text,
    "markdown": _markdown,
    "video": _video,
    "input": _input,
    "file": _anything,
    "table": _anything,
    "context_actions": _anything,
}
