"""The rules of each kind of block and of the elements in them. Pure; figures as in `limits`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from bot.sandbox.slack.checklist import Checklist


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
        _check_element(check, block["accessory"], f"{at}/accessory", _ACCESSORIES)


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
            _check_element(check, element, f"{at}/elements/{index}", ("image",))
        else:
            check.text({str(index): element}, str(index), f"{at}/elements", 3000, required=True)


def _actions(check: Checklist, block: dict[str, Any], at: str) -> None:
    check.only(block, ("elements",), at)
    elements = check.items(block, "elements", at, most=25)
    for index, element in enumerate(elements):
        _check_element(check, element, f"{at}/elements/{index}", _ACTIONS)
    check.unique(elements, "action_id", f"{at}/elements")


def _image(check: Checklist, block: dict[str, Any], at: str) -> None:
    check.only(block, ("image_url", "slack_file", "alt_text", "title"), at)
    _picture(check, block, at)
    check.text(block, "title", at, 2000, kinds=("plain_text",))


def _picture(check: Checklist, value: dict[str, Any], at: str) -> None:
    check.require(value, ("alt_text",), at)
    check.string(value, "alt_text", at, 2000)
    if value.get("image_url") is None and value.get("slack_file") is None:
        check.say("must have image_url or slack_file", at)
    check.string(value, "image_url", at, 3000, least=1)


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
    if "element" in block:
        _check_element(check, block["element"], f"{at}/element", _INPUTS)


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
_CHOICES = ("static_select", "external_select", "users_select", "conversations_select", "channels_select")
_MANY = tuple(f"multi_{kind}" for kind in _CHOICES)
_PICKERS = ("datepicker", "timepicker", "checkboxes", "radio_buttons")
_ACTIONS = ("button", "overflow", "datetimepicker", "workflow_button", *_CHOICES, *_MANY, *_PICKERS)
_ACCESSORIES = ("button", "overflow", "image", "workflow_button", *_CHOICES, *_MANY, *_PICKERS)
_TYPED = ("plain_text_input", "email_text_input", "url_text_input", "number_input", "rich_text_input", "file_input")
_INPUTS = (*_TYPED, "datetimepicker", *_CHOICES, *_MANY, *_PICKERS)


def _check_element(check: Checklist, element: object, at: str, kinds: Collection[str]) -> None:
    if not isinstance(element, dict):
        check.say("must provide an object", at)
        return
    kind = str(element.get("type"))
    if kind not in kinds:
        check.say(f"unsupported type: {kind}", f"{at}/type")
        return
    check.string(element, "action_id", at, 255)
    check.text(element, "placeholder", at, 150, kinds=("plain_text",))
    if "confirm" in element:
        _confirm(check, element["confirm"], f"{at}/confirm")
    if kind == "button":
        _button(check, element, at)
    elif kind == "image":
        _picture(check, element, at)
    elif kind in _OPTIONS and "option_groups" not in element:
        _options(check, element, at, *_OPTIONS[kind])


def _button(check: Checklist, element: dict[str, Any], at: str) -> None:
    check.only(element, ("text", "action_id", "url", "value", "style", "confirm", "accessibility_label"), at)
    check.text(element, "text", at, 75, kinds=("plain_text",), required=True)
    check.string(element, "value", at, 2000)
    check.string(element, "url", at, 3000, least=1)
    check.string(element, "accessibility_label", at, 75)
    check.one_of(element, "style", at, ("primary", "danger"))


def _confirm(check: Checklist, value: object, at: str) -> None:
    if not isinstance(value, dict):
        check.say("must provide an object", at)
        return
    check.text(value, "title", at, 100, kinds=("plain_text",), required=True)
    check.text(value, "text", at, 300, required=True)
    check.text(value, "confirm", at, 30, kinds=("plain_text",), required=True)
    check.text(value, "deny", at, 30, kinds=("plain_text",), required=True)
    check.one_of(value, "style", at, ("primary", "danger"))


# most and least options
_OPTIONS = {
    "static_select": (100, 1),
    "multi_static_select": (100, 1),
    "overflow": (5, 1),
    "checkboxes": (10, 1),
    "radio_buttons": (10, 1),
}


def _options(check: Checklist, element: dict[str, Any], at: str, most: int, least: int) -> None:
    for index, option in enumerate(check.items(element, "options", at, most=most, least=least)):
        here = f"{at}/options/{index}"
        if not isinstance(option, dict):
            check.say("must provide an object", here)
            continue
        check.require(option, ("value",), here)
        check.text(option, "text", here, 75, required=True)
        check.text(option, "description", here, 75)
        check.string(option, "value", here, 150)
