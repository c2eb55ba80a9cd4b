"""Slack's rules for what an app may send. Pure: nothing here knows of a workspace.

The figures are those of docs.slack.dev/reference/block-kit and of slack_sdk's models; the total size of the
blocks of one message is undocumented and was measured near 13,200 characters of JSON (bolt-js#2509). The
sentences are Slack's own, so that a developer who looks for one of them finds it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

BLOCKS_IN_A_MESSAGE = 50
BLOCKS_IN_A_VIEW = 100
ALL_BLOCKS = 13_200
TEXT = 40_000
METADATA = 8_000
ATTACHMENTS = 100


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken rule: Slack's error code, its sentence and where (a JSON pointer, "" for the whole call)."""

    code: str
    message: str
    pointer: str = ""

    def __str__(self) -> str:
        return f"[ERROR] {self.message} [json-pointer:{self.pointer}]"


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
    check = _Check()
    check.count(blocks, at, most)
    for index, block in enumerate(blocks):
        _check_block(check, block, f"{at}/{index}")
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
    check = _Check(code="invalid_arguments")
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


class _Check:
    """Collects breaches; each method looks at one field of a parent and says what is wrong with it."""

    def __init__(self, code: str = "invalid_blocks") -> None:
        self.code = code
        self.breaches: list[Breach] = []

    def say(self, message: str, pointer: str) -> None:
        self.breaches.append(Breach(self.code, message, pointer))

    def require(self, parent: Mapping[str, Any], names: Collection[str], at: str) -> None:
        for name in names:
            if parent.get(name) is None:
                self.say(f"missing required field: {name}", at)

    def only(self, parent: Mapping[str, Any], names: Collection[str], at: str) -> None:
        for name in parent:
            if name not in names and name not in ("type", "block_id"):
                self.say(f"invalid additional property: {name}", at)

    def count(self, items: list[Any], at: str, most: int, least: int = 0) -> None:
        if len(items) > most:
            self.say(f"no more than {most} items allowed", at)
        if len(items) < least:
            self.say(f"must have at least {least} items", at)

    def unique(self, items: list[Any], name: str, at: str) -> None:
        seen = set()
        for index, item in enumerate(items):
            value = item.get(name) if isinstance(item, dict) else None
            if value is not None and value in seen:
                self.say(f"{name} `{value}` already exists", f"{at}/{index}/{name}")
            seen.add(value)

    def string(self, parent: Mapping[str, Any], name: str, at: str, longest: int, *, least: int = 0) -> None:
        value = parent.get(name)
        if value is None:
            return
        if not isinstance(value, str):
            self.say("must provide a string", f"{at}/{name}")
        elif len(value) > longest:
            self.say(f"must be less than {longest + 1} characters", f"{at}/{name}")
        elif len(value) < least:
            self.say(f"must be more than {least - 1} characters", f"{at}/{name}")

    def one_of(self, parent: Mapping[str, Any], name: str, at: str, values: Collection[str]) -> None:
        if parent.get(name) is not None and parent[name] not in values:
            self.say(f"must be one of: {', '.join(values)}", f"{at}/{name}")

    def text(
        self,
        parent: Mapping[str, Any],
        name: str,
        at: str,
        longest: int,
        *,
        kinds: Collection[str] = ("plain_text", "mrkdwn"),
        required: bool = False,
    ) -> None:
        """A text object below `parent`, such as `{"type": "mrkdwn", "text": "..."}`."""
        if parent.get(name) is None:
            if required:
                self.say(f"missing required field: {name}", at)
            return
        value, here = parent[name], f"{at}/{name}"
        if not isinstance(value, dict):
            self.say("must provide an object", here)
            return
        if value.get("type") not in kinds:
            self.say(f"must be one of: {', '.join(kinds)}", f"{here}/type")
        self.only(value, ("text", "emoji", "verbatim"), here)
        self.require(value, ("text",), here)
        self.string(value, "text", here, longest, least=1)

    def items(self, parent: Mapping[str, Any], name: str, at: str, *, most: int, least: int = 1) -> list[Any]:
        """The list below `parent`; an empty one, once it was complained about, where there is none."""
        value = parent.get(name)
        if not isinstance(value, list):
            self.say(f"missing required field: {name}" if value is None else "must provide an array", at)
            return []
        self.count(value, f"{at}/{name}", most, least)
        return value


def _check_block(check: _Check, block: object, at: str) -> None:
    if not isinstance(block, dict):
        check.say("must provide an object", at)
        return
    check.string(block, "block_id", at, 255)
    rule = _BLOCKS.get(str(block.get("type")))
    if rule is None:
        check.say(f"unsupported type: {block.get('type')}", f"{at}/type")
        return
    rule(check, block, at)


