"""The rules of each kind of element. Pure; figures as in `limits`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from bot.sandbox.slack.checklist import Checklist

_CHOICES = ("static_select", "external_select", "users_select", "conversations_select", "channels_select")
_MANY = tuple(f"multi_{kind}" for kind in _CHOICES)
_PICKERS = ("datepicker", "timepicker", "checkboxes", "radio_buttons")
_TYPED = ("plain_text_input", "email_text_input", "url_text_input", "number_input")
ACTIONS = ("button", "overflow", "datetimepicker", "workflow_button", *_CHOICES, *_MANY, *_PICKERS)
ACCESSORIES = ("button", "overflow", "image", "workflow_button", *_CHOICES, *_MANY, *_PICKERS)
INPUTS = (*_TYPED, "rich_text_input", "file_input", "datetimepicker", *_CHOICES, *_MANY, *_PICKERS)

# most options, and what their texts may be
_OPTIONS = {
    "static_select": (100, ("plain_text",)),
    "multi_static_select": (100, ("plain_text",)),
    "overflow": (5, ("plain_text",)),
    "checkboxes": (10, ("plain_text", "mrkdwn")),
    "radio_buttons": (10, ("plain_text", "mrkdwn")),
}
_EVERYWHERE = ("action_id", "confirm", "focus_on_load", "placeholder")
_CONVERSATIONS = ("default_to_current_conversation", "filter", "response_url_enabled")
_TEXT = ("initial_value", "dispatch_action_config")
# what an element may carry beside `_EVERYWHERE`; of the kinds that are not here anything is taken
_FIELDS: dict[str, tuple[str, ...]] = {
    "button": ("text", "url", "value", "style", "accessibility_label"),
    "overflow": ("options",),
    "static_select": ("options", "option_groups", "initial_option"),
    "external_select": ("initial_option", "min_query_length"),
    "users_select": ("initial_user",),
    "channels_select": ("initial_channel", "response_url_enabled"),
    "conversations_select": ("initial_conversation", *_CONVERSATIONS),
    "multi_static_select": ("options", "option_groups", "initial_options", "max_selected_items"),
    "multi_external_select": ("initial_options", "min_query_length", "max_selected_items"),
    "multi_users_select": ("initial_users", "max_selected_items"),
    "multi_channels_select": ("initial_channels", "max_selected_items"),
    "multi_conversations_select": ("initial_conversations", "max_selected_items", *_CONVERSATIONS),
    "checkboxes": ("options", "initial_options"),
    "radio_buttons": ("options", "initial_option"),
    "datepicker": ("initial_date",),
    "timepicker": ("initial_time", "timezone"),
    "datetimepicker": ("initial_date_time",),
    "plain_text_input": (*_TEXT, "multiline", "min_length", "max_length"),
    "email_text_input": _TEXT,
    "url_text_input": _TEXT,
    "number_input": (*_TEXT, "is_decimal_allowed", "min_value", "max_value"),
}
_TRIGGERS = ("on_enter_pressed", "on_character_entered")


def check_element(check: Checklist, element: object, at: str, kinds: Collection[str]) -> None:
    """Enter everything wrong with `element`, one of `kinds`, which stands at the JSON pointer `at`."""
    if not isinstance(element, dict):
        check.say("must provide an object", at)
        return
    kind = str(element.get("type"))
    if kind not in kinds:
        check.say(f"unsupported type: {kind}", f"{at}/type")
        return
    check.string(element, "action_id", at, 255)
    check.text(element, "placeholder", at, 150, kinds=("plain_text",))
    if kind in _FIELDS:
        check.only(element, (*_EVERYWHERE, *_FIELDS[kind]), at)
    if "confirm" in element:
        _confirm(check, element["confirm"], f"{at}/confirm")
    if kind == "button":
        _button(check, element, at)
    elif kind == "image":
        check_picture(check, element, at)
    elif kind in _OPTIONS:
        most, texts = _OPTIONS[kind]
        check_choices(check, element, at, most=most, kinds=texts)
        _initial(check, element, at)
    elif kind in _TYPED:
        _typed(check, element, at, kind)
    else:
        _rest(check, element, at)


def check_choices(
    check: Checklist, parent: dict[str, Any], at: str, *, most: int, least: int = 1, kinds: Collection[str]
) -> None:
    """The options below `parent`, or its groups of options."""
    if "option_groups" not in parent:
        _options(check, parent, at, most=most, least=least, kinds=kinds)
        return
    if "options" in parent:
        check.say("cannot have both options and option_groups", at)
    for index, group in enumerate(check.items(parent, "option_groups", at, most=100, least=least)):
        here = f"{at}/option_groups/{index}"
        if not isinstance(group, dict):
            check.say("must provide an object", here)
            continue
        check.text(group, "label", here, 75, kinds=("plain_text",), required=True)
        _options(check, group, here, most=100, least=least, kinds=kinds)


def check_picture(check: Checklist, value: dict[str, Any], at: str) -> None:
    """An image, as a block or as an element."""
    check.require(value, ("alt_text",), at)
    check.string(value, "alt_text", at, 2000)
    if value.get("image_url") is None and value.get("slack_file") is None:
        check.say("must have image_url or slack_file", at)
    check.string(value, "image_url", at, 3000, least=1)


def _options(
    check: Checklist, parent: dict[str, Any], at: str, *, most: int, least: int, kinds: Collection[str]
) -> None:
    for index, option in enumerate(check.items(parent, "options", at, most=most, least=least)):
        here = f"{at}/options/{index}"
        if not isinstance(option, dict):
            check.say("must provide an object", here)
            continue
        check.only(option, ("text", "value", "description", "url"), here)
        check.require(option, ("value",), here)
        check.text(option, "text", here, 75, kinds=kinds, required=True)
        check.text(option, "description", here, 75)
        check.string(option, "value", here, 150)


def _initial(check: Checklist, element: dict[str, Any], at: str) -> None:
    """What is chosen at first must be among the options."""
    groups = element.get("option_groups") or []
    lists = [element.get("options"), *(group.get("options") for group in groups if isinstance(group, dict))]
    options = [option for each in lists if isinstance(each, list) for option in each]
    one = element.get("initial_option")
    if one is not None and one not in options:
        check.say("must be one of the options", f"{at}/initial_option")
    if "initial_options" in element:
        for index, option in enumerate(check.items(element, "initial_options", at, most=100)):
            if option not in options:
                check.say("must be one of the options", f"{at}/initial_options/{index}")
    check.whole(element, "max_selected_items", at, 1, 100)


def _typed(check: Checklist, element: dict[str, Any], at: str, kind: str) -> None:
    check.string(element, "initial_value", at, 3000)
    check.flag(element, "multiline", at)
    check.whole(element, "min_length", at, 0, 3000)
    check.whole(element, "max_length", at, 1, 3000)
    if kind == "number_input":
        check.require(element, ("is_decimal_allowed",), at)
        check.flag(element, "is_decimal_allowed", at)
        for name in ("initial_value", "min_value", "max_value"):
            check.matches(element, name, at, r"-?\d+(\.\d+)?", "of a number")
    config = element.get("dispatch_action_config")
    if isinstance(config, dict):
        triggers = check.items(config, "trigger_actions_on", f"{at}/dispatch_action_config", most=2)
        if not set(map(str, triggers)) <= set(_TRIGGERS):
            check.say(f"must be one of: {', '.join(_TRIGGERS)}", f"{at}/dispatch_action_config/trigger_actions_on")


def _rest(check: Checklist, element: dict[str, Any], at: str) -> None:
    check.matches(element, "initial_date", at, r"\d{4}-\d\d-\d\d", "YYYY-MM-DD")
    check.matches(element, "initial_time", at, r"([01]\d|2[0-3]):[0-5]\d", "HH:mm")
    check.whole(element, "initial_date_time", at, 10**9, 10**10 - 1)
    check.whole(element, "min_query_length", at, 0, 1000)
    check.whole(element, "max_selected_items", at, 1, 100)
    for name in ("initial_user", "initial_channel", "initial_conversation"):
        check.string(element, name, at, 255, least=1)
    for name in ("initial_users", "initial_channels", "initial_conversations"):
        if name in element:
            check.items(element, name, at, most=100)


def _button(check: Checklist, element: dict[str, Any], at: str) -> None:
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