def _section(check: _Check, block: dict[str, Any], at: str) -> None:
    check.only(block, ("text", "fields", "accessory", "expand"), at)
    check.text(block, "text", at, 3000, required="fields" not in block)
    if "fields" in block:
        for index, _ in enumerate(fields := check.items(block, "fields", at, most=10)):
            check.text({str(index): fields[index]}, str(index), f"{at}/fields", 2000, required=True)
    if "accessory" in block:
        _check_element(check, block["accessory"], f"{at}/accessory", _ACCESSORIES)


def _header(check: _Check, block: dict[str, Any], at: str) -> None:
    check.only(block, ("text", "level"), at)
    check.text(block, "text", at, 150, kinds=("plain_text",), required=True)


def _divider(check: _Check, block: dict[str, Any], at: str) -> None:
    check.only(block, (), at)


def _context(check: _Check, block: dict[str, Any], at: str) -> None:
    check.only(block, ("elements",), at)
    elements = check.items(block, "elements", at, most=10)
    for index, element in enumerate(elements):
        if isinstance(element, dict) and element.get("type") == "image":
            _check_element(check, element, f"{at}/elements/{index}", ("image",))
        else:
            check.text({str(index): element}, str(index), f"{at}/elements", 3000, required=True)


def _actions(check: _Check, block: dict[str, Any], at: str) -> None:
    check.only(block, ("elements",), at)
    elements = check.items(block, "elements", at, most=25)
    for index, element in enumerate(elements):
        _check_element(check, element, f"{at}/elements/{index}", _ACTIONS)
    check.unique(elements, "action_id", f"{at}/elements")


def _image(check: _Check, block: dict[str, Any], at: str) -> None:
    check.only(block, ("image_url", "slack_file", "alt_text", "title"), at)
    _picture(check, block, at)
    check.text(block, "title", at, 2000, kinds=("plain_text",))


def _picture(check: _Check, value: dict[str, Any], at: str) -> None:
    check.require(value, ("alt_text",), at)
    check.string(value, "alt_text", at, 2000)
    if value.get("image_url") is None and value.get("slack_file") is None:
        check.say("must have image_url or slack_file", at)
    check.string(value, "image_url", at, 3000, least=1)


def _rich_text(check: _Check, block: dict[str, Any], at: str) -> None:
    check.only(block, ("elements",), at)
    parts = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")
    for index, element in enumerate(check.items(block, "elements", at, most=1000, least=0)):
        if not isinstance(element, dict) or element.get("type") not in parts:
            check.say(f"must be one of: {', '.join(parts)}", f"{at}/elements/{index}/type")


def _markdown(check: _Check, block: dict[str, Any], at: str) -> None:
    check.only(block, ("text",), at)
    check.require(block, ("text",), at)
    check.string(block, "text", at, 12_000, least=1)


def _video(check: _Check, block: dict[str, Any], at: str) -> None:
    check.require(block, ("alt_text", "thumbnail_url", "video_url"), at)
    check.text(block, "title", at, 199, kinds=("plain_text",), required=True)


def _input(check: _Check, block: dict[str, Any], at: str) -> None:
    check.only(block, ("label", "element", "dispatch_action", "hint", "optional"), at)
    check.text(block, "label", at, 2000, kinds=("plain_text",), required=True)
    check.text(block, "hint", at, 2000, kinds=("plain_text",))
    check.require(block, ("element",), at)
    if "element" in block:
        _check_element(check, block["element"], f"{at}/element", _INPUTS)


def _anything(check: _Check, block: dict[str, Any], at: str) -> None:
    """Known to Slack, not used by this bot: taken as it is."""


_Rule = Callable[[_Check, dict[str, Any], str], None]
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


def _check_element(check: _Check, element: object, at: str, kinds: Collection[str]) -> None:
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


def _button(check: _Check, element: dict[str, Any], at: str) -> None:
    check.only(element, ("text", "action_id", "url", "value", "style", "confirm", "accessibility_label"), at)
    check.text(element, "text", at, 75, kinds=("plain_text",), required=True)
    check.string(element, "value", at, 2000)
    check.string(element, "url", at, 3000, least=1)
    check.string(element, "accessibility_label", at, 75)
    check.one_of(element, "style", at, ("primary", "danger"))


def _confirm(check: _Check, value: object, at: str) -> None:
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


def _options(check: _Check, element: dict[str, Any], at: str, most: int, least: int) -> None:
    for index, option in enumerate(check.items(element, "options", at, most=most, least=least)):
        here = f"{at}/options/{index}"
        if not isinstance(option, dict):
            check.say("must provide an object", here)
            continue
        check.require(option, ("value",), here)
        check.text(option, "text", here, 75, required=True)
        check.text(option, "description", here, 75)
        check.string(option, "value", here, 150)
